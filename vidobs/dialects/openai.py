"""The face of the codec of the OpenAI Videos protocol: all that the layers above call."""

from vidobs.dialects.answers import (
    decode_deleted,
    decode_list,
    decode_video,
    failed_body,
    read_list,
    read_video,
    status_key,
)
from vidobs.dialects.failures import expired, rejected
from vidobs.dialects.files import made_at_once, pointer_in
from vidobs.dialects.packed_ids import plain_id
from vidobs.dialects.requests import CallContext, Files, read_call
from vidobs.dialects.routes import Route, route
from vidobs.dialects.servers import address_of, provider_of
from vidobs.dialects.states import STATES, reason_of, state_of
from vidobs.dialects.usage import charged

__all__ = [
    "STATES",
    "CallContext",
    "Files",
    "Route",
    "address_of",
    "charged",
    "decode_deleted",
    "decode_list",
    "decode_video",
    "expired",
    "failed_body",
    "made_at_once",
    "plain_id",
    "pointer_in",
    "provider_of",
    "read_call",
    "read_list",
    "read_video",
    "reason_of",
    "rejected",
    "route",
    "state_of",
    "status_key",
]
