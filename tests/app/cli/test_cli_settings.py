from __future__ import annotations

import io
import sys
import tomllib

import pytest

from tidewaiter.core.settings import load


def answer(cli, monkeypatch, answers, *words):
    """Run a command whose questions get these answers."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(answers) + "\n"))
    return cli(*words)


def test_every_setting_is_shown_with_its_origin(cli, tmp_path):
    path = tmp_path / "own.toml"
    path.write_text('[state]\nurl = "postgresql://tw:hunter2@db.example/tw"\n')

    shown = cli("config", "show", "--origin", "--json", "--config", path)

    lines = shown.json
    by_name = {line["setting"]: line for line in lines}
    assert by_name["state.url"]["origin"] == f"{path}:2"
    assert by_name["azure.authority"]["origin"] == "default"
    assert "hunter2" not in shown.out
    table = cli("config", "show", "--origin", "--config", path)
    assert "hunter2" not in table.out
    assert "postgresql://tw:…@db.example/tw" in table.out


def test_a_wrong_settings_file_ends_with_exit_code_4_and_a_next_step(cli, tmp_path):
    path = tmp_path / "own.toml"
    path.write_text('[azure]\ntenantid = "x"\n')

    ended = cli("config", "show", "--config", path)

    assert ended.code == 4
    assert f"{path}:2: unknown setting 'tenantid'" in ended.err
    assert "did you mean 'tenant_id'?" in ended.err


def test_init_writes_settings_that_are_the_defaults_of_the_lab(cli, tmp_path):
    path = tmp_path / "tidewaiter.toml"

    cli("init", "--lab", "--out", path)

    assert load(path, {}).settings.embedded
    assert load(path, {}).settings.phase.default == "active"
    ended = cli("init", "--lab", "--out", path)
    assert ended.code == 2
    assert "--force" in ended.err


def test_init_asks_and_writes_what_was_answered_in_shadow(cli, monkeypatch, tmp_path):
    path = tmp_path / "tidewaiter.toml"
    answers = [
        "https://x.ingest.monitor.azure.com",
        'ten"ant',
        "client",
        "env://SECRET",
        "sub",
        "rg",
        "ws",
        "guid",
        "dcr-1",
    ]

    said = answer(cli, monkeypatch, answers, "init", "--out", path)

    assert said.code == 0
    settings = load(path, {}).settings
    assert settings.ingestion.endpoint == "https://x.ingest.monitor.azure.com"
    assert settings.ingestion.dcr == "dcr-1"
    assert settings.azure.tenant_id == 'ten"ant'
    assert settings.azure.client_secret == "env://SECRET"
    assert settings.phase.default == "shadow"
    assert "default" in tomllib.loads(path.read_text())["phase"]


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (["http://x.example"], "begins with https://"),
        (
            ["https://x.example", "t", "c", "the secret itself", "s", "r", "w", "g", "d"],
            "env://NAME or file://PATH",
        ),
    ],
)
def test_init_refuses_what_would_not_work(cli, monkeypatch, tmp_path, answers, message):
    path = tmp_path / "tidewaiter.toml"

    ended = answer(cli, monkeypatch, answers, "init", "--out", path)

    assert ended.code == 2
    assert message in ended.err
    assert not path.exists()
