"""Gateways that answer a create with 202 and next to nothing: ofox.ai, Merge, TrustedRouter.

A job is `{id, status, polling_url}` until it has ended; then what it cost is in the body.
https://docs.merge.dev/merge-gateway/api-overview/videos/retrieve
"""

from vidobs.core.calls import Operation
from vidobs.dialects.rows import CHARACTERS, MADE_FROM_VIDEOS, Facts, Manner, Members, Variant

_USD = 0.1  # that the fake gateway charges for a second


def _more(facts: Facts) -> Members:
    place = f"{facts.base_url}/videos/{facts.id}"
    made: dict[str, object] = {"polling_url": place}
    if facts.completed:
        made |= {"cost": round(_USD * facts.seconds, 9), "unsigned_urls": [f"{place}/content"]}
    return made


DIALECT = Variant(
    name="202",
    provider="video_gateway",
    servers=("ofox.ai", "Merge Gateway", "TrustedRouter"),
    key_env=("VIDEO_GATEWAY_API_KEY",),
    base_env=("VIDEO_GATEWAY_API_BASE",),
    lacks=MADE_FROM_VIDEOS | CHARACTERS | {Operation.LIST, Operation.DELETE},
    manner=Manner(
        new_id="vid_{}".format,
        words={"queued": "pending"},
        only=frozenset({"id", "status", "error"}),
        nulls=False,
        more=_more,
        created_status=202,
        openai_headers=False,
    ),
)
