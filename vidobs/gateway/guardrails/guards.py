"""The gateway's `Guards`: every guardrail that concerns a prompt or a result, in order."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from vidobs.core.jobs import JobState
from vidobs.core.verdicts import Ruling, Stage, Verdict, judged
from vidobs.gateway.guardrails.findings import Subject
from vidobs.gateway.guardrails.guardrail import look
from vidobs.gateway.seams import KEY_TAG, MODEL_TAG, Refusal
from vidobs.observer.judging import judge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from vidobs.core.jobs import Job
    from vidobs.gateway.guardrails.guardrail import Guardrail
    from vidobs.gateway.seams import Ask, Principal
    from vidobs.observer.observer import Observer

CODE = "content_policy_violation"
UNAVAILABLE = "guardrail_unavailable"
RETRY_S = "2"
_MOST_KEPT = 10_000  # jobs


class GuardrailGuards:
    """Implements `Guards` and `Service` of `vidobs.gateway.seams`. For one event loop.

    What it finds is told by the observer: of a prompt with the answer to its create, or with its
    refusal; of a result at once. `content_url` says where the video of a job can be had.
    """

    def __init__(
        self,
        guardrails: Iterable[Guardrail],
        observer: Observer,
        *,
        content_url: Callable[[Job], str | None] = lambda _: None,
    ) -> None:
        self._guardrails = tuple(guardrails)
        self._observer = observer
        self._content_url = content_url
        self._judged: dict[str, Job] = {}  # the newest, as they stood then
        self._looking: dict[str, asyncio.Task[Job]] = {}

    async def before(self, principal: Principal, ask: Ask) -> str | None:
        """Return the prompt to send.

        Raises:
            Refusal: a guardrail found something (400), or could not look just now (503).
        """
        concerned = self._concerned(Stage.PROMPT, _keys(principal), ask.model, text=ask.prompt)
        if not concerned:
            return ask.prompt
        prompt, said = ask.prompt, list[Verdict]()
        try:
            for guardrail in concerned:
                subject = Subject(text=prompt, principal=principal, ask=ask)
                looked = await look(
                    guardrail, subject, Stage.PROMPT, time_ns=self._observer.clock.time_ns
                )
                said.append(looked.verdict)
                if looked.verdict.ruling is Ruling.BLOCKED:
                    raise _refusal(looked.verdict, again=looked.again)
                prompt = looked.prompt
        finally:
            self._tell_with_create(ask.job_id, said)
        return prompt

    async def after(self, principal: Principal, job: Job) -> None:
        """Look at a job that ended, once.

        Raises:
            Refusal: its video is not handed out.
        """
        job = self._judged.get(job.job_id, job)
        if job.withheld is None and job.state is JobState.COMPLETED:
            keys = _keys(principal, job.attribution.tags.get(KEY_TAG))
            model = job.attribution.tags.get(MODEL_TAG, job.model)
            concerned = self._concerned(Stage.RESULT, keys, model, text=self._prompt_of(job))
            left = [one for one in concerned if one.name not in job.guarded]
            if left:
                job = await self._once(principal, job, left)
        refuse_withheld(job)

    async def start(self) -> None:
        """Do nothing: what a guardrail needs it opens when it first looks."""

    async def close(self) -> None:
        """Give back what the guardrails hold."""
        for guardrail in self._guardrails:
            await guardrail.check.close()

    # -- inside ------------------------------------------------------------------------------------

    def _concerned(
        self, stage: Stage, keys: frozenset[str], model: str | None, *, text: str | None
    ) -> Sequence[Guardrail]:
        return [
            one
            for one in self._guardrails
            if one.concerns(stage, keys, model) and (text is not None or not one.check.reads_text)
        ]

    def _tell_with_create(self, job_id: str, said: list[Verdict]) -> None:
        verdicts = self._observer.verdicts
        if len(verdicts) >= _MOST_KEPT:
            verdicts.pop(next(iter(verdicts)), None)
        verdicts[job_id] = tuple(said)

    async def _once(self, principal: Principal, job: Job, left: Sequence[Guardrail]) -> Job:
        """Look at a result; whoever asks meanwhile waits for the same answer."""
        task = self._looking.get(job.job_id)
        if task is None:
            task = asyncio.create_task(self._look(principal, job, left))
            self._looking[job.job_id] = task
            task.add_done_callback(self._looked)
            task.set_name(job.job_id)
        return await asyncio.shield(task)

    async def _look(self, principal: Principal, job: Job, left: Sequence[Guardrail]) -> Job:
        said: list[Verdict] = []
        prompt = self._prompt_of(job)
        for guardrail in left:
            subject = Subject(
                text=prompt,
                principal=principal,
                job=job,
                content_url=self._content_url(job),
            )
            looked = await look(
                guardrail, subject, Stage.RESULT, time_ns=self._observer.clock.time_ns
            )
            if looked.again and looked.verdict.ruling is Ruling.BLOCKED:
                raise _refusal(looked.verdict, again=True)  # not for good: the next one asks again
            said.append(looked.verdict)
        now = judge(self._observer, job, said)
        if not set(now.guarded) >= {one.guardrail for one in said}:  # a ledger that is behind
            now = judged(job, said)
        if len(self._judged) >= _MOST_KEPT:
            self._judged.pop(next(iter(self._judged)))
        self._judged[job.job_id] = now
        return now

    def _looked(self, task: asyncio.Task[Job]) -> None:
        self._looking.pop(task.get_name(), None)
        if not task.cancelled():
            task.exception()  # whoever asked may be gone

    def _prompt_of(self, job: Job) -> str | None:
        """The prompt of a job, as long as this process remembers it, or the ledger keeps it."""
        known = self._observer.prompts.get((job.provider, job.provider_job_id or ""))
        kept = job.prompt if job.prompt and not job.prompt.startswith("hmac:") else None
        return known or kept


def refuse_withheld(job: Job) -> None:
    """Do nothing for a job whose video may be handed out.

    Raises:
        Refusal: a guardrail has held it back.
    """
    if job.withheld is not None:
        raise Refusal(
            400,
            f"The video is not handed out: guardrail {job.withheld!r} does not let it pass.",
            code=CODE,
            headers={"x-should-retry": "false"},
        )


def _keys(principal: Principal, made_by: str | None = None) -> frozenset[str]:
    """The names by which a list of keys may call whoever asks, or whoever had the job made."""
    if made_by is not None and made_by != principal.owner:
        return frozenset({made_by})
    return frozenset({principal.owner, principal.alias or principal.owner})


def _refusal(verdict: Verdict, *, again: bool) -> Refusal:
    """Say which guardrail it was, and nothing of what it found."""
    name = verdict.guardrail
    if again:
        return Refusal(
            503,
            f"Guardrail {name!r} cannot be asked now, so nothing is let through; try again.",
            code=UNAVAILABLE,
            error_type="server_error",
            headers={"retry-after": RETRY_S},
        )
    return Refusal(
        400,
        f"The request was refused: guardrail {name!r} does not let the prompt pass.",
        code=CODE,
        param="prompt",
        headers={"x-should-retry": "false"},
    )
