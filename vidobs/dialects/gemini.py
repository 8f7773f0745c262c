"""The codec of Google's APIs for videos, on the Gemini API and on Vertex AI.

Veo: `models/M:predictLongRunning` makes an operation, `operations/...` and, on Vertex AI,
`:fetchPredictOperation` tell of it. Omni: `interactions`. Both are called by the same SDK, and an
interaction or an operation may be about anything: what makes no video is left alone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from vidobs.core.calls import Operation
from vidobs.dialects import gemini_errors as errors
from vidobs.dialects import gemini_interactions as interactions
from vidobs.dialects import gemini_operations as operations
from vidobs.dialects import gemini_requests as requests
from vidobs.dialects.codec import LONGEST_ID, Asked, Codec
from vidobs.dialects.routes import Route
from vidobs.dialects.values import text

if TYPE_CHECKING:
    from vidobs.core.jobs import JobSnapshot
    from vidobs.dialects.codec import Request

_HOSTS = re.compile(
    r"generativelanguage(?:\.mtls)?\.googleapis\.com"
    r"|(?:[a-z0-9-]+-)?aiplatform(?:\.[a-z0-9-]+\.rep|\.mtls)?\.googleapis\.com",
    re.IGNORECASE,
)
_VERTEX = "aiplatform"
_PROJECT = r"(?:projects/[^/]+/locations/[^/]+/)?"
_OPERATION = re.compile(
    rf".*?/v\d\w*/(?P<resource>(?:{_PROJECT}(?:publishers/[^/]+/)?models/[^/:]+)?"
    r"(?:/?operations/(?P<id>[^/:]+))?)(?::(?P<verb>\w+))?"
)
_INTERACTION = re.compile(
    rf".*?/v\d\w*/{_PROJECT}interactions(?:/(?P<id>[^/]+)(?P<stop>/cancel)?)?"
)
_BEGIN, _ASK = "predictLongRunning", "fetchPredictOperation"
_ON_ONE = {"GET": Operation.RETRIEVE, "DELETE": Operation.DELETE}


def route(request: Request) -> Route | None:
    """Return what a request is; `None` for everything that is no video call."""
    method, path = request.method.upper(), request.path.rstrip("/")
    found = _INTERACTION.fullmatch(path)
    if found is not None:
        return _of_interaction(method, found, request)
    found = _OPERATION.fullmatch(path)
    return None if found is None else _of_operation(method, found, request)


def _of_interaction(method: str, found: re.Match[str], request: Request) -> Route | None:
    video_id = found["id"]
    if video_id is None:
        kind = requests.kind_of_interaction(request.fields()) if method == "POST" else None
        return None if kind is None else Route(kind)
    if found["stop"]:
        return Route(Operation.DELETE, unquote(video_id)) if method == "POST" else None
    operation = _ON_ONE.get(method)
    return None if operation is None else Route(operation, unquote(video_id))


def _of_operation(method: str, found: re.Match[str], request: Request) -> Route | None:
    if (method, found["verb"]) == ("POST", _BEGIN) and found["resource"] and not found["id"]:
        return Route(requests.kind_of_operation(request.fields()))
    if (method, found["verb"]) == ("POST", _ASK):
        name = text(request.fields().get("operationName"), LONGEST_ID)
        return None if name is None else Route(Operation.RETRIEVE, name)
    if (method, found["verb"]) == ("GET", None) and found["id"]:
        return Route(Operation.RETRIEVE, unquote(found["resource"]))
    return None


def _asked(request: Request) -> Asked:
    model = operations.model_in(unquote(request.path))
    if model is None:
        return requests.of_interaction(request.fields())
    return requests.of_operation(request.fields(), model)


def _created(body: bytes, prompt: str | None) -> JobSnapshot | None:
    return interactions.polled(body, prompt) or operations.created(body, prompt)


def _polled(body: bytes, prompt: str | None) -> JobSnapshot | None:
    return interactions.polled(body, prompt) or operations.polled(body, prompt)


def _status_key(body: bytes) -> tuple[str, int | None]:
    key = interactions.status_key(body)
    return key if key[0] else operations.status_key(body)


CODEC = Codec(
    name="gemini",
    servers=("Gemini API", "Vertex AI"),
    tried_with="google-genai 3.4.0, over httpx",
    key_env="GEMINI_API_KEY",
    base_env="GOOGLE_GEMINI_BASE_URL",
    hosts=_HOSTS,
    provider_at=lambda host: "vertex_ai" if _VERTEX in host else "gemini",
    route=route,
    asked=_asked,
    created=_created,
    polled=_polled,
    status_key=_status_key,
    rejected=errors.rejected,
    is_video=lambda body: interactions.is_video(body) or operations.is_video(body),
    files=lambda body: interactions.files(body) or operations.files(body),
)
