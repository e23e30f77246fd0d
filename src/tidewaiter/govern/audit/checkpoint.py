"""The checkpoint: how far the chain goes, sealed with a key; a shorter, longer or remade chain is seen.

It is written twice for each group of records: before them, with their text as `pending`, and after them. So a
record that a crash left is told from one that somebody added: the first was announced under the seal.
"""

from __future__ import annotations

import hmac
import os
import secrets
from hashlib import sha256
from pathlib import Path

import msgspec

CHECKPOINT = "checkpoint.json"
KEY = "audit.key"


class Checkpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The last record that was durable: its number, hash, and place (file, and the file's length in bytes).

    `digest` is the SHA-256 of those bytes, `fingerprints` that of every segment before. `pending` is the text
    that is about to follow. `seal` is an HMAC over the rest.
    """

    seq: int
    hash: str
    file: str
    length: int
    digest: str
    fingerprints: dict[str, str]
    pending: str = ""
    seal: str = ""

    def announced(self, rest: bytes) -> bool:
        """Whether `rest`, which stands after the sealed bytes, can be what a crash left of `pending`.

        A file system may have made room for the text, and lost power before it filled it: zeros.
        """
        pending = self.pending.encode()
        return len(rest) <= len(pending) and pending.startswith(rest.rstrip(b"\0"))


_read = msgspec.json.Decoder(Checkpoint).decode
_encode = msgspec.json.Encoder(order="sorted").encode


def sealed(checkpoint: Checkpoint, key: bytes) -> Checkpoint:
    """Return the checkpoint with its seal."""
    return msgspec.structs.replace(checkpoint, seal=_seal(checkpoint, key))


def is_sealed(checkpoint: Checkpoint, key: bytes) -> bool:
    """Whether the seal is that of the key."""
    return hmac.compare_digest(checkpoint.seal, _seal(checkpoint, key))


def _seal(checkpoint: Checkpoint, key: bytes) -> str:
    bare = _encode(msgspec.to_builtins(msgspec.structs.replace(checkpoint, seal="")))
    return hmac.new(key, bare, sha256).hexdigest()


def write(folder: Path, checkpoint: Checkpoint) -> None:
    """Replace the checkpoint, durably."""
    partial = folder / f".{CHECKPOINT}.part"
    _store(partial, _encode(msgspec.to_builtins(checkpoint)) + b"\n")
    partial.replace(folder / CHECKPOINT)
    sync(folder)


def load(folder: Path) -> Checkpoint | None:
    """Return the checkpoint; None when there is none.

    Raises:
        ValueError: it cannot be read, or is not in its canonical form.
    """
    path = folder / CHECKPOINT
    if not path.exists():
        return None
    text = path.read_bytes()
    found = _read(text)
    if _encode(msgspec.to_builtins(found)) + b"\n" != text:
        raise ValueError("the checkpoint is not in its canonical form")
    return found


def key_of(folder: Path) -> bytes:
    """Return the key beside the chain.

    Raises:
        OSError: it cannot be read.
    """
    return (folder / KEY).read_bytes()


def begin(folder: Path, checkpoint: Checkpoint) -> None:
    """Make a key, readable by its owner only, and the first checkpoint.

    The key comes last: a folder that has one has a checkpoint, unless somebody removed it.
    """
    key, partial = secrets.token_hex(32).encode(), folder / f".{KEY}.part"
    partial.unlink(missing_ok=True)
    _store(partial, key)
    write(folder, sealed(checkpoint, key))
    partial.replace(folder / KEY)
    sync(folder)


def sync(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _store(path: Path, body: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
