"""The checkpoint: how far the chain goes, sealed with a key, so that a shorter or remade chain is seen."""

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

    `fingerprints` has the SHA-256 of every segment before that one. `seal` is an HMAC over the rest.
    """

    seq: int
    hash: str
    file: str
    length: int
    fingerprints: dict[str, str]
    seal: str = ""


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
    path, partial = folder / CHECKPOINT, folder / f".{CHECKPOINT}.part"
    with partial.open("wb") as file:
        file.write(_encode(msgspec.to_builtins(checkpoint)) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


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


def key_of(folder: Path, *, make: bool) -> bytes:
    """Return the key beside the chain; made on first use, readable by its owner only.

    Raises:
        OSError: it cannot be read or made.
    """
    path = folder / KEY
    if make and not path.exists():
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_hex(32).encode())
            file.flush()
            os.fsync(file.fileno())
    return path.read_bytes()
