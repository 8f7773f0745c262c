"""What a client is answered when a server fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vidobs.gateway.upstream.outcomes import told_error
from vidobs.gateway.wire.answers import Answer, encoded, envelope

if TYPE_CHECKING:
    from vidobs.gateway.upstream.http import NoAnswer, Reply
    from vidobs.gateway.upstream.server import Upstream


def answer_of_error(reply: Reply, upstream: Upstream) -> Answer:
    """Return a server's error, in its own words."""
    told = told_error(reply, upstream)
    headers = {} if told.after_s is None else {"retry-after": f"{told.after_s:.0f}"}
    return envelope(
        told.status,
        told.message,
        code=told.code,
        error_type=told.error_type,
        param=told.param,
        headers=encoded(headers),
    )


def answer_of_silence(error: NoAnswer) -> Answer:
    """Return what it is answered when a server said nothing."""
    status = 504 if error.late else 502
    return envelope(status, str(error), code="upstream_unreachable", error_type="server_error")
