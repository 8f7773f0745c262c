"""Jobs of SDKs that vidobs does not wrap, followed by hand."""

from dataclasses import dataclass
from decimal import Decimal

import pytest

import vidobs
from vidobs import ConfigError
from vidobs.testing import isolated

PRICES = [{"provider": "studio", "model": "reel", "unit": "output_second", "usd": "0.05"}]
SECRET = "sk-manual-0123456789abcdefghijklmnop"


@pytest.fixture
def seen():
    """What vidobs records."""
    with isolated(prices=PRICES) as found:
        yield found


def events(seen):
    """The names of all events so far."""
    return seen.events.names


def test_a_job_from_its_intent_to_its_settled_cost(seen):
    """Each step is an event in the one trace of the job; the length that came is what is paid."""
    with vidobs.job(provider="studio", model="reel", seconds=5, size="720p") as job:
        job.submitted("task_1")
        job.update("PENDING")
        job.update("RUNNING", progress=40)
        job.update("RUNNING", progress=40)
        job.completed(seconds=4)

    [kept] = seen.jobs
    assert events(seen) == ["video.submitted", "video.started", "video.completed"]
    assert (kept.provider, kept.provider_job_id, kept.model) == ("studio", "task_1", "reel")
    assert (kept.state, kept.cost.status, kept.cost.basis) == ("completed", "settled", "usage")
    assert kept.cost.usd == Decimal("0.20")
    assert {span.trace_id for span in seen.events.spans} == {kept.trace.trace_id}


def test_the_intent_is_written_before_anything_is_sent(seen):
    """A crash after entering leaves a trace of what may have been paid."""
    with vidobs.job(provider="studio", model="reel", seconds=5) as job:
        [kept] = seen.jobs
        job.submitted("task_1")

    assert (kept.state, kept.cost.usd) == ("submitting", Decimal("0.25"))


def test_what_the_provider_reports_is_what_it_cost(seen):
    """A reported amount comes before any computed one."""
    with vidobs.job(provider="studio", model="reel", seconds=5) as job:
        job.submitted("task_1")
        job.completed(usd="0.31", seconds=4)

    [kept] = seen.jobs
    assert (kept.cost.basis, kept.cost.usd) == ("reported", Decimal("0.31"))


def test_a_failure_is_told_in_the_providers_words_without_secrets(seen):
    """Prompt and keys stay out; a moderation block is known as one."""
    with vidobs.job(provider="studio", model="reel", prompt="a very secret storyboard") as job:
        job.submitted("task_1")
        job.failed(f"'a very secret storyboard' refused, key {SECRET}", code="content_policy")

    [kept] = seen.jobs
    assert (kept.state, kept.reason.moderation) == ("failed", True)
    assert SECRET not in kept.error.message
    assert "storyboard" not in kept.error.message
    assert kept.request.prompt_chars == len("a very secret storyboard")


class RefusedError(Exception):
    """As SDKs raise it."""

    def __init__(self, status):
        super().__init__("no")
        self.status_code = status
        self.response = self
        self.content = b'{"error": {"code": "invalid_prompt", "message": "no"}}'
        self.headers = {}


def test_an_exception_before_the_id_tells_how_the_create_ended(seen):
    """A refusal is a failed job, anything else is unknown; the exception goes on as it is."""
    refusal, cut = RefusedError(400), ConnectionResetError("cut")

    for error in (refusal, cut):
        with pytest.raises(type(error)) as caught, vidobs.job(provider="studio", model="reel"):
            raise error
        assert caught.value is error

    assert [event.name for event in seen.events] == ["video.failed", "video.unknown"]


def test_a_block_that_says_nothing_leaves_an_unknown_create(seen):
    """Nobody knows whether something was sent."""
    with vidobs.job(provider="studio", model="reel"):
        pass

    assert events(seen) == ["video.unknown"]


def test_an_exception_after_the_id_leaves_the_job_as_it_is(seen):
    """The caller's own fault says nothing of the provider's job."""

    def block():
        with vidobs.job(provider="studio", model="reel") as job:
            job.submitted("task_1")
            raise KeyError("x")

    with pytest.raises(KeyError):
        block()

    [kept] = seen.jobs
    assert kept.state == "queued"


def test_a_job_is_followed_later_by_its_id(seen):
    """Another block, perhaps in another process, goes on with the same job and trace."""
    with vidobs.job(provider="studio", model="reel", seconds=5) as job:
        job.submitted("task_1")
    with vidobs.job(provider="studio", id="task_1") as later:
        later.cancelled()

    [kept] = seen.jobs
    assert (kept.state, kept.model) == ("cancelled", "reel")
    assert {span.trace_id for span in seen.events.spans} == {kept.trace.trace_id}


def test_a_job_that_was_created_elsewhere_is_adopted(seen):
    """What the caller knows of it is enough to settle it."""
    with vidobs.job(provider="studio", model="reel", seconds=5, id="task_9") as job:
        job.update("processing")
        job.completed()

    [kept] = seen.jobs
    assert kept.adopted
    assert kept.cost.usd == Decimal("0.25")


class Prediction:
    """As Replicate's SDK has it."""

    def __init__(self, status, error=None):
        self.id, self.model, self.status, self.error = "p_1", "studio/reel", status, error
        self.created_at, self.completed_at = "2026-11-20T10:00:00Z", None


@dataclass
class Handle:
    """As fal's SDK has it: what was submitted."""

    request_id: str


@dataclass
class Queued:
    """A status that is a class."""

    position: int


@dataclass
class Completed:
    """The last one, which may be an error."""

    error: str | None = None
    error_type: str | None = None


def test_answers_of_an_sdk_are_tracked_as_they_are(seen):
    """The first id is the job's; words, errors and what repeats are read from the object."""
    with vidobs.job(provider="studio", model="reel", seconds=5) as job:
        answers = [Prediction("starting"), *[Prediction("processing")] * 3, Prediction("succeeded")]
        for answer in answers:
            assert job.track(answer) is answer

    [kept] = seen.jobs
    assert events(seen) == ["video.submitted", "video.started", "video.completed"]
    assert (kept.provider_job_id, kept.state, kept.cost.usd) == (
        "p_1",
        "completed",
        Decimal("0.25"),
    )


def test_answers_whose_class_is_their_status_are_tracked(seen):
    """And one that is completed with an error is a failed job."""
    with vidobs.job(provider="studio", model="reel", seconds=5) as job:
        job.track(Handle("r_1"))
        job.track(Queued(position=2))
        job.track(Completed(error="flagged", error_type="content_policy_violation"))

    [kept] = seen.jobs
    assert (kept.provider_job_id, kept.state, kept.raw_status) == ("r_1", "failed", "Completed")
    assert (kept.error.code, kept.reason.moderation) == ("content_policy_violation", True)


def test_json_is_tracked_with_what_it_says_of_money(seen):
    """A job may even be over with its first answer."""
    with vidobs.job(provider="studio", model="reel", seconds=5) as job:
        job.track({"task_id": 7, "status": "succeeded", "usage": {"cost": 0.31}})

    [kept] = seen.jobs
    assert (kept.provider_job_id, kept.cost.basis, kept.cost.usd) == (
        "7",
        "reported",
        Decimal("0.31"),
    )


def test_an_answer_without_an_id_is_said(seen):
    """As long as the job has none."""
    with vidobs.job(provider="studio", model="reel") as job:
        with pytest.warns(UserWarning, match="no id in 'Queued'"):
            job.track(Queued(position=2))
        job.submitted("task_1")
        job.track(Queued(position=2))

    assert events(seen) == ["video.submitted"]


class Rude:
    """An object that must not be asked."""

    def __getattr__(self, name):
        raise RuntimeError(name)


def test_an_answer_that_cannot_be_read_hurts_nobody(seen, guard_trips):
    """The caller gets it back."""
    guard_trips.expected = {"job: RuntimeError"}
    rude = Rude()
    with vidobs.job(provider="studio", model="reel") as job:
        assert job.track(rude) is rude
        job.submitted("task_1")

    assert events(seen) == ["video.submitted"]


@pytest.mark.parametrize("step", ["update", "completed", "failed", "cancelled"])
def test_a_step_without_an_id_is_said_and_recorded_nowhere(seen, step):
    """The warning names the fix."""
    with vidobs.job(provider="studio", model="reel") as job:
        with pytest.warns(UserWarning, match=r"call job\.submitted\(id\) first"):
            getattr(job, step)(*(["queued"] if step == "update" else []))
        job.submitted("task_1")

    assert events(seen) == ["video.submitted"]


def test_a_second_id_is_said(seen):
    """One job has one id."""
    with vidobs.job(provider="studio", model="reel") as job:
        job.submitted("task_1")
        with pytest.warns(UserWarning, match="'task_1' already"):
            job.submitted("task_2")

    [kept] = seen.jobs
    assert kept.provider_job_id == "task_1"


def test_wrong_arguments_name_what_is_allowed():
    """Before anything is written."""
    with isolated() as seen:
        with pytest.raises(ConfigError, match="unknown operation 'retrieve'; known: create, edit"):
            vidobs.job(provider="studio", operation="retrieve")
        with pytest.raises(ConfigError, match="provider is ' '; give"):
            vidobs.job(provider=" ")

        assert not seen.jobs


def test_switched_off_it_does_nothing(monkeypatch):
    """The same code runs with vidobs disabled."""
    monkeypatch.setenv("VIDOBS_DISABLED", "1")

    with vidobs.job(provider="studio", model="reel") as job:
        job.submitted("task_1")
        job.completed()

    assert job.id == "task_1"
