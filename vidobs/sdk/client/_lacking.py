"""What the servers of a dialect cannot do, said where one refuses it."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from vidobs.core.calls import Operation
from vidobs.dialects.openai import route

if TYPE_CHECKING:
    from vidobs.dialects.rows import Variant
    from vidobs.sdk.client._options import Options

_NO_ROUTE = frozenset({404, 405, 501})
_WHAT = MappingProxyType(
    {
        Operation.LIST: "list videos",
        Operation.DELETE: "delete a video",
        Operation.REMIX: "remix a video",
        Operation.EDIT: "edit a video",
        Operation.EXTEND: "extend a video",
        Operation.CHARACTER: "make characters",
        Operation.GET_CHARACTER: "look up characters",
    }
)


def lacking(variant: Variant, options: Options, status: int) -> str:
    """Return the end of an error's text: that such servers have no way to do what was asked."""
    if status not in _NO_ROUTE:
        return ""
    asked = route(options.method, options.url)
    if asked is None or asked.operation not in variant.lacks:
        return ""
    return f"; servers of the dialect {variant.name!r} cannot {_WHAT[asked.operation]}"
