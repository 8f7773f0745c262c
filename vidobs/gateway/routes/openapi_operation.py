"""One operation of the API, and how OpenAPI has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vidobs.gateway.routes import schemas

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

JSON = "application/json"
FORM = "multipart/form-data"
BARE = "WithoutVersion"
_OK = "200"
_REASONS = {
    "400": "It makes no sense, or a budget or a guardrail does not allow it.",
    "401": "No key, or one that opens nothing.",
    "403": "The key may not do this.",
    "404": "There is no such thing for this key.",
    "405": "The route takes other methods.",
    "429": "More than a limit allows; `Retry-After` says when to ask again.",
    "4XX": "Another error of the request, or what the provider said to it.",
    "5XX": "The provider, or the gateway, failed.",
}
_OPEN = ("405", "4XX", "5XX")  # what can go wrong where no key is asked for


class Parameter(msgspec.Struct, frozen=True):
    """A part of the query or a header. `kind` is a type that msgspec can describe."""

    name: str
    about: str
    kind: object = str
    place: str = "query"
    required: bool = False


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """What one method of one path does."""

    method: str
    path: str  # whole; of `versioned` ones what follows `/v1`
    name: str  # `operationId`
    summary: str
    tag: str
    answer: type[msgspec.Struct] | None = None  # None: no JSON
    media: tuple[str, ...] = (JSON,)
    unfit: type[msgspec.Struct] | None = None  # answered with 503
    partial: bool = False  # answers 206 to a range as well
    body: type[msgspec.Struct] | None = None
    forms: bool = False  # takes its body as a form as well
    parameters: tuple[Parameter, ...] = ()
    versioned: bool = False  # is there with and without `/v1`
    open: bool = False  # needs no key

    @property
    def places(self) -> Iterator[tuple[str, str]]:
        """Paths with the name of the operation there."""
        if self.versioned:
            yield f"/v1{self.path}", self.name
            yield self.path, self.name + BARE
        else:
            yield self.path, self.name


def operation(one: Described, name: str, refs: Mapping[object, object]) -> Mapping[str, object]:
    """Return an operation as OpenAPI has it; `refs` are the schemas of the structs."""
    told: dict[str, object] = {
        "operationId": name,
        "summary": one.summary,
        "tags": [one.tag],
        "parameters": [*_in_path(one.path), *map(_parameter, one.parameters)],
        "responses": {**_answers(one, refs), **_errors(one)},
    }
    if one.open:
        told["security"] = []
    if one.body is not None:
        schema = {"schema": refs[one.body]}
        kinds = (JSON, FORM) if one.forms else (JSON,)
        required = any(each.required for each in msgspec.structs.fields(one.body))
        told["requestBody"] = {"required": required, "content": dict.fromkeys(kinds, schema)}
    return told


def errors(refs: Mapping[object, object]) -> Mapping[str, object]:
    """Return the answers that say what went wrong, by their names."""
    content = {JSON: {"schema": refs[schemas.Error]}}
    return {
        f"Error{status}": {"description": reason, "content": content}
        for status, reason in _REASONS.items()
    }


def _answers(one: Described, refs: Mapping[object, object]) -> dict[str, object]:
    content: Mapping[str, object] = {kind: {} for kind in one.media}
    if one.answer is not None:
        content = {kind: {"schema": refs[one.answer]} for kind in one.media}
    if one.method == "head":
        content = {}
    told = {"description": one.summary, **({"content": content} if content else {})}
    answers: dict[str, object] = dict.fromkeys((_OK, "206") if one.partial else (_OK,), told)
    if one.unfit is not None:
        unfit = {JSON: {"schema": refs[one.unfit]}}
        answers["503"] = {"description": "Not now.", "content": unfit}
    return answers


def _errors(one: Described) -> Mapping[str, object]:
    statuses = _OPEN if one.open else tuple(_REASONS)
    return {status: {"$ref": f"#/components/responses/Error{status}"} for status in statuses}


def _in_path(path: str) -> Iterator[object]:
    for part in path.split("/"):
        if part.startswith("{"):
            schema = {"type": "string", "minLength": 1}
            yield {"name": part[1:-1], "in": "path", "required": True, "schema": schema}


def _parameter(one: Parameter) -> object:
    return {
        "name": one.name,
        "in": one.place,
        "required": one.required,
        "description": one.about,
        "schema": msgspec.json.schema(one.kind),
    }
