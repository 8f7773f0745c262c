"""What `vidobs demo` makes, and how each job has to come out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import msgspec

from vidobs.core.jobs import AssetState, JobState, Reason
from vidobs.core.money import CostStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vidobs.core.jobs import Job

TAG = "scene"  # the tag by which a job is told from the others


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """One video: what is asked for, on whose behalf, and how the job must end."""

    name: str
    prompt: str
    model: str = "sora-2"
    seconds: Literal["4", "8", "12"] = "4"
    size: Literal["1280x720", "720x1280"] = "1280x720"
    fault: str | None = None  # what the sandbox is told to do
    remix_of: str | None = None  # the scene that has to be finished first
    user: str | None = None
    tags: Mapping[str, str] = {}
    state: JobState = JobState.COMPLETED
    reason: Reason | None = None
    attempts: int | None = None  # None: any number will do

    @property
    def text(self) -> str:
        """The prompt as it is sent."""
        return f"{self.prompt} [[fault:{self.fault}]]" if self.fault else self.prompt


_FILM = {"team": "film"}
_ADS = {"team": "ads"}

SCENES = (
    Scene(
        name="kitten",
        prompt="A kitten with a ball of yarn in the morning sun",
        seconds="8",
        size="720x1280",
        user="ada",
        tags=_FILM,
        attempts=1,
    ),
    Scene(
        name="paper-boats",
        prompt="Paper boats race down a gutter after the rain",
        user="grace",
        tags=_ADS,
        attempts=1,
    ),
    Scene(
        name="lighthouse",
        prompt="A lighthouse in a storm, seen from a drone",
        model="sora-2-pro",
        seconds="8",
        user="ada",
        tags=_FILM,
        attempts=1,
    ),
    Scene(
        name="snails",
        prompt="Rush hour in a city of snails",
        fault="rate_limit x1",
        user="grace",
        tags=_ADS,
        attempts=2,
    ),
    Scene(
        name="clockwork",
        prompt="A tower clock that runs backwards",
        fault="fail",
        state=JobState.FAILED,
        reason=Reason.PROVIDER_ERROR,
        attempts=1,
    ),
    Scene(
        name="masks",
        prompt="A carnival of masks at midnight",
        size="720x1280",
        fault="moderation_output",
        state=JobState.FAILED,
        reason=Reason.MODERATION_OUTPUT,
        attempts=1,
    ),
    Scene(
        name="fireworks",
        prompt="Fireworks over a harbour, in slow motion",
        fault="moderation_input",
        state=JobState.FAILED,
        reason=Reason.MODERATION_INPUT,
        attempts=1,
    ),
    Scene(
        name="snow-kitten",
        prompt="The same kitten, and it has begun to snow",
        size="720x1280",
        remix_of="kitten",
        user="ada",
        tags=_FILM,
        attempts=1,
    ),
)


def plain_scenes(model: str) -> tuple[Scene, ...]:
    """Return what to make on any server: short videos from a prompt, without faults."""
    return tuple(
        Scene(
            name=scene.name,
            prompt=scene.prompt,
            model=model,
            size=scene.size,
            user=scene.user,
            tags=scene.tags,
        )
        for scene in SCENES
        if scene.remix_of is None
    )


def unmet(scene: Scene, job: Job | None) -> str | None:
    """Return in what a job differs from its scene; `None` when it came out as it should."""
    return "no job in the ledger" if job is None else next(_differences(scene, job), None)


def _differences(scene: Scene, job: Job) -> Iterator[str]:
    if (job.state, job.reason) != (scene.state, scene.reason):
        yield f"expected {_ending(scene.state, scene.reason)}, got {_ending(job.state, job.reason)}"
    if scene.state is JobState.COMPLETED and job.asset is not AssetState.DOWNLOADED:
        yield f"expected a file, got asset {job.asset.value}"
    if scene.attempts is None:  # a server that nobody told what to do
        return
    if job.attempts != scene.attempts:
        yield f"expected {scene.attempts} requests for the create, got {job.attempts}"
    if job.cost.status not in (CostStatus.SETTLED, CostStatus.RELEASED):
        yield f"expected a final cost, got {job.cost.status.value}"


def _ending(state: JobState, reason: Reason | None) -> str:
    return f"{state.value} {reason.value}" if reason else state.value
