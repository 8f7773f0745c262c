"""What verdicts say of a job, of its events and of their spans."""

from outbox_kit import event

from vidobs.core.content import detail_without_content
from vidobs.core.events import GUARDRAIL_EVENTS, EventName, SpanKind, SpanRecord
from vidobs.core.verdicts import Ruling, Stage, Verdict, guardrail_of, judged
from vidobs.telemetry.exported import event_attributes, span_attributes


def verdict(name="brands", ruling=Ruling.PASSED, stage=Stage.RESULT, **given):
    """What a guardrail said."""
    return Verdict(guardrail=name, stage=stage, ruling=ruling, start_ns=1, end_ns=2, **given)


def test_every_ruling_has_its_event():
    """Three events for four rulings: what is redacted or only told is flagged."""
    events = {ruling: verdict(ruling=ruling).event for ruling in Ruling}

    assert set(events.values()) == GUARDRAIL_EVENTS
    assert events[Ruling.REDACTED] is events[Ruling.FLAGGED] is EventName.GUARDRAIL_FLAGGED


def test_the_detail_names_guardrail_and_rule():
    """And can be read back."""
    said = verdict(ruling=Ruling.BLOCKED, rule="names")
    broke = verdict(ruling=Ruling.BLOCKED, error_type="ValueError")

    assert (said.detail, broke.detail) == (
        "brands: blocked (names)",
        "brands: blocked (ValueError)",
    )
    assert guardrail_of(said.detail) == ("brands", "blocked (names)")
    assert guardrail_of(None) == ("", "")


def test_a_job_remembers_who_looked_at_its_result():
    """Each once; the first that blocks stays; what was said of the prompt is no mark of the job."""
    job = event().job
    assert judged(job, [verdict(stage=Stage.PROMPT, ruling=Ruling.BLOCKED)]) is job

    job = judged(job, [verdict("a"), verdict("b", Ruling.BLOCKED)])
    job = judged(job, [verdict("a"), verdict("c", Ruling.BLOCKED)])
    assert (job.guarded, job.withheld) == (("a", "b", "c"), "b")


def test_purging_content_keeps_what_guardrails_said():
    """There is none in it."""
    kept = detail_without_content(EventName.GUARDRAIL_BLOCKED, "brands: blocked (names)")

    assert kept == "brands: blocked (names)"


def test_the_span_of_a_guardrail_says_nothing_of_the_cost():
    """Costs stand once in a trace, on the span of the job."""
    span = SpanRecord(
        name="apply_guardrail brands",
        kind=SpanKind.INTERNAL,
        trace_id="4b" * 16,
        span_id="00f067aa0ba902b8",
        start_ns=1,
        end_ns=2,
        status="blocked",
    )
    blocked = event(1, EventName.GUARDRAIL_BLOCKED, model="sora-2")

    assert span_attributes(span, blocked.job) == {
        "gen_ai.provider.name": "openai",
        "vidobs.job.id": "job_1",
        "vidobs.guardrail.name": "brands",
        "vidobs.guardrail.verdict": "blocked",
    }


def test_an_event_says_which_guardrail_it_was():
    """As attributes, and never as an exception."""
    import msgspec

    blocked = msgspec.structs.replace(
        event(1, EventName.GUARDRAIL_BLOCKED), detail="brands: blocked (names)"
    )
    said = event_attributes(blocked)

    assert said["vidobs.guardrail.name"] == "brands"
    assert said["vidobs.guardrail.verdict"] == "blocked (names)"
    assert "exception.type" not in said
