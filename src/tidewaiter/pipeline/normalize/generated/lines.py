"""Lines of delimited text: fields in any order, of any version, with values that fit and that do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from tidewaiter.content.sources import SourceSpec
from tidewaiter.pipeline.normalize.generated import values
from tidewaiter.pipeline.normalize.generated.guide import Guide
from tidewaiter.pipeline.normalize.generated.pool import Pool
from tidewaiter.pipeline.sources.codecs.quoted_lines import CELL

_TOMORROW = ("quantum-state", "start-time-2", "x")
_WRONG = ["x", "1.5", "1e3", "9" * 20, "0x1F", "--", "+1", "१२"]
_BIG = [
    "0",
    "-1",
    "65536",
    "2147483648",
    "9223372036854775807",
    "-9223372036854775808",
    "253402300800",
    "007",
]
_NEEDED = ("start", "end")


class LineMaker:
    """Makes headers and lines of one source; all chance comes in as `rng`."""

    def __init__(self, spec: SourceSpec, pool: Pool, guide: Guide) -> None:
        """Take the samples' lines, and what the mappings read."""
        self.kinds: Mapping[str, str] = spec.mapping.record.kinds
        shape = spec.recognition.text
        self.quoted = bool(shape and shape.quoted)
        self.separator = CELL if self.quoted else shape.separator if shape else " "
        self.least = shape.least if shape else 0
        self.fields = list(shape.fields if shape else self.kinds)
        self.default = shape.default if shape else ()
        self.pool = pool
        self.known: dict[str, list[str]] = {}
        for line in (*pool.lines, *pool.more_lines):
            for name, text in line.items():
                self.known.setdefault(name, []).append(text)
        self.literals = {
            str(path[0]): [str(value) for value in held]
            for path, held in guide.values.items()
            if len(path) == 1
        }

    def header(self, rng: Random) -> tuple[str, ...]:
        """Return the fields of one log."""
        if self.quoted:  # its fields have their places, and those of tomorrow come last
            count = rng.choice([len(self.default), rng.randint(self.least, len(self.default) + 2)])
            more = (f"field_{place + 1}" for place in range(len(self.default), count))
            return (*self.default[:count], *more)
        way = rng.random()
        if way < 0.3:
            names = list(rng.choice([tuple(self.default), *self.pool.headers]))
        elif way < 0.5:
            names = rng.sample(self.fields, len(self.fields))
        else:
            names = rng.sample(self.fields, rng.randint(3, len(self.fields)))
        for name in _NEEDED:
            if name in self.fields and name not in names and rng.random() < 0.95:
                names.insert(rng.randint(0, len(names)), name)
        if rng.random() < 0.2:
            names.insert(rng.randint(0, len(names)), rng.choice(_TOMORROW))
        return tuple(names)

    def line(self, rng: Random, header: Sequence[str]) -> str:
        """Return one line of a log with these fields."""
        lines = self.pool.more_lines if self.pool.more_lines and rng.random() < 0.4 else self.pool.lines
        base = rng.choice(lines)
        changed = rng.choice([0, 0, 1, 1, 2, 3, 5, len(header)])
        odd = set(rng.sample(range(len(header)), min(changed, len(header))))
        words = []
        for place, name in enumerate(header):
            text = self.drawn(rng, name) if place in odd else base.get(name) or self.usual(rng, name)
            words.append(_word(text, self.separator))
        return self.separator.join(words)

    def usual(self, rng: Random, name: str) -> str:
        """Return a value that the samples have for a field."""
        known = self.known.get(name)
        return rng.choice(known) if known and rng.random() < 0.8 else "-"

    def drawn(self, rng: Random, name: str) -> str:
        """Return a value for a field: from another line, from the mapping's literals, or odd."""
        way = rng.random()
        if way < 0.35:
            return self.usual(rng, name)
        if way < 0.6 and name in self.literals:
            return rng.choice(self.literals[name])
        if self.kinds.get(name) == "int":
            if rng.random() < 0.04:
                return rng.choice(_WRONG)
            return rng.choice([*_BIG, str(rng.randrange(70000)), str(1772600000 + rng.randrange(86400))])
        if "addr" in name:
            return rng.choice(values.ADDRESSES)
        if "/" in (known := self.usual(rng, name)) and way < 0.8:
            return rng.choice([known.upper(), known.replace("/", ""), f"{known}x", known[:-1], known[1:]])
        return values.long_text(rng) if way > 0.98 else rng.choice(values.TEXTS)


def _word(text: str, separator: str) -> str:
    """Return a text without what would end the field or the line."""
    return "".join(char for char in text if char not in separator + "\0\r\n") or "-"
