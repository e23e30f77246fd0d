"""Whether a trail's log files are all there and as CloudTrail wrote them, by its digest files.

Sources, read 2026-11: AWS CloudTrail User Guide, "CloudTrail digest file structure" and "Custom
implementations of CloudTrail log file integrity validation". Hashes are SHA-256 of uncompressed content.
A digest's own signature is metadata of its S3 object, which a copy does not have; the next digest repeats it.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Literal

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
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
from tidewaiter.pipeline.sources.place import place_of

Wrong = Literal[
    "missing_log",
    "changed_log",
    "unreadable_log",
    "unnamed_log",
    "missing_digest",
    "changed_digest",
    "unreadable_digest",
    "forged_digest",
    "unsigned_digest",
    "new_chain",
]
Keys = Mapping[str, RSAPublicKey]
"""Public keys by fingerprint."""
_File = SourceObject | Unreadable

_NAME = re.compile(r"[0-9]{12}_CloudTrail-Digest_([a-z0-9-]+)_(.+)_([a-z0-9-]+)_[0-9]{8}T[0-9]{6}Z")
_LOG = re.compile(r"[0-9]{12}_CloudTrail_[a-z0-9-]+_([0-9]{8}T[0-9]{4})Z_")
_DAY = re.compile(r"/CloudTrail/[a-z0-9-]+/([0-9]{4})/([0-9]{2})/([0-9]{2})/")
_LONGEST = 512
"""Characters of a file's name that are looked at: S3 has 1,024 bytes for a whole key."""
TOLD = 1_000
"""Problems of a chain that are kept; of more only the number."""
_ISO = "%Y-%m-%dT%H:%M:%SZ"
_LATE = timedelta(hours=1)
"""A log file may be named by the digest of the hour after the one in its name."""


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
    the last one of a chain has none here. `wrong` counts all problems by kind, `problems` has the first ones.
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
    wrong: Counter[Wrong] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)

    def tell(self, kind: Wrong, key: str, detail: str) -> None:
        """Count a problem, and keep it where there is room."""
        self.wrong[kind] += 1
        if len(self.problems) < TOLD:
            self.problems.append(Problem(kind, key, detail))


@dataclass(frozen=True, slots=True)
class _Held:
    """A digest without the list of its files, which is read again when its turn comes."""

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
    except (msgspec.MsgspecError, binascii.Error, ValueError, UnsupportedAlgorithm) as error:
        raise UsageError(f"{path} holds no public keys of CloudTrail: {error}", hint=hint) from None
    return {name: key for name, key in found.items() if isinstance(key, RSAPublicKey)}


def check_integrity(found: Iterable[Found], *, keys: Keys | None = None) -> list[TrailIntegrity]:
    """Hold the log files that were found in a folder against the digest files there, chain by chain.

    Files that lie where logs lie and are none are held against the digests, too. With `keys` every digest
    but the last of a chain must have a signature that holds.
    """
    chains: dict[tuple[str, ...], dict[str, _Held]] = defaultdict(dict)
    logs = _Logs()
    damaged = TrailIntegrity("", "", "", "", "")
    for item in found:
        if isinstance(item, Unrecognized):
            continue
        if isinstance(item, Unreadable) and "CloudTrail-Digest/" in item.id:
            damaged.digests += 1
            damaged.tell("unreadable_digest", item.id, item.fault.message)
        elif isinstance(item, Unreadable) or item.kind != "digest":
            logs.add(item)
        elif isinstance(held := _read(item), str):
            damaged.digests += 1
            damaged.tell("unreadable_digest", item.id, held)
        else:
            chain = chains[_chain_of(held)]
            same = chain.setdefault(_stem(item.id), held)
            if same.hash != held.hash:
                damaged.tell("changed_digest", item.id, f"{same.object.id} has its name and other bytes")
    made = [
        _check(place, sorted(chain.values(), key=_start), logs, keys)
        for place, chain in sorted(chains.items())
    ]
    _unnamed(made, logs, [held for chain in chains.values() for held in chain.values()])
    return [*made, damaged] if damaged.wrong else made


class _Logs:
    """The log files that lie here, by name; each is hashed once."""

    def __init__(self) -> None:
        self.by_name: dict[str, list[_File]] = defaultdict(list)
        self.named: set[str] = set()
        self._hashes: dict[str, str | None] = {}

    def add(self, item: _File) -> None:
        self.by_name[_stem(item.id)].append(item)

    def nearest_first(self, key: str) -> list[_File]:
        """Return the files of a key's name, that which lies where the key says first."""
        wanted = PurePosixPath(key).parts[::-1]

        def shared(item: _File) -> int:
            parts = PurePosixPath(item.id).parts[::-1]
            pairs = zip(parts[1:], wanted[1:], strict=False)
            return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(parts), len(wanted)))

        return sorted(self.by_name.get(_stem(key), ()), key=shared, reverse=True)

    def hash(self, item: _File) -> str | None:
        if item.id not in self._hashes:
            self._hashes[item.id] = _hash(item)
        return self._hashes[item.id]


def _start(held: _Held) -> str:
    return held.digest.digest_start_time


def _read(item: SourceObject) -> _Held | str:
    """Read a digest, or say why it is none."""
    found = read_non_event(item, DEFAULT_LIMITS)
    content = _hash(item)
    if found.detail is None or content is None:
        return found.faults[0].message if found.faults else "cannot be read"
    return _Held(item, msgspec.structs.replace(found.detail, files=[]), content)


def _files(held: _Held) -> Iterator[msgspec.Raw]:
    found = read_non_event(held.object, DEFAULT_LIMITS)
    yield from found.detail.files if found.detail else ()


def _chain_of(held: _Held) -> tuple[str, ...]:
    """Return what a chain has in common: account, region, trail, the trail's home region and bucket.

    Region, trail and home stand in the digest's key alone.
    """
    name = _NAME.match(PurePosixPath(held.digest.key or held.object.id).name[:_LONGEST])
    region, trail, home = name.groups() if name else (place_of(held.object.id)[1], "", "")
    return held.digest.aws_account_id, region, trail, home, held.digest.bucket


def _check(place: tuple[str, ...], chain: Sequence[_Held], logs: _Logs, keys: Keys | None) -> TrailIntegrity:
    last = max(chain, key=lambda held: held.digest.digest_end_time).digest
    account, region, trail, *_ = place
    made = TrailIntegrity(account, region, trail, _start(chain[0]), last.digest_end_time, len(chain))
    for before, held in zip([None, *chain], chain, strict=False):
        if before is not None:
            _link(made, before, held, keys)
        for raw in _files(held):
            if not _log_file(made, raw, held, logs):
                break
    return made


def _link(made: TrailIntegrity, before: _Held, held: _Held, keys: Keys | None) -> None:
    """Hold a digest against what the next one says of it."""
    previous, digest = before.digest, held.digest
    between = f"between {previous.digest_end_time} and {digest.digest_start_time}"
    if digest.previous_object is None:
        what = f"it names no digest before it: logging or its validation was off {between}"
        made.tell("new_chain", digest.key or held.object.id, what)
    elif _stem(digest.previous_object) != _stem(previous.key or before.object.id):
        made.tell("missing_digest", digest.previous_object, f"digests {between} are not here")
    elif digest.previous_hash != before.hash:
        made.tell("changed_digest", before.object.id, "its bytes are not those that the next digest saw")
    elif keys is None:
        return
    elif previous.fingerprint not in keys:
        what = f"the key {previous.fingerprint!r} that it names is not among those given"
        made.tell("unsigned_digest", before.object.id, what)
    elif not digest.previous_signature:
        made.tell("unsigned_digest", before.object.id, "the next digest does not repeat its signature")
    elif _signature_holds(keys[previous.fingerprint], before, digest.previous_signature):
        made.signed += 1
    else:
        made.tell("forged_digest", before.object.id, "its signature does not hold")


def _signature_holds(key: RSAPublicKey, held: _Held, signature: str) -> bool:
    digest = held.digest
    place = f"{digest.bucket}/{digest.key}"
    signed = "\n".join((digest.digest_end_time, place, held.hash, digest.previous_signature or "null"))
    try:
        key.verify(bytes.fromhex(signature), signed.encode(), PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def _log_file(made: TrailIntegrity, raw: msgspec.Raw, held: _Held, logs: _Logs) -> bool:
    """Look for a log file that a digest names; False when the digest's list is no such list."""
    try:
        file = msgspec.json.decode(raw, type=_LogFile)
    except msgspec.MsgspecError as error:
        made.tell("unreadable_digest", held.object.id, f"an entry of its list of files: {error}")
        return False
    made.log_files += 1
    here = logs.nearest_first(file.key)
    if not here:
        made.tell("missing_log", file.key, "a digest names it, and it is not here")
        return True
    logs.named.add(_stem(file.key))
    made.intact += logs.hash(here[0]) == file.hash
    for item in here:
        if logs.hash(item) is None:
            made.tell("unreadable_log", item.id, "it cannot be read whole")
        elif logs.hash(item) != file.hash:
            made.tell("changed_log", item.id, "its bytes are not those that were delivered")
    return True


def _unnamed(made: Sequence[TrailIntegrity], logs: _Logs, digests: Sequence[_Held]) -> None:
    """Tell of log files that no digest names, where the digests of their time are all here.

    A name that CloudTrail does not give has no time: it is told where there is a digest of its folder's day.
    """
    trails = {(trail.account, trail.region): trail for trail in reversed(made)}
    covered = _covered(digests)
    what = "no digest of its time names it: a trail without digests wrote it, or somebody else"
    for name, items in sorted(logs.by_name.items()):
        for item in items if name not in logs.named else ():
            place = place_of(item.id)
            if any(_within(item.id, start, end) for start, end in covered.get(place, ())):
                trails[place].tell("unnamed_log", item.id, what)


def _covered(digests: Sequence[_Held]) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """Return from when to when digests follow each other without a gap, by account and region."""
    covered: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for held in sorted(digests, key=_start):
        account, region, *_ = _chain_of(held)
        spans = covered[account, region]
        start, end = held.digest.digest_start_time, held.digest.digest_end_time
        if spans and start <= spans[-1][1]:
            spans[-1] = spans[-1][0], max(end, spans[-1][1])
        else:
            spans.append((start, end))
    return covered


def _within(object_id: str, start: str, end: str) -> bool:
    """Whether a log file must have been named by a digest between two times."""
    if named := _LOG.match(PurePosixPath(object_id).name[:_LONGEST]):
        try:
            first = datetime.strptime(named[1], "%Y%m%dT%H%M")
        except ValueError:
            return False
        return start <= f"{first:{_ISO}}" and f"{first + _LATE:{_ISO}}" <= end
    day = _DAY.search(object_id)
    return bool(day and start[:10] <= "-".join(day.groups()) <= end[:10])


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
