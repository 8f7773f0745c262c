"""The description of the API: `/openapi.json`, and a page of it that loads nothing else."""

from __future__ import annotations

from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

import msgspec

from vidobs.gateway.routes import schemas
from vidobs.gateway.wire.answers import Answer, json_answer

if TYPE_CHECKING:
    from collections.abc import Mapping

_HTML = (b"content-type", b"text/html; charset=utf-8")
_POLICY = (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'")


class _Route(msgspec.Struct, frozen=True):
    method: str
    path: str  # behind `/v1`, which may be left out
    summary: str
    answer: type[msgspec.Struct] | None  # None: a file
    body: type[msgspec.Struct] | None = None
    query: tuple[str, ...] = ()


_ROUTES = (
    _Route("post", "/videos", "Make a video", schemas.Video, schemas.CreateVideo),
    _Route("get", "/videos", "List what the key has made", schemas.VideoList, None,
           ("after", "limit", "order")),
    _Route("get", "/videos/{video_id}", "Tell how a video is doing", schemas.Video),
    _Route("delete", "/videos/{video_id}", "Delete a video", schemas.DeletedVideo),
    _Route("get", "/videos/{video_id}/content", "Fetch a file", None, None, ("variant",)),
    _Route("post", "/videos/{video_id}/remix", "Make a video from one", schemas.Video,
           schemas.RemixVideo),
    _Route("post", "/videos/edits", "Edit a video", schemas.Video, schemas.EditVideo),
    _Route("post", "/videos/extensions", "Make a video longer", schemas.Video,
           schemas.ExtendVideo),
    _Route("get", "/videos/characters/{character_id}", "Tell of a character", schemas.Character),
    _Route("post", "/videos/generations", "Make a video", schemas.Video, schemas.CreateVideo),
    _Route("post", "/videos/remix", "Make a video from one", schemas.Video, schemas.RemixNamed),
    _Route("get", "/videos/status", "Tell how a video is doing", schemas.Video, None,
           ("video_id",)),
    _Route("get", "/videos/retrieval", "Fetch a file", None, None, ("video_id",)),
    _Route("get", "/models", "List models", schemas.ModelList),
)  # fmt: skip
_ERRORS = {
    "400": "the request makes no sense, or a budget or a filter does not allow it",
    "401": "no key, or a wrong one",
    "403": "the key may not do this",
    "404": "there is no such video for this key",
    "429": "too many requests",
    "502": "the server behind the gateway failed",
}
_WANTED = frozenset({"video_id"})


def description() -> Answer:
    """Return the document."""
    return _description()


def page() -> Answer:
    """Return a page with every route."""
    return _page()


@cache
def _description() -> Answer:
    kinds = [kind for route in _ROUTES for kind in (route.answer, route.body) if kind is not None]
    unique = list(dict.fromkeys([*kinds, schemas.Error]))
    found, components = msgspec.json.schema_components(
        unique, ref_template="#/components/schemas/{name}"
    )
    refs = dict(zip(unique, found, strict=True))
    paths: dict[str, dict[str, object]] = {}
    for route in _ROUTES:
        paths.setdefault(route.path, {})[route.method] = _operation(route, refs)
    return json_answer(
        {
            "openapi": "3.1.0",
            "info": {"title": "vidobs gateway", "version": "1"},
            "servers": [{"url": "/v1"}, {"url": "/"}],
            "security": [{"bearer": []}, {"litellm": []}, {"azure": []}],
            "paths": paths,
            "components": {
                "schemas": components,
                "securitySchemes": {
                    "bearer": {"type": "http", "scheme": "bearer"},
                    "litellm": {"type": "apiKey", "in": "header", "name": "x-litellm-api-key"},
                    "azure": {"type": "apiKey", "in": "header", "name": "api-key"},
                },
            },
        }
    )


def _operation(route: _Route, refs: Mapping[object, dict[str, Any]]) -> object:
    error = {"application/json": {"schema": refs[schemas.Error]}}
    content: dict[str, object] = {"video/mp4": {}, "image/webp": {}, "image/jpeg": {}}
    if route.answer is not None:
        content = {"application/json": {"schema": refs[route.answer]}}
    told: dict[str, object] = {
        "summary": route.summary,
        "parameters": [*_in_path(route.path), *map(_in_query, route.query)],
        "responses": {
            "200": {"description": route.summary, "content": content},
            **{code: {"description": why, "content": error} for code, why in _ERRORS.items()},
        },
    }
    if route.body is not None:
        schema = {"schema": refs[route.body]}
        told["requestBody"] = {
            "required": True,
            "content": {"application/json": schema, "multipart/form-data": schema},
        }
    return told


def _in_path(path: str) -> list[dict[str, object]]:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    return [_parameter(name, "path", required=True) for name in names]


def _in_query(name: str) -> dict[str, object]:
    return _parameter(name, "query", required=name in _WANTED)


def _parameter(name: str, place: str, *, required: bool) -> dict[str, object]:
    return {"name": name, "in": place, "required": required, "schema": {"type": "string"}}


@cache
def _page() -> Answer:
    rows = "".join(
        f"<tr><td>{route.method.upper()}</td><td><code>/v1{escape(route.path)}</code></td>"
        f"<td>{escape(route.summary)}</td></tr>"
        for route in _ROUTES
    )
    html = (
        "<!doctype html><html lang=en><meta charset=utf-8><title>vidobs gateway</title>"
        "<style>body{font:16px system-ui;margin:2rem;max-width:60rem}"
        "td{padding:.3rem 1rem .3rem 0}</style><h1>vidobs gateway</h1>"
        "<p>The OpenAI Videos API. Keys go as <code>Authorization: Bearer</code>, "
        "<code>x-litellm-api-key</code> or <code>api-key</code>; <code>/v1</code> may be left out."
        ' The whole description: <a href="openapi.json">openapi.json</a>.</p>'
        f"<table>{rows}</table></html>"
    )
    return Answer(200, html.encode(), (_HTML, _POLICY))
