"""Whether a trail's log files are all there and as CloudTrail wrote them, by its digest files.

Sources, read 2026-11: AWS CloudTrail User Guide, "CloudTrail digest file structure" and "Custom
implementations of CloudTrail log file integrity validation". Hashes are SHA-256 of uncompressed content.
A digest's own signature is metadata of its S3 object, which a copy does not have; the next digest repeats it.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Literal

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from tidewaiter.core.errors import UsageError
from tidewaiter.core.objects import SourceObject
from tidewaiter.pipeline.sources.codecs import DEFAULT_LIMITS, read_non_event
from tidewaiter.pipeline.sources.codecs.inflate import inflate
from tidewaiter.pipeline.sources.codecs.non_events import Digest
from tidewaiter.pipeline.sources.folder import Found, Unreadable, Unrecognized

Wrong = Literal[
    "missing_log",
    "changed_log",
    "unreadable_log",
    "unnamed_log",
    "missing_digest",
    "changed_digest",
    "unreadable_digest",
    "forged_digest",
    "new_chain",
]
Keys = Mapping[str, RSAPublicKey]
"""Public keys by fingerprint."""

_File = SourceObject | Unreadable

_NAME = re.compile(r"[0-9]{12}_CloudTrail-Digest_[a-z0-9-]+_(.+)_[a-z0-9-]+_[0-9]{8}T[0-9]{6}Z")
_LOG = re.compile(r"([0-9]{12})_CloudTrail_([a-z0-9-]+)_([0-9]{8})T([0-9]{4})Z_")


class _LogFile(msgspec.Struct, frozen=True):
    key: str = msgspec.field(name="s3Object")
    hash: str = msgspec.field(name="hashValue")


class _PublicKey(msgspec.Struct, frozen=True):
    value: str = msgspec.field(name="Value")
    fingerprint: str = msgspec.field(name="Fingerprint")


class _PublicKeys(msgspec.Struct, frozen=True):
    keys: list[_PublicKey] = msgspec.field(name="PublicKeyList")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is not as the digests say; `key` is an S3 key or the path of a file."""

    kind: Wrong
    key: str
    detail: str


@dataclass(slots=True)
class TrailIntegrity:
    """What one chain of digests (a trail in one account and region) says of the files that lie here.

    `start` and `end` are ISO 8601, UTC: what the digests cover. `signed` digests have a signature that holds;
    `unsigned` ones could not be held against one, for want of the key or of the digest that repeats it.
    """

    account: str
    region: str
    trail: str
    start: str
    end: str
    digests: int = 0
    log_files: int = 0
    intact: int = 0
    signed: int = 0
    unsigned: int = 0
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Held:
    object: SourceObject
    digest: Digest
    hash: str


def load_public_keys(path: Path) -> Keys:
    """Read the output of `aws cloudtrail list-public-keys`; one file may hold those of all regions.

    Raises:
        UsageError: it cannot be read, or is something else.
    """
    hint = "write it with: aws cloudtrail list-public-keys --start-time … --end-time … --output json"
    try:
        listed = msgspec.json.decode(path.read_bytes(), type=_PublicKeys)
        found = {each.fingerprint: load_der_public_key(base64.b64decode(each.value)) for each in listed.keys}
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}", hint=hint) from None
    except (msgspec.MsgspecError, binascii.Error, ValueError) as error:
        raise UsageError(f"{path} holds no public keys of CloudTrail: {error}", hint=hint) from None
    return {name: key for name, key in found.items() if isinstance(key, RSAPublicKey)}


def check_integrity(found: Iterable[Found], *, keys: Keys | None = None) -> list[TrailIntegrity]:
    """Hold the log files that were found in a folder against the digest files there, chain by chain.

    Files that lie where logs lie and are none are held against the digests, too.
    """
    chains: dict[tuple[str, str, str], list[_Held]] = defaultdict(list)
    logs: dict[str, list[_File]] = defaultdict(list)
    damaged: list[Problem] = []
    for item in found:
        if isinstance(item, Unrecognized):
            continue
        if isinstance(item, Unreadable) and "CloudTrail-Digest/" in item.id:
            damaged.append(Problem("unreadable_digest", item.id, item.fault.message))
        elif isinstance(item, Unreadable) or item.kind != "digest":
            logs[_stem(item.id)].append(item)
        elif isinstance(held := _read(item), Problem):
            damaged.append(held)
        else:
            chains[_chain_of(held)].append(held)
    named: set[str] = set()
    made = [
        _check(place, sorted(chain, key=lambda held: held.digest.digest_start_time), logs, named, keys)
        for place, chain in sorted(chains.items())
    ]
    _unnamed(made, logs, named)
    if damaged:
        made.append(TrailIntegrity("", "", "", "", "", digests=len(damaged), problems=damaged))
    return made


def _read(item: SourceObject) -> _Held | Problem:
    found = read_non_event(item, DEFAULT_LIMITS)
    content = _hash(item)
    if found.detail is None or content is None:
        reason = found.faults[0].message if found.faults else "cannot be read"
        return Problem("unreadable_digest", item.id, reason)
    return _Held(item, found.detail, content)


def _chain_of(held: _Held) -> tuple[str, str, str]:
    """Return account, region and trail; the digest's key names the region, which its members do not."""
    key = held.digest.key or held.object.id
    name = _NAME.search(key)
    region = re.search(r"CloudTrail-Digest[_/]([a-z0-9-]+)[_/]", key)
    return held.digest.aws_account_id, region[1] if region else "", name[1] if name else ""


def _check(
    place: tuple[str, str, str],
    chain: Sequence[_Held],
    logs: Mapping[str, Sequence[_File]],
    named: set[str],
    keys: Keys | None,
) -> TrailIntegrity:
    first, last = chain[0].digest, max(chain, key=lambda held: held.digest.digest_end_time).digest
    made = TrailIntegrity(*place, first.digest_start_time, last.digest_end_time, digests=len(chain))
    for before, held in zip([None, *chain], chain, strict=False):
        if before is not None:
            _link(made, before, held, keys)
        for raw in held.digest.files:
            _log_file(made, raw, held, logs, named)
    made.unsigned += 1  # nothing here repeats the signature of the last one
    return made


def _link(made: TrailIntegrity, before: _Held, held: _Held, keys: Keys | None) -> None:
    """Hold a digest against what the next one says of it."""
    previous, digest = before.digest, held.digest
    made.unsigned += 1
    if digest.previous_object is None:
        between = f"between {previous.digest_end_time} and {digest.digest_start_time}"
        what = f"it names no digest before it: logging or its validation was off {between}"
        made.problems.append(Problem("new_chain", digest.key, what))
    elif _stem(digest.previous_object) != _stem(previous.key or before.object.id):
        what = f"digests between {previous.digest_end_time} and {digest.digest_start_time} are not here"
        made.problems.append(Problem("missing_digest", digest.previous_object, what))
    elif digest.previous_hash != before.hash:
        made.problems.append(
            Problem("changed_digest", before.object.id, "its bytes are not those that the next digest saw")
        )
    elif keys and previous.fingerprint in keys and digest.previous_signature:
        made.unsigned -= 1
        if _signature_holds(keys[previous.fingerprint], before, digest.previous_signature):
            made.signed += 1
        else:
            made.problems.append(Problem("forged_digest", before.object.id, "its signature does not hold"))


def _signature_holds(key: RSAPublicKey, held: _Held, signature: str) -> bool:
    digest = held.digest
    signed = "\n".join(
        (
            digest.digest_end_time,
            f"{digest.bucket}/{digest.key}",
            held.hash,
            digest.previous_signature or "null",
        )
    )
    try:
        key.verify(bytes.fromhex(signature), signed.encode(), PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def _log_file(
    made: TrailIntegrity,
    raw: msgspec.Raw,
    held: _Held,
    logs: Mapping[str, Sequence[_File]],
    named: set[str],
) -> None:
    made.log_files += 1
    try:
        file = msgspec.json.decode(raw, type=_LogFile)
    except msgspec.MsgspecError as error:
        made.problems.append(Problem("unreadable_digest", held.object.id, f"an entry of it: {error}"))
        return
    named.add(_stem(file.key))
    here = logs.get(_stem(file.key))
    if not here:
        made.problems.append(Problem("missing_log", file.key, "a digest names it, and it is not here"))
        return
    hashes = [_hash(item) for item in here]
    if file.hash in hashes:
        made.intact += 1
    elif any(hashes):
        made.problems.append(
            Problem("changed_log", here[0].id, "its bytes are not those that were delivered")
        )
    else:
        made.problems.append(Problem("unreadable_log", here[0].id, "it cannot be read whole"))


def _unnamed(made: Sequence[TrailIntegrity], logs: Mapping[str, Sequence[_File]], named: set[str]) -> None:
    """Tell of log files that lie within the time of their account's and region's digests, and none names."""
    places: dict[tuple[str, str], list[TrailIntegrity]] = defaultdict(list)
    for trail in made:
        places[trail.account, trail.region].append(trail)
    for name, items in sorted(logs.items()):
        match = _LOG.match(name)
        if not match or name in named:
            continue
        account, region, day, time = match.groups()
        at = f"{day[:4]}-{day[4:6]}-{day[6:]}T{time[:2]}:{time[2:]}:00Z"
        within = [trail for trail in places[account, region] if trail.start < at < trail.end]
        if within:
            what = "no digest of its hour names it: CloudTrail did not deliver it as it lies here"
            within[0].problems += [Problem("unnamed_log", item.id, what) for item in items]


def _stem(key: str) -> str:
    """Return what a key and its copy share: a copy may lie in another folder, or have lost its `.gz`."""
    return PurePosixPath(key).name.removesuffix(".gz")


def _hash(item: _File) -> str | None:
    """Return the SHA-256 of an object's uncompressed content, in hex; None where it cannot be read whole."""
    made = sha256()
    limits = DEFAULT_LIMITS
    for piece in inflate(item.path, item.id, limits.window_bytes, limits.object_bytes):
        if not isinstance(piece, bytes):
            return None
        made.update(piece)
    return made.hexdigest()
