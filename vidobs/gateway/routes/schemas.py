"""The bodies of requests and answers, for the description of the API only: what comes is passed on.

Servers add fields of their own to each of them.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType


class ImageReference(msgspec.Struct):
    """A picture to start from, by address."""

    image_url: str | UnsetType = UNSET
    file_id: str | UnsetType = UNSET


class CreateVideo(msgspec.Struct):
    """What a create asks for; in a form `input_reference` is a file."""

    prompt: Annotated[str, Meta(min_length=1)]
    model: str | UnsetType = UNSET
    seconds: str | int | UnsetType = UNSET
    size: str | UnsetType = UNSET
    input_reference: ImageReference | UnsetType = UNSET
    user: str | UnsetType = UNSET


class RemixVideo(msgspec.Struct):
    """What a remix asks for."""

    prompt: Annotated[str, Meta(min_length=1)]


class RemixNamed(msgspec.Struct):
    """What a remix asks for, with the video in the body."""

    prompt: Annotated[str, Meta(min_length=1)]
    video_id: str


class VideoReference(msgspec.Struct):
    """A finished video."""

    id: str


class EditVideo(msgspec.Struct):
    """What an edit asks for; in a form `video` may be a file, and then `model` is needed."""

    prompt: Annotated[str, Meta(min_length=1)]
    video: VideoReference
    model: str | UnsetType = UNSET


class ExtendVideo(msgspec.Struct):
    """What an extension asks for."""

    prompt: Annotated[str, Meta(min_length=1)]
    video: VideoReference
    seconds: str | int | UnsetType = UNSET


class JobError(msgspec.Struct):
    """Why a job failed."""

    code: str
    message: str


class Video(msgspec.Struct):
    """A video as it stands. A job that failed is told with status 200 as well."""

    id: str
    object: Literal["video"]
    model: str
    status: str
    progress: int | UnsetType | None = UNSET
    created_at: int | UnsetType | None = UNSET
    completed_at: int | UnsetType | None = UNSET
    expires_at: int | UnsetType | None = UNSET
    seconds: str | UnsetType | None = UNSET
    size: str | UnsetType | None = UNSET
    prompt: str | UnsetType | None = UNSET
    remixed_from_video_id: str | UnsetType | None = UNSET
    error: JobError | UnsetType | None = UNSET


class VideoList(msgspec.Struct):
    """A page of videos."""

    object: Literal["list"]
    data: list[Video]
    first_id: str | None
    last_id: str | None
    has_more: bool


class DeletedVideo(msgspec.Struct):
    """A video that is gone."""

    id: str
    object: Literal["video.deleted"]
    deleted: bool


class Character(msgspec.Struct):
    """A character that videos can show."""

    id: str
    name: str | UnsetType | None = UNSET
    created_at: int | UnsetType | None = UNSET


class Model(msgspec.Struct):
    """A model that clients may name."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class ModelList(msgspec.Struct):
    """The models that a key may use."""

    object: Literal["list"]
    data: list[Model]


class CreateCharacter(msgspec.Struct):
    """What a character is made of; in a form `video` is a file."""

    name: str
    video: VideoReference
    target_model_names: str | UnsetType = UNSET


class NamedModel(msgspec.Struct):
    """What a deployment sends, and how often it is chosen."""

    model: str
    weight: float


class DeploymentInfo(msgspec.Struct):
    """What is known of a deployment."""

    id: str
    mode: Literal["video_generation"]
    resting: bool


class Deployment(msgspec.Struct):
    """A server that makes videos of a model."""

    model_name: str
    litellm_params: NamedModel
    model_info: DeploymentInfo


class Deployments(msgspec.Struct):
    """The deployments that a key may use, as LiteLLM's proxy lists them."""

    data: list[Deployment]


class Health(msgspec.Struct):
    """It answers."""

    status: Literal["ok"]


class Ready(msgspec.Struct):
    """Whether requests may be sent here; where not, the status is 503."""

    status: Literal["ok", "draining", "unready"]
    ledger: Literal["ok", "broken"]
    deployments: int
    resting: int
    videos_open: int


class EventData(msgspec.Struct):
    """The video of an event."""

    id: str


class ProviderEvent(msgspec.Struct):
    """An event of a provider."""

    type: str
    data: EventData


class Received(msgspec.Struct):
    """It was taken."""

    received: bool


class ErrorDetail(msgspec.Struct):
    """What went wrong with a request."""

    message: str
    type: str | None
    param: str | None
    code: str | None


class Error(msgspec.Struct):
    """OpenAI's envelope."""

    error: ErrorDetail
