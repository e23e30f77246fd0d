from __future__ import annotations

import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from tidewaiter.core.errors import StateError
from tidewaiter.lab.server.certificates import CA_LIFETIME, LEAF_LIFETIME, RENEW_BEFORE, certificates
from tidewaiter.lab.server.tokens import SigningKey

from .conftest import LabServer

NOW = datetime(2026, 3, 17, tzinfo=UTC)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_keys_are_for_their_owner_alone(lab_server: LabServer):
    assert lab_server.bearer()  # makes the key of tokens, if nobody needed it yet
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in lab_server.ca.parent.iterdir()}
    assert {name for name, mode in modes.items() if mode == 0o600} == {
        "ca-key.pem",
        "server-key.pem",
        "token-key.pem",
    }
    assert stat.S_IMODE((lab_server.lab.folder / "client.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_client_that_trusts_the_authority_reaches_the_lab_by_both_names(lab_server: LabServer, host):
    context = ssl.create_default_context(cafile=str(lab_server.ca))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    url = httpx.URL(lab_server.url).copy_with(host=host, path=f"/{lab_server.tenant}/discovery/v2.0/keys")
    with httpx.Client(verify=context) as client:
        assert client.get(url).status_code == 200


def test_a_client_that_does_not_is_refused(lab_server: LabServer):
    with httpx.Client() as client, pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        client.get(lab_server.url)


def test_certificates_are_kept_until_they_near_their_end(tmp_path: Path):
    certificates(tmp_path, now=NOW)
    made = content(tmp_path)
    certificates(tmp_path, now=NOW + LEAF_LIFETIME - RENEW_BEFORE - timedelta(hours=1))
    assert content(tmp_path) == made


def test_a_server_certificate_near_its_end_is_renewed_under_the_same_authority(tmp_path: Path):
    certificates(tmp_path, now=NOW)
    made = content(tmp_path)
    certificates(tmp_path, now=NOW + LEAF_LIFETIME - RENEW_BEFORE + timedelta(hours=1))
    renewed = content(tmp_path)
    changed = {name for name in made if made[name] != renewed[name]}
    assert changed == {"server.pem", "server-key.pem"}


def test_an_authority_near_its_end_is_renewed_with_what_it_signed(tmp_path: Path):
    certificates(tmp_path, now=NOW)
    made = content(tmp_path)
    certificates(tmp_path, now=NOW + CA_LIFETIME)
    renewed = content(tmp_path)
    assert {name for name in made if made[name] != renewed[name]} == set(made)


def test_a_damaged_certificate_is_made_anew(tmp_path: Path):
    found = certificates(tmp_path, now=NOW)
    found.certificate.write_text("no certificate")
    certificates(tmp_path, now=NOW)
    assert found.certificate.read_text().startswith("-----BEGIN CERTIFICATE-----")


def test_a_damaged_token_key_says_what_to_do(tmp_path: Path):
    (tmp_path / "key.pem").write_text("no key")
    with pytest.raises(StateError, match="remove it"):
        SigningKey.open(tmp_path / "key.pem")
