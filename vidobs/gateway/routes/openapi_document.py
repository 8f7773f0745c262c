"""What the description of the API says, and the page of it. Pure."""

from __future__ import annotations

from html import escape
from itertools import groupby
from typing import TYPE_CHECKING, Any

import msgspec

from vidobs.gateway.routes import schemas
from vidobs.gateway.routes.openapi_admin import ADMIN
from vidobs.gateway.routes.openapi_operation import errors, operation
from vidobs.gateway.routes.openapi_videos import ABOUT, HOOKS, MODELS, PAGES, VIDEOS
from vidobs.gateway.wire.answers import Answer, json_answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vidobs.gateway.routes.openapi import Offer
    from vidobs.gateway.routes.openapi_operation import Described

_HTML = (b"content-type", b"text/html; charset=utf-8")
_POLICY = (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'")
_ALWAYS = (*VIDEOS, *MODELS, *ABOUT)
_ELSEWHERE = (*HOOKS, *ADMIN, *PAGES)
_ABOUT = (
    "The OpenAI Videos API, virtual keys and budgets with LiteLLM's names. Every path of videos is "
    "also there behind `/openai/v1`, as Azure has it. Answers may hold more than is described."
)
_ANY = "Any JSON value."


def description(offer: Offer) -> Answer:
    """Return the document."""
    operations = _operations(offer)
    refs, components = _schemas(operations)
    paths: dict[str, dict[str, object]] = {}
    for one in operations:
        for path, name in one.places:
            paths.setdefault(path, {})[one.method] = operation(one, name, refs)
    keys: list[object] = [{"bearer": []}, {"litellm": []}, {"azure": []}]
    return json_answer(
        {
            "openapi": "3.1.0",
            "info": {"title": "vidobs gateway", "version": "1", "description": _ABOUT},
            "servers": [{"url": "/"}],
            "security": keys if offer.keyed else [{}, *keys],
            "tags": [{"name": tag} for tag in dict.fromkeys(one.tag for one in operations)],
            "paths": paths,
            "components": {
                "schemas": components,
                "responses": errors(refs),
                "securitySchemes": {
                    "bearer": {"type": "http", "scheme": "bearer"},
                    "litellm": {"type": "apiKey", "in": "header", "name": "x-litellm-api-key"},
                    "azure": {"type": "apiKey", "in": "header", "name": "api-key"},
                },
            },
        }
    )


def _operations(offer: Offer) -> tuple[Described, ...]:
    """Return what there is to describe."""
    there = (one for one in _ELSEWHERE if _has(offer, next(one.places)[0]))
    return (*_ALWAYS, *there)


def _has(offer: Offer, path: str) -> bool:
    return any(path == one or path.startswith(f"{one}/") for one in offer.elsewhere)


def _schemas(operations: tuple[Described, ...]) -> tuple[Mapping[object, object], object]:
    """Return the references of all structs, and what they refer to."""
    kinds = [kind for one in operations for kind in (one.answer, one.body, one.unfit) if kind]
    unique = list(dict.fromkeys([*kinds, schemas.Error]))
    found, components = msgspec.json.schema_components(
        unique, schema_hook=_hook, ref_template="#/components/schemas/{name}"
    )
    return dict(zip(unique, found, strict=True)), _with_numbers(components)


def _hook(kind: type) -> dict[str, Any]:
    if kind is object:
        return {"description": _ANY}
    raise NotImplementedError  # how a hook of msgspec says: not mine


def _with_numbers(schema: object) -> object:
    """Money is a JSON number in LiteLLM's answers, and so in these."""
    if isinstance(schema, dict):
        if schema.get("format") == "decimal":
            return {"type": "number"}
        return {name: _with_numbers(each) for name, each in schema.items()}
    return [_with_numbers(each) for each in schema] if isinstance(schema, list) else schema


def page(offer: Offer) -> Answer:
    """Return a page with every route."""
    tables = "".join(
        f"<h2>{escape(tag)}</h2><table>{''.join(map(_row, ones))}</table>"
        for tag, ones in groupby(_operations(offer), lambda one: one.tag)
    )
    html = (
        "<!doctype html><html lang=en><meta charset=utf-8><title>vidobs gateway</title>"
        '<meta name=viewport content="width=device-width">'
        "<style>body{font:16px system-ui;margin:2rem;max-width:60rem;color-scheme:light dark}"
        "td{padding:.3rem 1rem .3rem 0}td:first-child{width:4rem}</style><h1>vidobs gateway</h1>"
        "<p>The OpenAI Videos API. Keys go as <code>Authorization: Bearer</code>, "
        "<code>x-litellm-api-key</code> or <code>api-key</code>; <code>/v1</code> may be left out."
        f' The whole description: <a href="openapi.json">openapi.json</a>.</p>{tables}</html>'
    )
    return Answer(200, html.encode(), (_HTML, _POLICY))


def _row(one: Described) -> str:
    path, _ = next(one.places)
    return (
        f"<tr><td>{one.method.upper()}</td><td><code>{escape(path)}</code></td>"
        f"<td>{escape(one.summary)}</td></tr>"
    )
