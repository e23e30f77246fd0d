"""Queries in files: whole files, fences of Markdown, the queries of Sentinel's YAML; each with its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from tidewaiter.core.errors import ContentError, Location

KQL_SUFFIXES = frozenset({".kql", ".csl", ".kusto"})
SUFFIXES = KQL_SUFFIXES | {".md", ".yaml", ".yml"}
MAX_BYTES = 8 << 20

_FENCE = re.compile(
    r"^[ \t]*(?P<fence>`{3,}|~{3,})[ \t]*(?:kql|kusto)\b[^\n]*\n(?P<body>.*?)^[ \t]*(?P=fence)[`~]*[ \t]*$",
    re.IGNORECASE | re.MULTILINE | re.DOTALL,
)
_BLANK = re.compile(r"\n(?:[ \t\r]*\n)+")
_QUERY_KEYS = frozenset({"query", "querytext"})
_WINDOW_KEYS = frozenset({"queryperiod", "queryfrequency"})


@dataclass(frozen=True, slots=True)
class Document:
    """A query as it stands in a file; `line` and `indent` are what to add to its own lines and columns.

    `offset` is where a piece of a document begins in that document's text. `windowed` says that it is an
    analytics rule's, which bounds the time that it reads.
    """

    path: str
    text: str
    line: int = 0
    indent: int = 0
    windowed: bool = False
    offset: int = 0

    def pieces(self) -> list[Document]:
        """Return what blank lines separate, as the portal's editor separates queries."""
        found, start = [], 0
        for gap in [*_BLANK.finditer(self.text), None]:
            end = gap.start() if gap else len(self.text)
            if self.text[start:end].strip():
                line = self.line + self.text.count("\n", 0, start)
                piece = self.text[start:end]
                found.append(Document(self.path, piece, line, self.indent, self.windowed, start))
            start = gap.end() if gap else end
        return found


def documents(path: Path) -> Iterator[Document]:
    """Yield the queries in a file, or in all files of a folder that are of a known kind, by name.

    Raises:
        ContentError: a file is too large, no UTF-8, or no YAML.
        OSError: it cannot be read.
    """
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            hidden = any(part.startswith(".") for part in file.relative_to(path).parts)
            if file.suffix.lower() in SUFFIXES and not hidden and file.is_file():
                yield from in_text(str(file), _read(file))
    else:
        yield from in_text(str(path), _read(path))


def in_text(name: str, text: str) -> Iterator[Document]:
    """Yield the queries in the text of a file; its name tells of which kind it is."""
    suffix = Path(name).suffix.lower()
    if suffix == ".md":
        for fence in _FENCE.finditer(text):
            yield Document(name, fence["body"], text.count("\n", 0, fence.start("body")))
    elif suffix in (".yaml", ".yml"):
        yield from _in_yaml(name, text)
    else:
        yield Document(name, text)


def _read(path: Path) -> str:
    if path.stat().st_size > MAX_BYTES:
        raise ContentError("larger than 8 MB: no file of queries", at=Location(str(path)))
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"not UTF-8: byte {error.start:,} cannot be read"
        raise ContentError(message, at=Location(str(path)), hint="save the file as UTF-8") from None


def _in_yaml(name: str, text: str) -> Iterator[Document]:
    try:
        roots = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        at = Location(name, mark.line + 1, mark.column + 1) if mark else Location(name)
        raise ContentError(f"not YAML: {error.problem}", at=at) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise ContentError(f"not YAML: {error}", at=Location(name)) from None
    for mapping in _mappings(roots[::-1]):
        pairs = {key.value.lower(): value for key, value in mapping.value if isinstance(key, yaml.ScalarNode)}
        for key in _QUERY_KEYS & pairs.keys():
            value = pairs[key]
            if isinstance(value, yaml.ScalarNode) and value.value.strip():
                yield _scalar(name, text, value, windowed=bool(_WINDOW_KEYS & pairs.keys()))


def _mappings(waiting: list[yaml.Node]) -> Iterator[yaml.MappingNode]:
    seen = set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:  # an alias, which stands for a node that was already met
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            yield node
            waiting += [value for _, value in reversed(node.value)]
        elif isinstance(node, yaml.SequenceNode):
            waiting += reversed(node.value)


def _scalar(name: str, text: str, value: yaml.ScalarNode, *, windowed: bool) -> Document:
    """Return a query with its place: a block's lines begin below its key, another's where it begins."""
    line = value.start_mark.line
    if value.style in ("|", ">"):
        first = next((each for each in text.split("\n")[line + 1 :] if each.strip()), "")
        return Document(name, value.value, line + 1, len(first) - len(first.lstrip(" ")), windowed)
    quote = 1 if value.style in ("'", '"') else 0
    return Document(name, value.value, line, value.start_mark.column + quote, windowed)
