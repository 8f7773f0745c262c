"""The description of the JSON twins, made from the structs that they answer with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from starlette.responses import Response
from starlette.routing import Route

from vidobs.dashboard.registry import PAGES
from vidobs.telemetry.providers import scope_version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

    from vidobs.dashboard.page import Page, Parameter

PATH = "/api/openapi.json"
_REF = "#/components/schemas/{name}"
_PROBLEM = {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}


def routes() -> list[Route]:
    """Return the route of the description."""
    return [Route(PATH, _answer, methods=["GET"])]


def described(pages: Sequence[Page[Any]] = PAGES) -> dict[str, object]:
    """Return the OpenAPI document of the JSON twins."""
    structs = [page.struct for page in pages]
    schemas, components = msgspec.json.schema_components(
        structs, schema_hook=_hook, ref_template=_REF
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "vidobs dashboard",
            "version": scope_version(),
            "description": "Every page as JSON. Money is a string of US dollars, times are UTC.",
        },
        "paths": {
            page.api_path: {"get": _operation(page, schema)}
            for page, schema in zip(pages, schemas, strict=True)
        },
        "components": {"schemas": {**components, "Problem": _PROBLEM}},
    }


def _hook(kind: type) -> dict[str, Any]:
    """Describe what may be anything: an `object`."""
    if kind is object:
        return {"description": "Any JSON value."}
    raise NotImplementedError  # how a hook of msgspec says: not mine


async def _answer(request: Request) -> Response:
    del request
    return Response(msgspec.json.encode(described()), media_type="application/json")


def _operation(page: Page[Any], schema: dict[str, Any]) -> dict[str, object]:
    return {
        "operationId": page.name,
        "summary": page.doc,
        "parameters": [_parameter(one) for one in page.parameters],
        "responses": {
            "200": {"description": page.title, "content": _content(schema)},
            "400": _problem("A parameter makes no sense."),
            "404": _problem("There is no such thing."),
            "503": _problem("The ledger cannot be read now."),
        },
    }


def _parameter(one: Parameter) -> dict[str, object]:
    text: dict[str, object] = {"type": "string"}
    if one.choices:
        text["enum"] = list(one.choices)
    return {
        "name": one.name,
        "in": one.where,
        "required": one.where == "path",
        "description": one.doc,
        "schema": {"type": "array", "items": text} if one.many else text,
    }


def _problem(description: str) -> dict[str, object]:
    return {"description": description, "content": _content({"$ref": _REF.format(name="Problem")})}


def _content(schema: object) -> dict[str, object]:
    return {"application/json": {"schema": schema}}
