"""Digest files say which log files there must be, and what they hold."""

from __future__ import annotations

import base64
import gzip
import json
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tidewaiter.content import sources
from tidewaiter.core.errors import UsageError
from tidewaiter.pipeline.sources import discover
from tidewaiter.pipeline.sources.integrity import check_integrity, load_public_keys

ACCOUNT, REGION, BUCKET = "210987654321", "eu-north-1", "harbour-trail"
_KEY = generate_private_key(65537, 2048)


class Trail:
    """Writes three hours of a trail, two log files and one digest each, signed."""

    def __init__(self, root):
        self.root = root
        self.digests = []
        self.logs = []
        previous = (None, None, None)
        for hour in range(3):
            logs = [self._log(hour, minute) for minute in (5, 35)]
            previous = self._digest(hour, logs, previous)

    def _log(self, hour, minute):
        name = f"{ACCOUNT}_CloudTrail_{REGION}_20260301T{hour + 8:02}{minute:02}Z_{hour}x{minute}.json.gz"
        key = f"AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/2026/03/01/{name}"
        event = {"eventVersion": "1.11", "eventID": name, "eventSource": "iam.amazonaws.com"}
        text = json.dumps({"Records": [event]}).encode()
        self.logs.append(self._put(key, text))
        return {"s3Bucket": BUCKET, "s3Object": key, "hashValue": sha256(text).hexdigest()}

    def _digest(self, hour, logs, previous):
        end = f"20260301T{hour + 9:02}0000Z"
        name = f"{ACCOUNT}_CloudTrail-Digest_{REGION}_quay_watch_eu-west-1_{end}.json.gz"
        key = f"AWSLogs/{ACCOUNT}/CloudTrail-Digest/{REGION}/2026/03/01/{name}"
        body = {
            "awsAccountId": ACCOUNT,
            "digestStartTime": f"2026-03-01T{hour + 8:02}:00:00Z",
            "digestEndTime": f"2026-03-01T{hour + 9:02}:00:00Z",
            "digestS3Bucket": BUCKET,
            "digestS3Object": key,
            "digestPublicKeyFingerprint": "0f0f",
            "previousDigestS3Object": previous[0],
            "previousDigestHashValue": previous[1],
            "previousDigestSignature": previous[2],
            "logFiles": logs,
        }
        text = json.dumps(body).encode()
        self.digests.append(self._put(key, text))
        hashed = sha256(text).hexdigest()
        signed = f"{body['digestEndTime']}\n{BUCKET}/{key}\n{hashed}\n{previous[2] or 'null'}"
        return key, hashed, _KEY.sign(signed.encode(), PKCS1v15(), SHA256()).hex()

    def _put(self, key, text):
        path = self.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(text))
        return path


@pytest.fixture
def trail(tmp_path):
    return Trail(tmp_path / "copy")


@pytest.fixture
def keys(tmp_path):
    value = _KEY.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
    path = tmp_path / "keys.json"
    listed = [{"Value": base64.b64encode(value).decode(), "Fingerprint": "0f0f"}]
    path.write_text(json.dumps({"PublicKeyList": listed}))
    return load_public_keys(path)


def look(trail, keys=None):
    recognitions = {"aws_cloudtrail": sources()["aws_cloudtrail"].recognition}
    return check_integrity(discover(trail.root, recognitions), keys=keys)


def wrong(trail, keys=None):
    return [(problem.kind, problem.key) for found in look(trail, keys) for problem in found.problems]


def test_an_untouched_trail_is_whole_and_all_signatures_but_the_last_hold(trail, keys):
    (found,) = look(trail, keys)
    assert (found.account, found.region, found.trail) == (ACCOUNT, REGION, "quay_watch")
    assert (found.start, found.end) == ("2026-03-01T08:00:00Z", "2026-03-01T11:00:00Z")
    assert (found.digests, found.log_files, found.intact, found.signed, found.unsigned) == (3, 6, 6, 2, 1)
    assert found.problems == []


def test_without_keys_no_signature_is_claimed_to_hold(trail):
    (found,) = look(trail)
    assert (found.signed, found.unsigned, found.problems) == (0, 3, [])


def test_a_log_file_that_is_gone_is_named_by_its_key(trail):
    trail.logs[2].unlink()
    assert wrong(trail) == [("missing_log", trail.logs[2].relative_to(trail.root).as_posix())]


def test_a_log_file_that_was_rewritten_is_told(trail):
    trail.logs[1].write_bytes(gzip.compress(b'{"Records":[{"eventVersion":"1.11","eventSource":"s3"}]}'))
    assert [kind for kind, _ in wrong(trail)] == ["changed_log"]


def test_a_damaged_log_file_is_not_called_changed(trail):
    trail.logs[1].write_bytes(trail.logs[1].read_bytes()[:-9])
    assert [kind for kind, _ in wrong(trail)] == ["unreadable_log"]


def test_a_copy_that_was_unpacked_is_the_same_file(trail):
    for path in [*trail.logs, *trail.digests]:
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    (found,) = look(trail)
    assert (found.intact, found.problems) == (6, [])


def test_a_log_file_that_no_digest_names_is_told(trail):
    planted = trail.logs[0].with_name(trail.logs[0].name.replace("0805Z_0x5", "0905Z_planted"))
    planted.write_bytes(trail.logs[0].read_bytes())
    assert [kind for kind, _ in wrong(trail)] == ["unnamed_log"]


def test_a_digest_that_is_gone_is_named_by_the_next_one(trail):
    trail.digests[1].unlink()
    kinds = wrong(trail)
    assert ("missing_digest", trail.digests[1].relative_to(trail.root).as_posix()) in kinds
    # Its log files lie there, and nothing vouches for them.
    assert [kind for kind, _ in kinds if kind != "missing_digest"] == ["unnamed_log", "unnamed_log"]


def test_a_digest_that_was_rewritten_is_told_by_the_next_one(trail, keys):
    body = json.loads(gzip.decompress(trail.digests[1].read_bytes()))
    body["logFiles"] = body["logFiles"][:1]
    trail.digests[1].write_bytes(gzip.compress(json.dumps(body).encode()))
    assert "changed_digest" in [kind for kind, _ in wrong(trail, keys)]


def test_a_chain_that_was_rewritten_whole_has_signatures_that_do_not_hold(trail, keys, monkeypatch):
    monkeypatch.setattr("tests.pipeline.sources.test_integrity._KEY", generate_private_key(65537, 2048))
    Trail(trail.root)
    assert [kind for kind, _ in wrong(trail, keys)] == ["forged_digest", "forged_digest"]


def test_a_digest_that_is_no_digest_is_told(trail):
    trail.digests[0].write_bytes(b"{}")
    assert "unreadable_digest" in [kind for kind, _ in wrong(trail)]


@pytest.mark.parametrize("text", ["", "[]", '{"PublicKeyList":[{"Value":"!","Fingerprint":"a"}]}'])
def test_a_file_without_public_keys_is_refused_with_the_command_that_makes_one(tmp_path, text):
    path = tmp_path / "keys.json"
    path.write_text(text)
    with pytest.raises(UsageError, match="no public keys") as raised:
        load_public_keys(path)
    assert "list-public-keys" in raised.value.hint
