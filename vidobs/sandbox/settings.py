"""How one sandbox behaves."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vidobs.core.errors import unknown_name
from vidobs.dialects.codecs import CODECS
from vidobs.dialects.rows import Variant
from vidobs.dialects.variants import OPENAI, VARIANTS
from vidobs.sandbox.faults import parse_shares
from vidobs.sandbox.recording import check_recordable

if TYPE_CHECKING:
    from pathlib import Path

    from vidobs.core.protocols import Clock
    from vidobs.sandbox.scenario import ScriptedJob
    from vidobs.sandbox.signing import WebhookTarget

MIB = 1024 * 1024
PLAYED = (*VARIANTS, *CODECS)  # the names of the dialects


def played(dialect: str | Variant) -> dict[str, Any]:
    """Return the settings that say whose server is played.

    Raises `ValueError` for a name that is none.
    """
    if isinstance(dialect, Variant):
        return {"dialect": dialect}
    if dialect in CODECS:
        return {"foreign": dialect}
    if dialect not in VARIANTS:
        raise ValueError(unknown_name("dialect", dialect, PLAYED))
    return {"dialect": VARIANTS[dialect]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything one sandbox is told; checked when made.

    `time_scale` stretches every duration (0.1 = ten times faster). `faults` are `NAME` or
    `NAME:RATIO`, the ratio being the share of creates that meet the fault. Raises `ValueError`.
    """

    time_scale: float = 1.0
    faults: tuple[str, ...] = ()
    clock: Clock = time
    scenario: tuple[ScriptedJob, ...] = ()
    record: Path | None = None  # where requests are written down, as a scenario
    webhook: WebhookTarget | None = None  # who is told that a job has ended
    dialect: Variant = OPENAI  # whose server is played
    foreign: str | None = None  # a server of this API is played instead; see `sandbox.foreign`
    max_jobs: int = 10_000  # the oldest are forgotten
    max_requests: int = 50_000  # in the journal; the oldest are forgotten
    max_body_bytes: int = 32 * MIB
    max_cache_bytes: int = 128 * MIB  # rendered files kept; others are rendered again

    @property
    def api_path(self) -> str:
        """What a client's base address ends in."""
        return "/v1" if self.foreign is None else ""

    def __post_init__(self) -> None:
        """Refuse what cannot work, before a socket is opened."""
        if not (math.isfinite(self.time_scale) and self.time_scale > 0):
            message = f"time_scale must be a number above 0, got {self.time_scale!r}"
            raise ValueError(message)
        parse_shares(self.faults)
        if self.record is not None:
            check_recordable(self.record)
