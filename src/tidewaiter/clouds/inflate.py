"""The body of an answer, decompressed here so that no size, compressed or full, escapes the limit."""

from __future__ import annotations

import zlib

import httpx

_GZIP = 16 + zlib.MAX_WBITS


class TooMuch(Exception):
    """An answer is larger than allowed, or not what its headers say; the message says which."""


async def inflated(response: httpx.Response, most: int) -> bytes:
    """Read a streamed response whole.

    Raises:
        TooMuch: it has more than `most` bytes, is not the gzip that it says, or is cut off.
    """
    coding = response.headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("identity", "gzip", ""):
        raise TooMuch(f"an answer in the coding '{coding}', which was not asked for,")
    unpack = zlib.decompressobj(_GZIP) if coding == "gzip" else None
    body = bytearray()
    async for piece in response.aiter_raw():
        try:
            body += unpack.decompress(piece, most + 1 - len(body)) if unpack else piece
        except zlib.error:
            raise TooMuch("an answer that is not the gzip it says it is") from None
        if len(body) > most:
            raise TooMuch(f"an answer of more than {most} bytes")
    if unpack and body and not unpack.eof:
        raise TooMuch("an answer that was cut off")
    return bytes(body)
