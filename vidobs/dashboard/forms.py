"""Reading the forms of the few pages that have one: small, and of one kind."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import msgspec

from vidobs.dashboard.page import BadQueryError

if TYPE_CHECKING:
    from starlette.requests import Request

KIND = "application/x-www-form-urlencoded"
MOST_BYTES = 16_384
_MOST_FIELDS = 20


class Form(msgspec.Struct, frozen=True):
    """The fields of a form, each as it was given; of a repeated one the last."""

    fields: dict[str, str] = {}

    def text(self, name: str) -> str:
        """Return a field without the space around it; empty where it is missing."""
        return self.fields.get(name, "").strip()


async def read_form(request: Request) -> Form:
    """Read the body of a request.

    Raises:
        BadQueryError: it is no form, or none of ours.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != KIND:
        raise BadQueryError(f"send a form as {KIND}")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise BadQueryError(f"the form is longer than {MOST_BYTES} bytes")
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError as error:  # also where it is no UTF-8
        raise BadQueryError("the form cannot be read") from error
    return Form(dict(pairs))
