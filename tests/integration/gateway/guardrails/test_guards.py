"""Guards at work: what is refused, what is sent, and what ledger, events and spans say of it."""

import asyncio
import json
import logging

import pytest
from guard_kit import ALICE, MODEL, begin, finish, send
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from vidobs import runtime
from vidobs.core.jobs import JobState, Reason
from vidobs.core.money import CostStatus
from vidobs.gateway.guardrails.findings import Found
from vidobs.gateway.guardrails.guards import GuardrailGuards
from vidobs.gateway.guardrails.refusals import tell_refused
from vidobs.gateway.guardrails.settings import read_guardrails
from vidobs.gateway.seams import Principal, Refusal, Role
from vidobs.testing import isolated

BOB = Principal(role=Role.KEY, owner="vk_bob", alias="bob")
CANARY = "canaryword"
DENY = {"name": "brands", "type": "denylist", "words": [CANARY]}


def guards_of(*entries, **options):
    """Guards as they are configured, for the vidobs that runs now."""
    guardrails = read_guardrails(list(entries), "here")
    return GuardrailGuards(guardrails, runtime.current().observer, **options)


def answering(answer):
    """An entry with a function that answers so, and what it was asked."""
    asked = []

    def check(subject):
        asked.append(subject)
        return answer() if callable(answer) else answer

    globals()["_check"] = check
    return {"name": "own", "type": "function", "function": f"{__name__}:_check"}, asked


@pytest.fixture(autouse=True)
def importable(request):
    """Let `module:function` find this file."""
    import sys

    sys.modules[__name__] = request.module


async def refused(guards, create, ask, principal=ALICE):
    """Ask the guards, and tell of their refusal as the gateway does; return it."""
    with pytest.raises(Refusal) as caught:
        await guards.before(principal, ask)
    tell_refused(create, caught.value)
    return caught.value


async def test_a_blocked_prompt_is_one_failed_job(isolated_vidobs):
    """It answers 400, names the guardrail, costs nothing, and is told once, with a span."""
    create, ask = begin(prompt=f"a {CANARY.upper()} on a bike")

    answer = await refused(guards_of(DENY), create, ask)

    assert (answer.status, answer.code, answer.param) == (400, "content_policy_violation", "prompt")
    assert answer.message == (
        "The request was refused: guardrail 'brands' does not let the prompt pass."
    )
    [job] = isolated_vidobs.jobs
    assert (job.state, job.reason) == (JobState.FAILED, Reason.MODERATION_INPUT)
    assert (job.cost.status, job.cost.usd) == (CostStatus.RELEASED, 0)
    assert (job.error.code, job.tags["key"]) == ("content_policy_violation", "vk_alice")
    blocked, failed = isolated_vidobs.events_of(job)
    assert (blocked.name, blocked.detail) == ("guardrail.blocked", "brands: blocked (words)")
    assert failed.name == "video.failed"
    [span] = blocked.spans
    assert (span.name, span.status, span.kind) == ("apply_guardrail brands", "blocked", "internal")
    assert (span.trace_id, span.parent_id) == (job.trace.trace_id, job.trace.span_id)
    assert span.end_ns >= span.start_ns
    assert [event.name for event in isolated_vidobs.events] == ["guardrail.blocked", "video.failed"]


async def test_verdicts_stand_before_what_the_provider_answered(isolated_vidobs):
    """Those that let pass are told with the accepted create, in order, in one write."""
    create, ask = begin()
    entry, _ = answering(None)

    prompt = await guards_of(DENY, entry).before(ALICE, ask)
    send(create)

    assert prompt == ask.prompt
    [job] = isolated_vidobs.jobs
    told = [(event.name, event.detail) for event in isolated_vidobs.events_of(job)]
    assert told == [
        ("guardrail.passed", "brands: passed"),
        ("guardrail.passed", "own: passed"),
        ("video.submitted", None),
    ]
    assert len({event.id for event in isolated_vidobs.events_of(job)}) == 3


async def test_redacting_goes_on_with_what_is_left(isolated_vidobs):
    """The next guardrail sees the prompt without it; the event says that something was found."""
    entry, asked = answering(lambda: Found(rule="tone", prompt="softly"))
    create, ask = begin(prompt=f"{CANARY}, loudly")

    sent = await guards_of({**DENY, "mode": "redact"}, {**entry, "mode": "redact"}).before(
        ALICE, ask
    )
    send(create)

    assert [subject.text for subject in asked] == ["[redacted], loudly"]
    assert sent == "softly"
    [job] = isolated_vidobs.jobs
    assert [event.detail for event in isolated_vidobs.events_of(job)][:2] == [
        "brands: redacted (words)",
        "own: redacted (tone)",
    ]
    assert isolated_vidobs.events[0].name == "guardrail.flagged"


async def test_logging_lets_everything_pass(isolated_vidobs):
    """What is found is told, and the prompt leaves as it came, whatever breaks."""

    def breaks():
        raise ValueError

    entry, _ = answering(breaks)
    create, ask = begin(prompt=CANARY)

    sent = await guards_of({**DENY, "mode": "log"}, {**entry, "mode": "log"}).before(ALICE, ask)
    send(create)

    assert sent == CANARY
    [job] = isolated_vidobs.jobs
    assert [event.detail for event in isolated_vidobs.events_of(job)][:2] == [
        "brands: flagged (words)",
        "own: flagged (ValueError)",
    ]


@pytest.mark.parametrize("on_error", ["closed", "open"])
async def test_a_function_that_raises_is_closed_unless_told_otherwise(isolated_vidobs, on_error):
    """Never a 500: either nothing is let through, or the create goes on; both are told."""

    def breaks():
        raise RuntimeError(CANARY)

    entry, _ = answering(breaks)
    create, ask = begin()
    guards = guards_of({**entry, "on_error": on_error})

    if on_error == "closed":
        answer = await refused(guards, create, ask)
        assert (answer.status, answer.code) == (400, "content_policy_violation")
        assert CANARY not in answer.message
    else:
        await guards.before(ALICE, ask)
        send(create)

    [job] = isolated_vidobs.jobs
    said = {"closed": "blocked", "open": "flagged"}[on_error]
    first = isolated_vidobs.events_of(job)[0]
    assert (first.name, first.detail) == (f"guardrail.{said}", f"own: {said} (RuntimeError)")
    assert first.spans[0].error_type == "RuntimeError"


async def test_a_server_that_is_away_is_told_as_such(isolated_vidobs):
    """Fail closed: 503, so that clients try again; the job failed and cost nothing."""
    create, ask = begin()
    moderation = {"name": "openai", "type": "moderations", "api_base": "http://127.0.0.1:9/v1"}
    guards = guards_of(moderation)

    answer = await refused(guards, create, ask)
    await guards.close()

    assert (answer.status, answer.code) == (503, "guardrail_unavailable")
    assert answer.headers["retry-after"] == "2"
    assert isolated_vidobs.jobs[0].error.code == "guardrail_unavailable"


async def test_keys_and_models_choose(isolated_vidobs):
    """A guardrail looks only at what it is for, by id or alias of the key and name of the model."""
    by_alias = {**DENY, "name": "alias", "keys": ["alice"]}
    by_id = {**DENY, "name": "id", "keys": ["vk_alice"]}
    by_model = {**DENY, "name": "model", "models": ["veo-3"]}

    for entry, principal, stopped in [
        (by_alias, ALICE, True), (by_alias, BOB, False), (by_id, ALICE, True), (by_id, BOB, False),
        (by_model, ALICE, False),
    ]:  # fmt: skip
        create, ask = begin(principal, prompt=CANARY)
        guards = guards_of(entry)
        if stopped:
            await refused(guards, create, ask, principal)
        else:
            assert await guards.before(principal, ask) == CANARY
            create.discard()
    assert len(isolated_vidobs.jobs) == 2


async def test_a_prompt_too_long_to_be_looked_at_does_not_pass(isolated_vidobs):
    """Nobody gets around a guardrail by writing more than it reads."""
    create, ask = begin(prompt="a " * 20_000)

    answer = await refused(guards_of(DENY), create, ask)

    assert answer.status == 400
    assert isolated_vidobs.events[0].detail == "brands: blocked (TooLong)"


async def test_without_guardrails_nothing_is_kept(isolated_vidobs):
    """The way of a prompt that nobody looks at is short."""
    create, ask = begin()

    assert await guards_of().before(ALICE, ask) == ask.prompt
    assert runtime.current().observer.verdicts == {}
    create.discard()
    assert isolated_vidobs.jobs == []


async def test_a_refusal_for_speed_makes_no_job(isolated_vidobs):
    """A key that goes too fast does not fill the ledger; a budget's refusal is a row."""
    create, _ = begin()
    fast = Refusal(429, "slow down", code="rate_limit_exceeded")
    assert not tell_refused(create, fast)
    assert isolated_vidobs.jobs == []

    create, _ = begin()
    assert tell_refused(create, Refusal(400, "no $0.40 left", code="budget_exceeded"))
    [job] = isolated_vidobs.jobs
    assert (job.reason, job.cost.usd) == (Reason.BUDGET, 0)
    assert [event.name for event in isolated_vidobs.events] == ["budget.exceeded", "video.failed"]


# -- results ---------------------------------------------------------------------------------------


async def ended(*, prompt="a cat", state=JobState.COMPLETED):
    """A job that ended."""
    create, _ = begin(prompt=prompt)
    send(create, prompt=prompt)
    return finish(state=state)


async def test_a_result_is_held_back_for_good():
    """The function gets the job and the way to its video; a block is kept with the job."""
    entry, asked = answering(False)
    with isolated() as seen:
        job = await ended()
        guards = guards_of({**entry, "when": "result"}, content_url=lambda job: f"/v/{job.job_id}")

        for _ in range(2):
            with pytest.raises(Refusal) as caught:
                await guards.after(ALICE, job)

        assert (caught.value.status, caught.value.code) == (400, "content_policy_violation")
        assert [subject.content_url for subject in asked] == [f"/v/{job.job_id}"]
        assert asked[0].job.provider_job_id == "video_1"
        [kept] = seen.jobs
        assert (kept.withheld, kept.guarded, kept.state) == ("own", ("own",), JobState.COMPLETED)
        last = seen.events_of(kept)[-1]
        assert (last.name, last.detail) == ("guardrail.blocked", "own: blocked")
        assert last.spans[0].parent_id == kept.trace.span_id

        with pytest.raises(Refusal):  # as after a restart, even without the guardrail
            await guards_of().after(ALICE, kept)


async def test_a_result_is_looked_at_once_whoever_asks(isolated_vidobs):
    """Many clients that ask at once wait for one look; later ones for none."""
    entry, asked = answering(None)
    job = await ended()
    guards = guards_of({**entry, "when": "result"})

    await asyncio.gather(*(guards.after(ALICE, job) for _ in range(20)))
    await guards.after(ALICE, job)
    await guards_of({**entry, "when": "result"}).after(ALICE, isolated_vidobs.jobs[0])

    assert len(asked) == 1
    assert [event.name for event in isolated_vidobs.events.named("guardrail.*")] == [
        "guardrail.passed"
    ]


async def test_what_could_not_be_looked_at_is_asked_again(isolated_vidobs):
    """A check that fails in passing holds nothing back for good, and lets nothing through."""
    job = await ended()
    moderation = {
        "name": "openai", "type": "moderations", "when": "result",
        "api_base": "http://127.0.0.1:9/v1",
    }  # fmt: skip
    guards = guards_of(moderation)

    for _ in range(2):
        with pytest.raises(Refusal) as caught:
            await guards.after(ALICE, job)
        assert caught.value.status == 503
    await guards.close()
    assert isolated_vidobs.jobs[0].withheld is None


async def test_a_prompt_that_nobody_remembers_is_not_called_clean(isolated_vidobs):
    """Words are looked for in the prompt as long as it is known here; else nothing is said."""
    job = await ended(prompt=f"the {CANARY}")
    guards = guards_of({**DENY, "when": "result"})

    with pytest.raises(Refusal):
        await guards.after(ALICE, job)

    create, _ = begin(prompt=CANARY)
    send(create, video_id="video_2")  # nobody kept the prompt
    await guards.after(ALICE, finish("video_2"))
    assert len(isolated_vidobs.events.named("guardrail.*")) == 1


async def test_a_job_without_a_video_is_nobodys_business(isolated_vidobs):
    """There is nothing to hold back of a job that failed."""
    entry, asked = answering(False)
    job = await ended(state=JobState.FAILED)

    await guards_of({**entry, "when": "result"}).after(ALICE, job)

    assert asked == []
    assert isolated_vidobs.events.named("guardrail.*") == []


async def test_the_master_meets_the_guardrails_of_the_key(isolated_vidobs):
    """Whoever asks, what counts is whose the job is."""
    entry, _ = answering(False)
    job = await ended()
    master = Principal(role=Role.MASTER, owner="master")

    await guards_of({**entry, "when": "result", "keys": ["master"]}).after(master, job)
    with pytest.raises(Refusal):
        await guards_of({**entry, "when": "result", "keys": ["vk_alice"]}).after(master, job)
    assert len(isolated_vidobs.jobs) == 1


# -- what is told ----------------------------------------------------------------------------------


@pytest.mark.parametrize("capture", ["none", "hash"])
async def test_no_text_that_matched_is_told(tmp_path, caplog, capture):
    """Neither ledger, events, spans nor log lines hold anything of the prompt."""
    caplog.set_level(logging.DEBUG)
    path = tmp_path / "ledger.db"
    entries = [
        {**DENY, "mode": "redact"},
        {"name": "r", "type": "regex", "patterns": ["canary[a-z]+"], "mode": "log"},
        {**DENY, "name": "again"},
    ]
    with isolated(ledger=path, capture=capture) as seen:
        create, ask = begin(prompt=f"my {CANARY}")
        await guards_of(*entries).before(ALICE, ask)
        send(create)
        create, ask = begin(prompt=f"my {CANARY}")
        await refused(guards_of(*entries[1:]), create, ask)
        told = json.dumps([str(event) for event in seen.events])

    files = b"".join(one.read_bytes() for one in tmp_path.iterdir())
    lines = "".join(f"{line.getMessage()} {line.__dict__}" for line in caplog.records)
    assert "again: blocked" in told
    assert CANARY not in told
    assert CANARY.encode() not in files
    assert CANARY not in lines


async def test_spans_go_through_the_users_provider(isolated_vidobs):
    """With a provider a verdict is a span of its own, under the create's, an error if it broke."""
    before, exporter = trace._TRACER_PROVIDER, InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace._TRACER_PROVIDER = provider
    try:
        create, ask = begin(prompt=CANARY)
        await refused(guards_of(DENY), create, ask)
    finally:
        trace._TRACER_PROVIDER = before
    guard, made = (
        next(span for span in exporter.get_finished_spans() if span.name == name)
        for name in ("apply_guardrail brands", f"generate_content {MODEL}")
    )

    assert guard.parent.span_id == made.context.span_id
    assert guard.context.trace_id == made.context.trace_id
    assert dict(guard.attributes) == {
        "gen_ai.provider.name": "openai",
        "vidobs.job.id": isolated_vidobs.jobs[0].job_id,
        "vidobs.guardrail.name": "brands",
        "vidobs.guardrail.verdict": "blocked",
    }
    assert guard.status.is_unset
    provider.shutdown()


async def test_a_log_line_names_guardrail_and_verdict(isolated_vidobs, caplog):
    """Whoever reads lines sees which guardrail it was."""
    create, ask = begin(prompt=CANARY)

    await refused(guards_of(DENY), create, ask)
    runtime.settle(10)

    line = next(one for one in caplog.records if one.getMessage().startswith("guardrail.blocked"))
    assert line.levelno == logging.WARNING
    fields = line.__dict__["vidobs"]
    assert (fields["guardrail"], fields["verdict"]) == ("brands", "blocked (words)")
    assert fields["job_id"] == isolated_vidobs.jobs[0].job_id
