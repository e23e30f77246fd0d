"""Discovery: every `<kind>/<id>/` folder of this package and of installed content packages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from importlib.resources import files
from importlib.resources.abc import Traversable

from tidewaiter.core.errors import ContentError, Location

_GROUP = "tidewaiter.content"


@dataclass(frozen=True, slots=True)
class Folder:
    """One content folder; its name is the id."""

    id: str
    root: Traversable

    def read(self, name: str) -> bytes:
        """Return the bytes of the file `name` (forward slashes).

        Raises:
            ContentError: there is no such file.
        """
        try:
            return self.root.joinpath(*name.split("/")).read_bytes()
        except OSError as error:
            raise ContentError(f"cannot read {name}: {error.strerror}", at=Location(str(self.root))) from None

    def names(self, below: str) -> list[str]:
        """Return the sorted names of the files in the subfolder `below`; none when it does not exist."""
        place = self.root.joinpath(below)
        return sorted(item.name for item in place.iterdir() if item.is_file()) if place.is_dir() else []


def folders(kind: str) -> Iterator[Folder]:
    """Yield the folders of one kind ("sources", "detections"), sorted by id.

    Raises:
        ContentError: two packages bring a folder of the same id, or a package that is named is not there.
    """
    roots = [files("tidewaiter.content")]
    roots += [_root(entry) for entry in entry_points(group=_GROUP)]
    found: dict[str, Folder] = {}
    for root in roots:
        place = root.joinpath(kind)
        if not place.is_dir():
            continue
        for item in place.iterdir():
            if not item.is_dir() or item.name.startswith(("_", ".")):
                continue
            if item.name in found:
                raise ContentError(f"two {kind} have the id {item.name!r}", at=Location(str(item)))
            found[item.name] = Folder(item.name, item)
    yield from (found[name] for name in sorted(found))


def _root(entry: EntryPoint) -> Traversable:
    try:
        return files(entry.value)
    except ImportError as error:
        message = f"the content package {entry.name!r} cannot be found: {error}"
        raise ContentError(message, hint="install it again, or remove the package that names it") from None
