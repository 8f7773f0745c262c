"""What the tests of the gateway's guardrails share: creates as the gateway begins them."""

import time
from datetime import UTC, datetime
from decimal import Decimal

from vidobs import runtime
from vidobs.core.calls import Attribution, Operation, VideoCall, VideoRequest
from vidobs.core.jobs import JobSnapshot, JobState
from vidobs.gateway.guardrails.findings import Subject
from vidobs.gateway.seams import Ask, Principal, Role
from vidobs.observer.creates import Create

ALICE = Principal(role=Role.KEY, owner="vk_alice", alias="alice")
MODEL = "sora-2"


def begin(principal=ALICE, *, prompt="A calico cat playing piano", user=None):
    """Begin a create; return it, and what the guards are asked."""
    call = VideoCall(
        operation=Operation.CREATE,
        provider="openai",
        dialect="openai",
        model=MODEL,
        request=VideoRequest(seconds=Decimal(4), size="720x1280"),
        attribution=Attribution(user, {"key": principal.owner, "model": MODEL}),
    )
    create = Create(runtime.current().observer, call)
    return create, ask(create.job.job_id, prompt=prompt)


def ask(job_id="job_1", *, prompt="A calico cat playing piano", model=MODEL):
    """What somebody wants sent."""
    return Ask(
        job_id=job_id,
        operation=Operation.CREATE,
        model=model,
        provider="openai",
        upstream_model=model,
        quote_usd=Decimal("0.40"),
        prompt=prompt,
        now=datetime.now(UTC),
    )


def send(create, *, prompt=None, video_id="video_1"):
    """Go on with a create that nobody refused: it is accepted."""
    create.detach()
    create.begin()
    accepted = JobSnapshot(provider_job_id=video_id, state=JobState.QUEUED)
    create.answer(accepted, prompt=prompt)


def finish(video_id="video_1", state=JobState.COMPLETED):
    """Let the job end; return it."""
    observer = runtime.current().observer
    call = VideoCall(
        operation=Operation.RETRIEVE, provider="openai", dialect="openai", video_id=video_id
    )
    job = observer.job_of("openai", video_id)
    ended = JobSnapshot(provider_job_id=video_id, state=state)
    return observer.record(call, ended, now_ns=time.time_ns(), job=job).job


def subject(text="A calico cat playing piano", **given):
    """What a check looks at."""
    return Subject(text=text, principal=ALICE, ask=ask(prompt=text), **given)
