"""Digest files say which log files there must be, and what they hold."""

from __future__ import annotations

import base64
import gzip
import json
import shutil
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as ec_key
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tidewaiter.content import sources
from tidewaiter.core.errors import UsageError
from tidewaiter.pipeline.sources import discover, integrity
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
    assert (found.digests, found.log_files, found.intact, found.signed) == (3, 6, 6, 2)
    assert found.problems == []


def test_without_keys_no_signature_is_claimed_to_hold(trail):
    (found,) = look(trail)
    assert (found.signed, found.problems) == (0, [])


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


def test_a_digest_that_is_gone_is_named_by_the_next_one_and_its_logs_are_not_accused(trail):
    trail.digests[1].unlink()
    assert wrong(trail) == [("missing_digest", trail.digests[1].relative_to(trail.root).as_posix())]


def test_logs_of_the_hours_before_and_after_the_digests_are_not_accused(trail):
    trail.digests[0].unlink()
    trail.digests[2].unlink()
    assert wrong(trail) == []


def test_a_digest_that_was_rewritten_is_told_by_the_next_one(trail, keys):
    body = json.loads(gzip.decompress(trail.digests[1].read_bytes()))
    body["logFiles"] = body["logFiles"][:1]
    trail.digests[1].write_bytes(gzip.compress(json.dumps(body).encode()))
    assert "changed_digest" in [kind for kind, _ in wrong(trail, keys)]


def test_a_chain_that_was_rewritten_whole_has_signatures_that_do_not_hold(trail, keys, monkeypatch):
    monkeypatch.setattr("tests.pipeline.sources.test_integrity._KEY", generate_private_key(65537, 2048))
    Trail(trail.root)
    assert [kind for kind, _ in wrong(trail, keys)] == ["forged_digest", "forged_digest"]


def rewritten(path, **changed):
    body = json.loads(gzip.decompress(path.read_bytes())) | changed
    path.write_bytes(gzip.compress(json.dumps(body).encode()))


def rehashed(trail, **changed):
    """Rewrite a chain so that its hashes fit; `changed` stands in every digest."""
    for before, path in zip([None, *trail.digests], trail.digests, strict=False):
        if before:
            changed["previousDigestHashValue"] = sha256(gzip.decompress(before.read_bytes())).hexdigest()
        rewritten(path, **changed)


@pytest.mark.parametrize(
    "changed", [{"digestPublicKeyFingerprint": "ffff"}, {"previousDigestSignature": None}]
)
def test_a_chain_without_signatures_that_could_be_checked_does_not_pass_with_keys(trail, keys, changed):
    rehashed(trail, **changed)
    assert wrong(trail) == [], "the hashes alone fit"
    assert [kind for kind, _ in wrong(trail, keys)] == ["unsigned_digest", "unsigned_digest"]


def test_a_log_file_whose_original_lies_elsewhere_is_still_told_as_changed(trail):
    copy = trail.root / "tmp" / trail.logs[1].name
    copy.parent.mkdir()
    copy.write_bytes(trail.logs[1].read_bytes())
    trail.logs[1].write_bytes(gzip.compress(b'{"Records":[]}'))
    (found,) = look(trail)
    assert found.intact == 5
    assert [(each.kind, each.key.rpartition("/")[0]) for each in found.problems] == [
        ("changed_log", trail.logs[1].relative_to(trail.root).parent.as_posix())
    ]


def test_a_file_of_another_name_among_the_logs_is_told(trail):
    planted = trail.logs[0].with_name("copy.json.gz")
    planted.write_bytes(
        gzip.compress(b'{"Records":[{"eventVersion":"1.1","eventName":"a","eventSource":"b"}]}')
    )
    assert [kind for kind, _ in wrong(trail)] == ["unnamed_log"]


def test_a_folder_that_lies_there_twice_is_one_chain(trail):
    shutil.copytree(trail.root / "AWSLogs", trail.root / "again")
    (found,) = look(trail)
    assert (found.digests, found.problems) == (3, [])


def test_trails_of_one_name_with_other_homes_are_two_chains(trail):
    for path in trail.digests:
        body = json.loads(gzip.decompress(path.read_bytes()))
        other = {name: str(body[name]).replace("eu-west-1_", "us-east-1_") for name in ("digestS3Object",)}
        if body["previousDigestS3Object"]:
            other["previousDigestS3Object"] = body["previousDigestS3Object"].replace(
                "eu-west-1_", "us-east-1_"
            )
        copy = path.with_name(path.name.replace("eu-west-1_", "us-east-1_"))
        copy.write_bytes(path.read_bytes())
        rewritten(copy, **other)
    assert len(look(trail)) == 2


def test_a_digest_of_very_many_things_that_are_no_files_is_one_problem(trail):
    rewritten(trail.digests[2], logFiles=[0] * 100_000)
    assert [kind for kind, _ in wrong(trail)] == ["unreadable_digest"]


def test_a_digest_that_names_very_many_files_is_told_by_number(trail):
    rewritten(trail.digests[2], logFiles=[{"s3Object": f"x{n}", "hashValue": "0"} for n in range(5_000)])
    (found,) = look(trail)
    assert found.wrong["missing_log"] == 5_000
    assert len(found.problems) == 1_000


def test_one_log_file_is_read_once_however_often_it_is_named(trail, monkeypatch):
    read: list[str] = []
    hashed = integrity._hash

    def counted(item):
        read.append(item.id)
        return hashed(item)

    monkeypatch.setattr(integrity, "_hash", counted)
    name = trail.logs[4].relative_to(trail.root).as_posix()
    rewritten(trail.digests[2], logFiles=[{"s3Object": name, "hashValue": "0"}] * 50)
    look(trail)
    assert read.count(name) == 1


def test_a_key_of_megabytes_is_no_trouble(trail):
    rewritten(trail.digests[2], digestS3Object="0" * 2_000_000)
    assert len(look(trail)) == 2


def test_a_digest_that_is_no_digest_is_told(trail):
    trail.digests[0].write_bytes(b"{}")
    assert "unreadable_digest" in [kind for kind, _ in wrong(trail)]


def test_a_key_of_another_kind_is_refused(tmp_path):
    value = ec_key(SECP256R1()).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    broken = value.replace(bytes.fromhex("2a8648ce3d030107"), bytes.fromhex("2a8648ce3d030177"))
    path = tmp_path / "keys.json"
    listed = [{"Value": base64.b64encode(broken).decode(), "Fingerprint": "0f"}]
    path.write_text(json.dumps({"PublicKeyList": listed}))
    with pytest.raises(UsageError, match="no public keys"):
        load_public_keys(path)


@pytest.mark.parametrize("text", ["", "[]", '{"PublicKeyList":[{"Value":"!","Fingerprint":"a"}]}'])
def test_a_file_without_public_keys_is_refused_with_the_command_that_makes_one(tmp_path, text):
    path = tmp_path / "keys.json"
    path.write_text(text)
    with pytest.raises(UsageError, match="no public keys") as raised:
        load_public_keys(path)
    assert "list-public-keys" in raised.value.hint
