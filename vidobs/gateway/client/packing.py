"""Bodies that a server compressed, though nobody asked for it."""

from __future__ import annotations

import zlib

_GZIP = zlib.MAX_WBITS | 16
_ZLIB_METHOD = 8


def unpacked(body: bytes, encoding: str, *, most_bytes: int) -> bytes:
    """Return a body as it was before; one in an encoding that we do not know stays as it is.

    Raises:
        ValueError: it is broken, or would be larger than `most_bytes`.
    """
    kind = encoding.strip().lower()
    if kind in ("gzip", "x-gzip"):
        bits = _GZIP
    elif kind == "deflate":  # some send it without the frame that belongs to it
        bits = zlib.MAX_WBITS if body[:1] and body[0] & 15 == _ZLIB_METHOD else -zlib.MAX_WBITS
    else:
        return body
    reader = zlib.decompressobj(bits)
    try:
        found = reader.decompress(body, most_bytes + 1)
    except zlib.error:
        raise ValueError("the answer cannot be unpacked") from None
    if len(found) > most_bytes:
        raise ValueError("the answer is too long")
    if body and not reader.eof:
        raise ValueError("the answer breaks off")
    return found
