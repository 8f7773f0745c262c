"""What comes of a request."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

MOST_BODY_BYTES = 8 << 20  # of an answer that is read whole
MOST_HEADERS_BYTES = 128 << 10

# The names by which httpx, the client of most SDKs, calls the same.
NOT_CONNECTED = "ConnectError"
NOT_CONNECTED_IN_TIME = "ConnectTimeout"
PROXY = "ProxyError"  # one of the environment is not there, or does not let us through
SILENT = "ReadTimeout"
ENDED = "ReadError"  # the connection, before the answer did
MALFORMED = "RemoteProtocolError"  # or larger than anything we read
UNFIT = "LocalProtocolError"  # a request that would not be read as it is meant


class CallError(Exception):
    """There was no answer, or not all of it.

    `sent`: the request, or a part of it, may have arrived. `late`: it was waited for in vain.
    `stale`: a connection that was used before ended without a byte of an answer.
    """

    def __init__(
        self, kind: str, *, sent: bool, late: bool = False, stale: bool = False, why: str = ""
    ) -> None:
        super().__init__(why or kind)
        self.kind = kind
        self.sent = sent
        self.late = late
        self.stale = stale


class Reply(msgspec.Struct, frozen=True):
    """An answer that was read whole; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
