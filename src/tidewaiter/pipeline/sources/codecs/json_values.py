"""Where JSON values begin and end in a buffer that may stop in the middle of one, or be damaged."""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import NamedTuple

import msgspec

SPACE = b" \t\r\n"
BOM = b"\xef\xbb\xbf"
UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")

RAW = msgspec.json.Decoder(msgspec.Raw)
RAW_LIST = msgspec.json.Decoder(list[msgspec.Raw])
TEXT = msgspec.json.Decoder(str)
MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])

_OFFSET = re.compile(r"\(byte (\d+)\)$")
_NOT_SPACE = re.compile(rb"[^ \t\r\n]")
_NOT_FILLER = re.compile(rb"[^ \t\r\n,]")
_KEY = re.compile(rb'[\s,]*"((?:[^"\\]|\\.)*+)"\s*:\s*(?=\S)', re.DOTALL)
_STRING_END = re.compile(rb'[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"', re.DOTALL)
_SCALAR_END = re.compile(rb"[,}\]\s]")
_STRUCTURE = re.compile(rb'[{\[]+|[}\]]+|"')


class Verdict(Enum):
    """What a decoder says of the value at a place."""

    WHOLE = auto()  # complete; `at` is where it ends
    CUT = auto()  # so far so good, but the buffer ends before the value does
    BAD = auto()  # not JSON; `at` is where that shows
    DEEP = auto()  # nested deeper than the decoder allows


class Probe(NamedTuple):
    """The verdict on one value, with a place relative to its start, and the decoder's own words."""

    verdict: Verdict
    at: int
    reason: str = ""


def probe(data: bytes | memoryview) -> Probe:
    """Judge the value that `data` begins with, at the decoder's speed.

    msgspec decodes whole buffers only, but its messages say where a value ended ("trailing characters
    (byte N)"), where it went wrong, or that it was truncated; a test holds it to these words.
    """
    try:
        RAW.decode(data)
    except RecursionError:
        return Probe(Verdict.DEEP, 0, "nested deeper than the decoder allows")
    except msgspec.DecodeError as error:
        reason = str(error)
        found = _OFFSET.search(reason)
        if found is None:
            return Probe(Verdict.CUT, len(data), reason)
        at = int(found[1])
        if "trailing characters" in reason:
            return Probe(Verdict.WHOLE, at - 1, reason)
        # A number cut short (`1.`, `-`, `1e`) is called invalid, at the end of the data.
        return Probe(Verdict.BAD if at < len(data) else Verdict.CUT, at, reason)
    return Probe(Verdict.WHOLE, len(data))


def failed_at(error: Exception) -> int:
    """Return the offset that a decoder's error names, or -1."""
    found = _OFFSET.search(str(error))
    return int(found[1]) if found else -1


def skip_space(data: bytes, start: int) -> int:
    """Return the index of the first byte from `start` that is not white space, or the length."""
    found = _NOT_SPACE.search(data, start)
    return found.start() if found else len(data)


def skip_filler(data: bytes, start: int) -> int:
    """Return the index of the first byte from `start` that is neither white space nor a comma."""
    found = _NOT_FILLER.search(data, start)
    return found.start() if found else len(data)


def is_one_line(data: bytes) -> bool:
    """Say whether there are no line ends in the data."""
    return b"\n" not in data and b"\r" not in data


def one_line(raw: bytes | msgspec.Raw) -> bytes:
    """Return the value without white space between its tokens; every token stays byte for byte."""
    return msgspec.json.format(bytes(raw), indent=-1)


class ValueSkipper:
    """Finds the end of a value that is too long or too deep to decode, window by window.

    It counts brackets outside strings; a line feed inside a string means that the text is damaged.
    """

    def __init__(self) -> None:
        self._depth = 0
        self._in_string = False
        self.damaged = False

    def find_end(self, data: bytes, start: int) -> tuple[int, bool]:
        """Read on from `start`; return where it stopped and whether that is the end of the value.

        Without the end, or damage, the place may lie a little before the end of `data`: the next
        call must go on from there.
        """
        at = start
        while True:
            if self._in_string:
                found = _STRING_END.match(data, at)
                if found is None:
                    return self._inside_string(data, at), False
                at = found.end()
                self._in_string = False
            else:
                found = _STRUCTURE.search(data, at)
                if found is None:
                    return len(data), False
                at = found.end()
                run = at - found.start()
                byte = data[at - 1]
                if byte == 0x22:
                    self._in_string = True
                    continue
                if byte in b"}]" and run >= self._depth:
                    return found.start() + max(self._depth, 1), True
                self._depth += run if byte in b"{[" else -run
            if self._depth <= 0:
                return at, True

    def _inside_string(self, data: bytes, at: int) -> int:
        line = data.find(b"\n", at)
        if line >= 0:
            self.damaged = True
            return line
        slashes = len(data) - max(at, len(data.rstrip(b"\\")))
        return len(data) - slashes % 2


def next_key(data: bytes, start: int) -> tuple[bytes, int] | None:
    """Return the key of the member that begins at `start` and the index of its value."""
    found = _KEY.match(data, start)
    return (found[1], found.end()) if found else None


def value_end(data: bytes, start: int) -> int:
    """Return where the value at `start` ends, or -1 if that cannot be seen."""
    if data[start] in b'{["':
        end, found = ValueSkipper().find_end(data, start)
        return end if found else -1
    end = scalar_end(data, start)
    return end if end < len(data) else -1


def scalar_end(data: bytes, start: int) -> int:
    """Return where a number or word that begins at `start` or before it ends, at most the length."""
    found = _SCALAR_END.search(data, start)
    return found.start() if found else len(data)
