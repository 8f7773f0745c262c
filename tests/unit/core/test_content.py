"""An event with less of its prompt than was kept."""

import msgspec
import pytest
from exporter_kit import an_event
from hypothesis import given
from hypothesis import strategies as st

from vidobs import EventName, event_to_json
from vidobs.core.capture import CapturePolicy, Content, Fingerprint
from vidobs.core.content import lowered
from vidobs.core.jobs import JobError
from vidobs.core.scrub import scrub_error

PROMPT = "a heron lands on the thawing canal at dawn"
PRINT = Fingerprint(b"key")
HASH = PRINT.prompt_hash(PROMPT)
NONE, HASHED, FULL = Content


def with_prompt(prompt, **job):
    """Build a failed job's event that has something of a prompt."""
    event = an_event(EventName.CALL_FAILED, prompt=prompt, prompt_hash=HASH, **job)
    return msgspec.structs.replace(event, detail=f"BadRequestError: no '{PROMPT}', please")


@pytest.mark.parametrize(
    ("kept", "content", "left"),
    [
        (PROMPT, NONE, None),
        (PROMPT, HASHED, f"hmac:{HASH}"),
        (PROMPT, FULL, PROMPT),
        (f"hmac:{HASH}", NONE, None),
        (f"hmac:{HASH}", HASHED, f"hmac:{HASH}"),
        (f"hmac:{HASH}", FULL, f"hmac:{HASH}"),
        (None, NONE, None),
        (None, HASHED, None),
        (None, FULL, None),
    ],
)
def test_a_prompt_is_lowered(kept, content, left):
    """Whatever was kept, no more than asked for is left, and nothing is made up."""
    event = with_prompt(kept)

    job = lowered(event, content).job

    assert job == msgspec.structs.replace(event.job, prompt=left)


def test_without_a_hash_nothing_is_left():
    """A hash cannot be made without the ledger's key."""
    event = an_event(prompt=PROMPT)

    assert lowered(event, HASHED).job.prompt is None


def test_what_errors_quote_goes_too():
    """The error texts stay, without the prompt."""
    event = with_prompt(PROMPT, error=JobError("bad", f"refused: {PROMPT.upper()}"))

    less = lowered(event, NONE)

    assert less.detail == "BadRequestError: no '[prompt]', please"
    assert less.job.error == JobError("bad", "refused: [prompt]")


@pytest.mark.parametrize("content", Content)
def test_enough_is_left_alone(content):
    """An event that has no more than that is the same object."""
    for policy in list(Content)[: content.rank + 1]:
        event = with_prompt(CapturePolicy(policy).prompt(PROMPT, PRINT))
        assert lowered(event, content) is event


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=20, max_size=200),
    st.sampled_from([NONE, HASHED]),
    st.sampled_from([str, repr, str.upper, lambda text: text[3:] + text]),
)
def test_it_is_as_if_no_more_had_been_kept(prompt, content, quote):
    """An event recorded in full and lowered is the event that would have been recorded."""
    quoted = scrub_error(f"no {quote(prompt)} here", prompt)

    def recorded(policy):
        kept = CapturePolicy(policy).prompt(prompt, PRINT)
        return an_event(
            prompt=kept, prompt_hash=PRINT.prompt_hash(prompt), error=JobError("no", quoted)
        )

    assert event_to_json(lowered(recorded(FULL), content)) == event_to_json(recorded(content))
