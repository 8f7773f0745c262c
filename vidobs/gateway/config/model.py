"""The gateway's configuration, checked."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from vidobs.core.price_rows import PriceRow
from vidobs.dialects.rows import Variant

LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """One server that makes videos of a model: an entry of `model_list`."""

    id: str  # stable over restarts, and over other entries: ids of videos name it
    model_name: str  # what clients call the model
    provider: str  # that jobs are filed under
    variant: Variant
    upstream_model: str
    base_url: str  # up to `/videos`
    api_key: str | None = None
    headers: Mapping[str, str] = {}
    query: Mapping[str, str] = {}
    weight: float = 1.0
    timeout_s: float = 600.0
    webhook_key: bytes | None = None  # that its provider signs webhooks with

    def __repr__(self) -> str:
        return f"Deployment({self.id!r}, {self.model_name!r})"  # never the key


class Given(msgspec.Struct, frozen=True):
    """A value that another part of the gateway reads, and its place for error texts."""

    value: object
    where: str  # such as `config.yaml:12`


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """What a request may take: bytes, and seconds."""

    max_json_bytes: int = 32 << 20  # a picture may stand in it as base64
    max_upload_bytes: int = 512 << 20
    max_header_bytes: int = 32 << 10
    header_timeout_s: float = 10.0  # until the headers are there
    body_timeout_s: float = 30.0  # without a byte of the body
    write_timeout_s: float = 60.0  # for which a client may take nothing of an answer
    drain_s: float = 30.0  # that requests may take to end at SIGTERM


class GatewayConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the gateway is set up with."""

    deployments: tuple[Deployment, ...]
    name: str = "vidobs gateway"  # of the file, for texts
    master_key: str | None = None
    default_model: str | None = None  # what takes creates that name another or no model
    routing: str = "weighted"  # or `least_busy`
    cooldown_s: float = 30.0
    allowed_fails: int = 3  # in a row, before a deployment rests
    take_foreign_ids: bool = False  # of videos that were not made here, from any key
    idempotency_hours: float = 24.0
    relay: str = "process"  # in which exporters run; or a `thread` of this one
    lost_after_s: float = 600.0  # a video that its server does not know for so long is lost
    sizes: Sizes = Sizes()
    general: Mapping[str, Given] = {}  # `general_settings`, those that are known
    parts: Mapping[str, Given] = {}  # of the section `gateway:`, by `seams.PARTS`
    litellm_guardrails: Given | None = None  # LiteLLM's list at the top of the file
    prices: tuple[PriceRow, ...] = ()  # of `model_info`
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"GatewayConfig({self.name!r}, {len(self.deployments)} deployments)"
