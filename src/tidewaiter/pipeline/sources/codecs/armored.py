"""Gzip members written in base64, as CloudWatch Logs hands its subscriptions on: the bytes of the members.

    H4sIAAAA…                          one member on each line
    {"awslogs": {"data": "H4sI…"}}     what a Lambda function is given (one such document or several)
    {"Records": [{"kinesis": {…"data": "H4sI…"}}, …]}     the same from a Kinesis data stream
    {"invocationId": …, "records": [{…"data": "H4sI…"}, …]}     the same from Data Firehose

Source: "Log group-level subscription filters" (Amazon CloudWatch Logs User Guide), "Using Lambda to process
records from Amazon Kinesis Data Streams" (AWS Lambda Developer Guide), "Transform source data in Amazon Data
Firehose" (Amazon Data Firehose Developer Guide), read 2026-11.

Only what begins in just that way counts: elsewhere a text that looks like base64 is somebody's text.
"""

from __future__ import annotations

import re
from binascii import Error, a2b_base64
from typing import BinaryIO

_LINES = re.compile(rb"\s*H4sI[A-Za-z0-9+/]")
_DOCUMENT = re.compile(
    rb'\s*\{\s*(?:"awslogs"\s*:\s*\{\s*"data"\s*:\s*"H4sI'
    rb'|"Records"\s*:\s*\[\s*\{\s*"kinesis"\s*:\s*\{'
    rb'|"invocationId"\s*:\s*"[^"]{1,100}"\s*,[^\[]{0,500}"records"\s*:\s*\[\s*\{\s*"recordId"\s*:)'
)
_BEGIN = re.compile(rb'"data"\s*:\s*"(?=H4sI)')
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")
_KEPT_BYTES = 64
"""How much of the text is kept to see a payload's beginning that a piece ends in."""

_PIECE = 1 << 18


def is_armored(first: bytes) -> bool:
    """Say whether an object that begins so holds gzip members in base64."""
    if _LINES.match(first):
        return True
    return _DOCUMENT.match(first) is not None and _BEGIN.search(first) is not None


class Armored:
    """Reads the members of a file in base64 as one gzip stream of several members."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek(0)

    def seek(self, offset: int) -> int:
        """Begin again; there is no other place to go to."""
        self._file.seek(offset)
        self._text = b""
        self._inside = False
        self._plain: bool | None = None
        self._left = b""
        return offset

    def read(self, size: int) -> bytes:
        """Return about `size` bytes, at least one while there are any."""
        while not self._left:
            text = self._file.read(_PIECE)
            self._text += text
            if self._plain is None:
                self._plain = _LINES.match(self._text) is not None
            self._left = self._decoded(last=not text)
            if not text:
                break
        out, self._left = self._left[:size], self._left[size:]
        return out

    def _decoded(self, *, last: bool) -> bytes:
        """Decode the payloads at hand and keep what is not complete yet."""
        out: list[bytes] = []
        while True:
            if not self._inside and not self._enter(last=last):
                return b"".join(out)
            found = _NOT_BASE64.search(self._text)
            if found is None and not last:
                whole = len(self._text) // 4 * 4
                out.append(a2b_base64(self._text[:whole]))
                self._text = self._text[whole:]
                return b"".join(out)
            end = found.start() if found else len(self._text)
            out.append(_whole(self._text[:end]))
            self._text, self._inside = self._text[max(end, 1) :].lstrip(b"="), False

    def _enter(self, *, last: bool) -> bool:
        """Go to where the next payload begins, if one does."""
        if self._plain:
            self._text = self._text.lstrip(b"= \r\n\t")
            self._inside = bool(self._text)
            return self._inside
        found = _BEGIN.search(self._text)
        if found:
            self._text, self._inside = self._text[found.end() :], True
            return True
        self._text = b"" if last else self._text[-_KEPT_BYTES:]
        return False


def _whole(text: bytes) -> bytes:
    """Decode a payload's end, whose padding may be missing; what is no base64 any more is left out."""
    try:
        return a2b_base64(text + b"=" * (-len(text) % 4))
    except Error:
        return a2b_base64(text[: len(text) // 4 * 4])
