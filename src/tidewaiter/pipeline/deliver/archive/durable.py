"""An archive on a disk that goes with the container is none: reduction may not rely on it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from tidewaiter.core.errors import ConfigError

EPHEMERAL = frozenset({"tmpfs", "ramfs", "overlay", "overlayfs", "aufs"})
_MOUNTS = Path("/proc/mounts")


def check_durable(url: str, *, reduction: bool, mounts: str | None = None) -> None:
    """Refuse an archive on an ephemeral disk while reduction is on; `mounts` is the text of /proc/mounts.

    Raises:
        ConfigError: what is not sent would be kept where the next restart loses it.
    """
    if not reduction or urlsplit(url).scheme != "file":
        return
    kind, mount = _file_system(Path(unquote(urlsplit(url).path)), _read() if mounts is None else mounts)
    if kind in EPHEMERAL:
        message = f"the archive at {url} lies on {kind} ({mount}), which a restart may empty"
        hint = "set archive.url to a mounted volume, s3:// or abfss://, or switch reduction off"
        raise ConfigError(message, hint=hint)


def _file_system(path: Path, mounts: str) -> tuple[str, str]:
    """Return the type and mount point of the file system that a path lies on, ("", "") when unknown."""
    path = path.resolve()
    found: tuple[str, str] = ("", "")
    for line in mounts.splitlines():
        parts = line.split()
        if len(parts) < 3:
            continue
        point = parts[1].encode().decode("unicode_escape")
        if path.is_relative_to(point) and len(point) >= len(found[1]):
            found = parts[2], point
    return found


def _read() -> str:
    try:
        return _MOUNTS.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
