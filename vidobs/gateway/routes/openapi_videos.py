"""The operations on videos, and what the gateway says of itself."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from vidobs.gateway.hooks import bodies as hooks
from vidobs.gateway.routes import provider_events, schemas
from vidobs.gateway.routes.content import VARIANTS
from vidobs.gateway.routes.openapi_operation import JSON, Described, Parameter
from vidobs.gateway.routes.videos import MOST_LISTED

_VIDEOS, _MODELS, _HOOKS, _HEALTH = "Videos", "Models", "Webhooks", "Health"
_HTML, _TEXT = "text/html", "text/plain"
_FILES = ("video/mp4", "image/webp", "image/jpeg")
_AGAIN = Parameter(
    "Idempotency-Key", "The same key makes one video, however often it is sent.", str, "header"
)
_RANGE = Parameter("Range", "Which bytes, as `bytes=0-1023`.", str, "header")
_VARIANT = Parameter("variant", "Which file.", Literal[VARIANTS])
_ID = Parameter("video_id", "Which video.", Annotated[str, Meta(min_length=1)], required=True)
_PAGES = (
    Parameter("after", "The last id of the page before."),
    Parameter("limit", "How many.", Annotated[int, Meta(ge=0, le=MOST_LISTED)]),
    Parameter("order", "By when they were made.", Literal["asc", "desc"]),
)


def _makes(path: str, name: str, summary: str, body: type) -> Described:
    return Described(
        method="post", path=path, name=name, summary=summary, tag=_VIDEOS, answer=schemas.Video,
        body=body, forms=True, versioned=True, parameters=(_AGAIN,),
    )  # fmt: skip


def _asks(
    method: str,
    path: str,
    name: str,
    summary: str,
    answer: type,
    *,
    tag: str = _VIDEOS,
    body: type | None = None,
    parameters: tuple[Parameter, ...] = (),
) -> Described:
    return Described(
        method=method, path=path, name=name, summary=summary, tag=tag, answer=answer, body=body,
        parameters=parameters, versioned=True,
    )  # fmt: skip


def _file(method: str, path: str, name: str, *parameters: Parameter) -> Described:
    return Described(
        method=method, path=path, name=name, summary="Fetch a file of a video", tag=_VIDEOS,
        media=_FILES, partial=True, versioned=True, parameters=(*parameters, _VARIANT, _RANGE),
    )  # fmt: skip


def _open(
    path: str,
    name: str,
    summary: str,
    answer: type | None = None,
    *,
    media: str = JSON,
    unfit: type | None = None,
) -> Described:
    return Described(
        method="get",
        path=path,
        name=name,
        summary=summary,
        tag=_HEALTH,
        answer=answer,
        media=(media,),
        unfit=unfit,
        open=True,
    )


VIDEOS = (
    _makes("/videos", "createVideo", "Make a video", schemas.CreateVideo),
    _asks("get", "/videos", "listVideos", "List what was made with the key", schemas.VideoList,
          parameters=_PAGES),
    _asks("get", "/videos/{video_id}", "retrieveVideo", "Tell how a video is doing",
          schemas.Video),
    _asks("delete", "/videos/{video_id}", "deleteVideo", "Delete a video", schemas.DeletedVideo),
    _file("get", "/videos/{video_id}/content", "downloadVideo"),
    _file("head", "/videos/{video_id}/content", "lookAtVideo"),
    _makes("/videos/{video_id}/remix", "remixVideo", "Make a video from one", schemas.RemixVideo),
    _makes("/videos/edits", "editVideo", "Edit a video", schemas.EditVideo),
    _makes("/videos/extensions", "extendVideo", "Make a video longer", schemas.ExtendVideo),
    Described(
        method="post", path="/videos/characters", name="createCharacter",
        summary="Make a character from a video", tag=_VIDEOS, answer=schemas.Character,
        body=schemas.CreateCharacter, forms=True, versioned=True,
    ),
    _asks("get", "/videos/characters/{character_id}", "retrieveCharacter", "Tell of a character",
          schemas.Character),
    _makes("/videos/generations", "generateVideo", "Make a video", schemas.CreateVideo),
    _makes("/videos/remix", "remixNamedVideo", "Make a video from one that the body names",
           schemas.RemixNamed),
    _asks("get", "/videos/status", "retrieveNamedVideo", "Tell how a video is doing",
          schemas.Video, parameters=(_ID,)),
    _file("get", "/videos/retrieval", "downloadNamedVideo", _ID),
)  # fmt: skip
MODELS = (
    _asks("get", "/models", "listModels", "List the models that the key may use",
          schemas.ModelList, tag=_MODELS),
    _asks("get", "/model/info", "listDeployments", "List what stands behind the models",
          schemas.Deployments, tag=_MODELS),
)  # fmt: skip
HOOKS = (
    _asks("post", "/webhook_endpoints", "createWebhookEndpoint", "Be told when videos end",
          hooks.ShownEndpoint, tag=_HOOKS, body=hooks.NewEndpoint),
    _asks("get", "/webhook_endpoints", "listWebhookEndpoints", "List the key's endpoints",
          hooks.EndpointList, tag=_HOOKS),
    _asks("get", "/webhook_endpoints/{endpoint_id}", "retrieveWebhookEndpoint",
          "Tell of an endpoint", hooks.ShownEndpoint, tag=_HOOKS),
    _asks("delete", "/webhook_endpoints/{endpoint_id}", "deleteWebhookEndpoint",
          "Be told no more", hooks.DeletedEndpoint, tag=_HOOKS),
    _asks("post", "/webhook_endpoints/{endpoint_id}/rotate", "rotateWebhookEndpoint",
          "Give an endpoint a new secret", hooks.ShownEndpoint, tag=_HOOKS),
)  # fmt: skip
ABOUT = (
    Described(
        method="post", path=provider_events.PATH, name="tellOfVideo",
        summary="Hear of a provider that a video has ended; signed by Standard Webhooks",
        tag=_HOOKS, answer=schemas.Received, body=schemas.ProviderEvent, open=True,
    ),
    _open("/health", "health", "Tell that it answers", schemas.Health),
    _open("/health/live", "live", "Tell that it answers", schemas.Health),
    _open("/health/liveliness", "liveliness", "The same, by LiteLLM's name", schemas.Health),
    _open("/health/ready", "ready", "Tell whether requests may be sent here", schemas.Ready,
          unfit=schemas.Ready),
    _open("/health/readiness", "readiness", "The same, by LiteLLM's name", schemas.Ready,
          unfit=schemas.Ready),
    _open("/openapi.json", "openapi", "This description" ),
    _open("/docs", "docs", "This description, to read", media=_HTML),
)  # fmt: skip
PAGES = (
    Described(
        method="get", path="/metrics", name="metrics", tag=_HEALTH, media=(_TEXT,),
        summary="Metrics for Prometheus; with the master key or the viewer's",
    ),
    Described(
        method="get", path="/ui", name="dashboard", tag=_HEALTH, media=(_HTML,), open=True,
        summary="The dashboard; it asks for the master key or the viewer's",
    ),
)  # fmt: skip
