"""Requests as they leave: the client's own fields, with the server's names and ids in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.calls import Operation
from vidobs.dialects.outgoing import form_fields, path_of, referring
from vidobs.dialects.rows import Bodies
from vidobs.gateway.upstream.forms import Form
from vidobs.gateway.wire.asked import PROVIDER
from vidobs.gateway.wire.forms import Upload

if TYPE_CHECKING:
    from vidobs.dialects.rows import Variant
    from vidobs.gateway.upstream.http import Data
    from vidobs.gateway.upstream.server import Upstream
    from vidobs.gateway.wire.bodies import Body

_encode = msgspec.json.Encoder().encode
_PATHS = {
    Operation.CREATE: "/videos",
    Operation.EDIT: "/videos/edits",
    Operation.EXTEND: "/videos/extensions",
    Operation.CHARACTER: "/videos/characters",
}
_OURS = frozenset({PROVIDER, "target_model_names"})
_OURS_AND_SOURCES = _OURS | {"video", "video[id]", "video_id"}
_JSON = {"Content-Type": "application/json"}


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A request to a server that makes something."""

    path: str
    fields: Mapping[str, object]
    pairs: tuple[tuple[str, str], ...] | None = None  # of a form
    uploads: tuple[Upload, ...] = ()

    def encoded(self) -> tuple[Data, Mapping[str, str]]:
        """Return the body, for one sending, and its headers."""
        if self.pairs is not None:
            form = Form(self.pairs, self.uploads)
            return form, {"Content-Type": form.content_type}
        return _encode(self.fields), _JSON

    @property
    def files(self) -> list[tuple[str, object]]:
        """The uploads as the dialects look at them; their content is known by its digest."""
        return [
            (each.field, (each.filename, each.digest, each.content_type)) for each in self.uploads
        ]


def outgoing(
    operation: Operation,
    body: Body,
    upstream: Upstream,
    *,
    source: str | None,
    changed: Mapping[str, object],
) -> Outgoing:
    """Return a request in the words of a server.

    `source` is its id of the video to start from; `changed` are fields with another value than the
    client gave them: a prompt without what must not leave, characters by the server's ids.
    """
    variant, model = upstream.deployment.variant, upstream.deployment.upstream_model
    path = path_of(source or "", "/remix") if operation is Operation.REMIX else _PATHS[operation]
    named = operation is Operation.CREATE or "model" in body.fields
    new: dict[str, object] = {**changed, "model": model} if named else dict(changed)
    drop = _OURS
    if source is not None:
        drop = _OURS_AND_SOURCES
        if operation in (Operation.EDIT, Operation.EXTEND):
            new["video"] = {"id": source}
    if body.pairs is not None:
        drop = drop.union(new)
        kept = [pair for pair in body.pairs if _stem(pair[0]) not in drop and pair[0] not in drop]
        pairs = (*kept, *form_fields(new, variant.nesting))
        return Outgoing(path=path, fields=dict(pairs), pairs=pairs, uploads=body.uploads)
    fields = {**body.fields, **new}
    for name in drop.intersection(fields).difference(new):
        del fields[name]
    return _of_json(path, fields, variant)


def _of_json(path: str, fields: dict[str, object], variant: Variant) -> Outgoing:
    if variant.url_reference != ("input_reference", "image_url"):
        fields = referring(fields, variant.url_reference)
    if variant.bodies is Bodies.FORM:
        pairs = tuple(form_fields(fields, variant.nesting))
        return Outgoing(path=path, fields=fields, pairs=pairs)
    return Outgoing(path=path, fields=fields)


def _stem(name: str) -> str:
    """The object that a field of a form is a member of: `characters[][id]` is of `characters`."""
    return name.partition("[")[0]
