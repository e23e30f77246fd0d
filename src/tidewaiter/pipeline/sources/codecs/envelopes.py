"""Where documents hold their lists of records: in a member of the document, or of an object in it."""

from __future__ import annotations

from collections.abc import Iterable

from tidewaiter.pipeline.sources.codecs.json_values import next_key, skip_filler, value_end

Path = tuple[bytes, ...]
"""Names of members, from the top of a document down."""


class Envelopes:
    """The places of lists of records, as a recognition names them: `Records`, `detail.findings`."""

    def __init__(self, names: Iterable[str]) -> None:
        self._paths = {tuple(name.encode().split(b".")) for name in names}
        self._before = {path[:length] for path in self._paths for length in range(1, len(path))}

    def __contains__(self, path: Path) -> bool:
        """Say whether a list of records stands there."""
        return path in self._paths

    def leads_on(self, path: Path) -> bool:
        """Say whether an object that stands there may hold a list of records."""
        return path in self._before

    @property
    def first_names(self) -> set[bytes]:
        """Names of members of the document itself that are lists, or lead to one."""
        return {path[0] for path in self._paths}

    def found_in(self, data: bytes, start: int, own: frozenset[bytes], path: Path = ()) -> bool | None:
        """Say whether the object at `start` holds a list of records; None where `data` ends too early.

        Args:
            data: a buffer that may end anywhere.
            start: where in it the object begins.
            own: names of members that only a record has; an object with one is no document.
            path: where the object itself stands in its document.
        """
        at = start + 1
        while found := next_key(data, at):
            key, value = found
            here = (*path, key)
            if data[value] == 0x5B and here in self:
                return True
            if data[value] == 0x7B and self.leads_on(here):
                inside = self.found_in(data, value, frozenset(), here)
                if inside is not False:
                    return inside
            if key in own:
                return False
            end = value_end(data, value)
            at = end if end >= 0 else len(data)
        at = skip_filler(data, at)
        return False if at < len(data) and data[at] != 0x22 else None
