"""Where parts lie: a folder of this machine, or a bucket or container by obstore."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

import obstore
from obstore import exceptions as failures
from obstore.store import ObjectStore, from_url

from tidewaiter.core.errors import ConfigError, DeliveryError

SCHEMES = ("file", "s3", "abfss")
_TIMEOUT = "30s"
_RETRIES = 4
_WAIT = timedelta(seconds=60)


class Place(Protocol):
    """Reads and writes whole files below one root; paths have forward slashes."""

    url: str

    def write(self, path: str, body: bytes) -> None:
        """Write a file, whole or not at all, replacing one that is there; durable when it returns."""

    def read(self, path: str) -> bytes:
        """Return a file's bytes; raises DeliveryError when it cannot be read."""

    def list(self, prefix: str = "") -> Iterator[str]:
        """Yield the paths of all files below a prefix, in order."""

    def remove(self, path: str) -> None:
        """Remove a file; one that is not there is no error."""


class FolderPlace:
    """A folder; made when the first file is written."""

    def __init__(self, url: str) -> None:
        self.url = url
        split = urlsplit(url)
        if split.netloc not in ("", "localhost") or not split.path:
            raise ConfigError(
                f"archive.url {url!r} is not a local folder", hint="write file:///absolute/path"
            )
        self.root = Path(unquote(split.path))

    def write(self, path: str, body: bytes) -> None:
        """Write a file, whole or not at all, replacing one that is there; durable when it returns.

        Raises:
            DeliveryError: no room, or the folder cannot be written.
        """
        whole = self.root / path
        partial = whole.with_name(f".{whole.name}.part")
        try:
            whole.parent.mkdir(parents=True, exist_ok=True)
            try:
                with partial.open("wb") as file:
                    file.write(body)
                    file.flush()
                    os.fsync(file.fileno())
                partial.replace(whole)
                _sync(whole.parent)
            finally:
                partial.unlink(missing_ok=True)
        except OSError as error:
            hint = "free disk space or set archive.url to another place, then run again: nothing was claimed"
            message = f"cannot write the archive at {self.root}: {error.strerror or error}"
            raise DeliveryError(message, hint=hint) from None

    def read(self, path: str) -> bytes:
        """Return a file's bytes; raises DeliveryError when it cannot be read."""
        try:
            return (self.root / path).read_bytes()
        except OSError as error:
            raise DeliveryError(f"cannot read {self.root / path}: {error.strerror}") from None

    def list(self, prefix: str = "") -> Iterator[str]:
        """Yield the paths of all files below a prefix, in order."""
        for path in sorted((self.root / prefix).rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                yield path.relative_to(self.root).as_posix()

    def remove(self, path: str) -> None:
        """Remove a file; one that is not there is no error."""
        try:
            (self.root / path).unlink(missing_ok=True)
        except OSError as error:
            raise DeliveryError(f"cannot remove {self.root / path}: {error.strerror}") from None


class StorePlace:
    """A bucket or container; credentials come from the environment or the machine's identity."""

    def __init__(self, url: str) -> None:
        self.url = url
        try:
            self._store: ObjectStore = from_url(
                url,
                client_options={"timeout": _TIMEOUT, "allow_http": _loopback()},
                retry_config={"max_retries": _RETRIES, "retry_timeout": _WAIT},
            )
        except (*_FAILURES, ValueError) as error:
            raise ConfigError(f"archive.url {url!r}: {_said(error)}", hint=_HINT) from None

    def write(self, path: str, body: bytes) -> None:
        """Write a file with one PUT, which is whole or nothing.

        Raises:
            ConfigError: no bucket, no credentials, or no right. DeliveryError: the store does not answer.
        """
        try:
            obstore.put(self._store, path, body)
        except _FAILURES as error:
            raise self._explained("write", error) from None

    def read(self, path: str) -> bytes:
        """Return a file's bytes; raises as `write` does."""
        try:
            return bytes(obstore.get(self._store, path).bytes())
        except _FAILURES as error:
            raise self._explained("read", error) from None

    def list(self, prefix: str = "") -> Iterator[str]:
        """Yield the paths of all files below a prefix, in order."""
        try:
            found = [item["path"] for batch in obstore.list(self._store, prefix or None) for item in batch]
        except _FAILURES as error:
            raise self._explained("list", error) from None
        yield from sorted(found)

    def remove(self, path: str) -> None:
        """Remove a file; one that is not there is no error. Raises as `write` does."""
        try:
            obstore.delete(self._store, path)
        except FileNotFoundError:
            return
        except _FAILURES as error:
            raise self._explained("remove a file of", error) from None

    def _explained(self, act: str, error: Exception) -> ConfigError | DeliveryError:
        message = f"cannot {act} the archive at {self.url}: {_said(error)}"
        if isinstance(error, _REFUSALS):
            return ConfigError(message, hint=_HINT)
        if "credential" in str(error).lower() or "AccessDenied" in str(error) or "NoSuchBucket" in str(error):
            return ConfigError(message, hint=_HINT)
        return DeliveryError(message, hint="run again when the store answers: nothing was claimed")


_FAILURES = (failures.BaseError, OSError)
"""What obstore raises: some of it are Python's own errors."""
_REFUSALS = (
    failures.PermissionDeniedError,
    failures.UnauthenticatedError,
    FileNotFoundError,
    PermissionError,
)
_HINT = "check archive.url, that the bucket or container exists, and that this identity may read and write it"


def place(url: str) -> Place:
    """Return the place that a URL names.

    Raises:
        ConfigError: another scheme than file, s3 or abfss, or a URL that names nothing.
    """
    scheme = urlsplit(url).scheme
    if scheme not in SCHEMES:
        hint = f"write {', '.join(f'{name}://…' for name in SCHEMES)}"
        raise ConfigError(f"archive.url {url!r} cannot be used", hint=hint)
    return FolderPlace(url) if scheme == "file" else StorePlace(url)


def _loopback() -> bool:
    """Whether an emulator on this machine is set as the S3 endpoint; everything else is TLS only."""
    endpoint = urlsplit(os.environ.get("AWS_ENDPOINT_URL", os.environ.get("AWS_ENDPOINT", "")))
    return endpoint.hostname in ("127.0.0.1", "localhost")


def _said(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:300] if lines else type(error).__name__


def _sync(folder: Path) -> None:
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
