"""From a path to the source objects that lie there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

from tidewaiter.content.recognition import Recognition
from tidewaiter.core.errors import UsageError
from tidewaiter.core.objects import SourceObject
from tidewaiter.pipeline.sources.folder.recognizer import Recognizer
from tidewaiter.pipeline.sources.folder.walk import File, Unreadable, Unrecognized, walk

Found: TypeAlias = SourceObject | Unrecognized | Unreadable


def discover(root: Path, recognitions: Mapping[str, Recognition]) -> Iterator[Found]:
    """Yield what lies under `root` (or is `root`), in a fixed order; `recognitions` is keyed by source id.

    Raises:
        UsageError: `root` is missing or of no use; raised at once. No files lie under it; raised at
            the end, after anything that was unreadable has been yielded.
    """
    return _recognized(root, walk(root), Recognizer(recognitions))


def _recognized(
    root: Path, entries: Iterator[File | Unrecognized | Unreadable], recognizer: Recognizer
) -> Iterator[Found]:
    any_file = False
    for entry in entries:
        any_file = any_file or not isinstance(entry, Unrecognized) or not entry.hidden
        yield recognizer.recognize(entry) if isinstance(entry, File) else entry
    if not any_file:
        raise UsageError(f"no files under {root}", hint="give a folder that holds logs, or one file")
