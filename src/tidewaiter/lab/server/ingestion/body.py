"""Reads a request's body within the limits of the Logs Ingestion API."""

from __future__ import annotations

import asyncio
import zlib

from starlette.requests import Request

from tidewaiter.lab.server.errors import ServiceError

LIMIT = 1_048_576
"""Bytes of a body, compressed and uncompressed: "1 MB" in "Azure Monitor service limits" (2025-08-28); the
service's own message, in the live tests of Azure.Monitor.Ingestion for .NET, says 1048576."""
_PIECE = 2_048
"""Bytes that zlib is given at a time."""


async def read_body(request: Request) -> tuple[bytes, int]:
    """Return the uncompressed body, and the bytes that were sent.

    Raises:
        ServiceError: 413 for a body over the limit, which is not read to its end; 400 for another encoding
            than gzip, or no gzip.
    """
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity", "gzip"):
        raise ServiceError(400, "UnsupportedContentEncoding", f"Content-Encoding '{encoding}' is not gzip.")
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > LIMIT:
        raise _too_large(int(declared))
    sent = bytearray()
    async for chunk in request.stream():
        sent += chunk
        if len(sent) > LIMIT:
            raise _too_large(len(sent))
    body = bytes(sent)
    if encoding != "gzip":
        return body, len(sent)
    return await asyncio.to_thread(_inflate, body), len(sent)


def _inflate(body: bytes) -> bytes:
    """Inflate up to one byte over the limit, whatever the body claims; it may have several members.

    zlib copies what follows a member, so that it is given small pieces: members of a few bytes, tens of
    thousands of them, would have it copy the whole body each time.
    """
    parts = []
    size = at = 0
    view = memoryview(body)
    try:
        while at < len(view):
            inflater = zlib.decompressobj(wbits=31)
            while at < len(view) and not inflater.eof:
                piece = view[at : at + _PIECE]
                part = inflater.decompress(piece, LIMIT + 1 - size)
                at += len(piece) - len(inflater.unused_data)
                parts.append(part)
                size += len(part)
                if size > LIMIT:
                    raise _too_large(size)
            if not inflater.eof:
                raise ServiceError(400, "InvalidContentEncoding", "The gzip content ends too early.")
    except zlib.error:
        raise ServiceError(400, "InvalidContentEncoding", "The content is not gzip.") from None
    return b"".join(parts)


def _too_large(size: int) -> ServiceError:
    message = f"Maximum allowed content length: {LIMIT} bytes (1 MB). Provided content length: {size} bytes."
    return ServiceError(413, "ContentLengthLimitExceeded", message)
