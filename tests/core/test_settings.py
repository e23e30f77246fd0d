from __future__ import annotations

import msgspec
import pytest

from tidewaiter.core.errors import ConfigError
from tidewaiter.core.settings import Settings, flat, load


@pytest.fixture
def written(tmp_path):
    """Write a settings file and return its path."""

    def write(text: str):
        path = tmp_path / "tidewaiter.toml"
        path.write_text(text)
        return path

    return write


def test_without_a_file_everything_is_a_default_and_rows_go_to_the_lab(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    loaded = load(environ={})

    assert loaded.settings == Settings()
    assert loaded.settings.embedded
    assert set(loaded.origins.values()) == {"default"}


def test_the_file_of_the_working_directory_is_read(tmp_path, monkeypatch, written):
    written('[ingestion]\nendpoint = "https://a.example"\n')
    monkeypatch.chdir(tmp_path)

    loaded = load(environ={})

    assert not loaded.settings.embedded
    assert loaded.origins["ingestion.endpoint"] == "tidewaiter.toml:2"


def test_a_value_knows_its_line_and_a_variable_wins_over_the_file(written):
    path = written(
        '[azure]\n# who\ntenant_id = "t"\n\n[ingestion]\ndcr = "dcr-1"\n\n'
        '[ingestion.dcrs]\nASimDnsActivityLogs = "dcr-2"\n'
    )

    loaded = load(path, {"TIDEWAITER_INGESTION_DCR": "dcr-9", "TIDEWAITER_RETRY_MAX_ATTEMPTS": "3"})

    assert loaded.settings.ingestion.dcr == "dcr-9"
    assert loaded.settings.ingestion.dcrs == {"ASimDnsActivityLogs": "dcr-2"}
    assert loaded.settings.retry.max_attempts == 3
    assert loaded.origins["azure.tenant_id"] == f"{path}:3"
    assert loaded.origins["ingestion.dcr"] == "TIDEWAITER_INGESTION_DCR"
    assert loaded.origins["ingestion.dcrs.ASimDnsActivityLogs"] == f"{path}:9"
    assert loaded.origins["azure.client_id"] == "default"


def test_a_source_has_settings_of_its_own(written):
    path = written('[sources.aws_cloudtrail]\nphase = "shadow"\n')

    source = load(path, {}).settings.sources["aws_cloudtrail"]

    assert (source.phase, source.destination) == ("shadow", "asim")


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ('[azure]\nclientid = "x"\n', 2, r"unknown setting 'clientid' \(did you mean 'client_id'\?\)"),
        ('[azur]\ntenant_id = "x"\n', 0, r"unknown setting 'azur' \(did you mean 'azure'\?\)"),
        ('[phase]\ndefault = "on"\n', 2, r"phase\.default: Invalid enum value 'on'"),
        ('[retry]\nmax_attempts = "many"\n', 2, r"retry\.max_attempts: Expected `int`"),
        ("[azure\n", 0, "is not TOML"),
        ('[sources.x]\ndestination = "lake"\n', 2, r"destination: Invalid enum value 'lake'"),
    ],
)
def test_a_wrong_setting_is_named_with_its_line_and_a_next_step(written, text, line, message):
    path = written(text)

    with pytest.raises(ConfigError, match=message) as caught:
        load(path, {})

    assert caught.value.at is not None
    assert caught.value.at.path == str(path)
    if line:
        assert caught.value.at.line == line


def test_a_named_file_that_is_missing_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read: No such file") as caught:
        load(tmp_path / "none.toml", {})

    assert "tidewaiter init" in caught.value.hint


def test_a_wrong_variable_is_named():
    with pytest.raises(ConfigError, match=r"retry\.give_up_after"):
        load(None, {"TIDEWAITER_RETRY_GIVE_UP_AFTER": "soon"})


def test_every_setting_is_listed_with_its_path():
    names = [name for name, _ in flat(Settings())]

    assert len(names) == len(set(names))
    for part in msgspec.structs.fields(Settings):
        assert any(name == part.name or name.startswith(f"{part.name}.") for name in names)
