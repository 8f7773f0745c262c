"""What LiteLLM's hooks are told becomes jobs: with `kwargs` as LiteLLM 1.106.2 gives them."""

import datetime as dt
from base64 import b64encode
from importlib.util import find_spec
from types import SimpleNamespace

import httpx
import pytest

import vidobs
from vidobs import runtime
from vidobs.core.calls import Attribution
from vidobs.core.jobs import JobState, Reason
from vidobs.sdk import _litellm_creates as creates
from vidobs.sdk._litellm_bridge import Bridge
from vidobs.sdk._litellm_calls import read
from vidobs.testing import capture_events

KEY = "sk-bridge-0123456789"
BASE = "http://127.0.0.1:9/v1/videos"
RAW = "video_1f2e3d"
NOON = dt.datetime(2026, 10, 1, 12, tzinfo=dt.UTC).astimezone().replace(tzinfo=None)
MP4 = b"\x00\x00\x00\x18ftypisom" + bytes(100)


def packed(raw=RAW, model="sora-2"):
    """Return an id as LiteLLM hands it out."""
    text = f"litellm:custom_llm_provider:openai;model_id:{model};video_id:{raw}"
    return "video_" + b64encode(text.encode()).decode()


def at(seconds):
    """Return a time as LiteLLM gives it: local, without a zone."""
    return NOON + dt.timedelta(seconds=seconds)


def told(call_type="video_generation", call_id="c1", *, sent=True, **more):
    """Return the `kwargs` of a hook; what no one reads is left out."""
    params = more.pop("params", {"seconds": "4", "size": "720x1280"})
    lite = {"api_key": KEY, "api_base": None, "metadata": {"foo": "bar"}, **params}
    found = {
        "litellm_call_id": call_id,
        "call_type": call_type,
        "custom_llm_provider": "openai",
        "model": "sora-2",
        "input": "a heron at dawn",
        "messages": [{"role": "user", "content": "default-message-value"}],
        "optional_params": params,
        "litellm_params": lite,
        "additional_args": {"api_base": BASE, "headers": {"Authorization": f"Bearer {KEY}"}},
        "start_time": NOON,
        **params,
    }
    if sent:
        found["api_call_start_time"] = NOON
    return found | more


def about(call_type, call_id="c2", video_id=None, **more):
    """Return the `kwargs` of a call about a video that is there."""
    params = {"video_id": video_id or packed()}
    return told(call_type, call_id, model="", input="", params=params, **more)


def video(status="queued", *, raw=RAW, model="sora-2", **fields):
    """Return an answer, which has attributes as LiteLLM's `VideoObject` has."""
    empty = dict.fromkeys(("completed_at", "expires_at", "error", "remixed_from_video_id", "usage"))
    known = {"object": "video", "created_at": 1_790_856_000, "progress": 0, "seconds": "4"}
    known |= {"size": "720x1280", "model": "sora-2", "status": status}
    return SimpleNamespace(id=packed(raw, model), **{**empty, **known, **fields})


@pytest.fixture
def bridge():
    """A bridge to a ledger in memory."""
    vidobs.configure(ledger="memory:")
    return Bridge(runtime.current)


@pytest.fixture
def events(bridge):
    """What comes of it."""
    with capture_events() as log:
        yield log


def created(bridge, call_id="c1", **fields):
    """Tell of a create that returned."""
    bridge.sending(told(call_id=call_id))
    bridge.answered(told(call_id=call_id), video(**fields), (at(0), at(1)))


def jobs():
    """Every job, oldest first."""
    assert vidobs.flush(30) == 0
    return runtime.current().store.reader().jobs()[::-1]


def test_a_whole_life_is_one_job(bridge, events):
    """Create, polls, downloads: each has another id of LiteLLM's, the job the provider's."""
    created(bridge)
    poll = (at(2), at(3))
    bridge.sending(about("video_status"))
    bridge.answered(about("video_status"), video("in_progress", model="", progress=50), poll)
    bridge.answered(about("video_status", "c3"), video("completed", model=""), (at(9), at(10)))
    bridge.answered(about("video_content", "c4"), MP4, (at(11), at(12)))
    assert events.names == [
        "video.submitted",
        "video.started",
        "video.completed",
        "video.downloaded",
    ]
    (job,) = jobs()
    assert (job.provider, job.provider_job_id, job.dialect) == ("openai", RAW, "litellm")
    assert (job.model, job.request.seconds, job.request.size) == ("sora-2", 4, "720x1280")
    assert (str(job.cost.usd), job.cost.status) == ("0.4", "settled")
    assert (job.server_address, job.server_port) == ("127.0.0.1", 9)
    assert job.file.size_bytes == len(MP4)
    assert len({span.trace_id for span in events.spans}) == 1


def test_times_are_those_of_the_calls(bridge, events):
    """Whenever LiteLLM comes to tell of them."""
    created(bridge)
    bridge.answered(about("video_status"), video("completed"), (at(9), at(10)))
    done = events.wait_for("video.completed")
    span = next(span for span in done.spans if span.name == "fetch_response")
    noon_ns = int(NOON.timestamp() * 1e9)
    assert (span.start_ns, span.end_ns) == (noon_ns + 9 * 10**9, noon_ns + 10 * 10**9)
    assert done.job.finished_at.timestamp() == NOON.timestamp() + 10


def test_an_intent_is_written_before_the_answer(bridge, events):
    """A crash in between leaves a job behind whose outcome can be asked for."""
    bridge.sending(told())
    (job,) = jobs()
    assert (job.state, job.provider_job_id, job.request.prompt_chars) == (
        JobState.SUBMITTING, None, 15,
    )  # fmt: skip


def test_a_failure_that_is_told_twice_is_one(bridge, events):
    """LiteLLM calls the sync and the async hook for each async call that raised."""
    bridge.sending(told("avideo_generation"))
    failed = told("avideo_generation", exception=httpx.ConnectError("refused"))
    bridge.raised(failed, (at(0), at(1)))
    bridge.raised(failed, (at(0), at(1)))
    assert events.names == ["video.failed"]
    (job,) = jobs()
    assert (job.state, job.reason) == (JobState.FAILED, Reason.NOT_SENT)


def test_a_poll_that_raised_twice_is_two_failures(bridge, events):
    """One for each call, however often each is told of."""
    created(bridge)
    broken = {"exception": httpx.ReadTimeout("slow")}
    for call_id in ("p1", "p2"):
        for _ in range(2):
            bridge.raised(about("avideo_status", call_id, **broken), (at(2), at(3)))
    assert events.names == ["video.submitted", "call.failed", "call.failed"]


def test_what_was_never_sent_failed(bridge, events):
    """LiteLLM refused the call itself: there is a job, for somebody asked for it."""
    failed = told(sent=False, exception=ValueError("over budget"))
    bridge.raised(failed, (at(0), at(1)))
    bridge.raised(failed, (at(0), at(1)))
    assert events.names == ["video.failed"]
    assert jobs()[0].reason is Reason.NOT_SENT


def test_made_up_answers_are_no_jobs(bridge, events):
    """`mock_response` sends nothing, and LiteLLM then knows no provider."""
    mock = told(sent=False)
    del mock["custom_llm_provider"]
    bridge.answered(mock, video(), (at(0), at(1)))
    bridge.answered(told(call_id="cached", sent=False), video(), (at(0), at(1)))
    assert events.names == []
    assert jobs() == []


def test_attempts_behind_the_proxy(bridge, events):
    """The proxy tells of the first failure only; the hook of each attempt tells of the others."""
    for _ in range(2):
        bridge.sending(told())
        bridge.attempt_raised("c1", httpx.ConnectError("refused"))
    bridge.raised(told(exception=httpx.ConnectError("refused")), (at(0), at(1)))
    bridge.sending(told())
    bridge.answered(told(), video(), (at(0), at(1)))
    assert events.names == ["video.failed", "video.failed", "video.submitted"]


def test_an_answer_that_comes_late_finds_its_job(bridge, events):
    """LiteLLM's threads may tell of a poll before they tell of the create."""
    bridge.sending(told())
    bridge.answered(about("video_status"), video("in_progress"), (at(2), at(3)))
    bridge.answered(told(), video(), (at(0), at(1)))
    bridge.answered(about("video_status", "c3"), video("completed"), (at(4), at(5)))
    (job,) = jobs()
    assert (job.state, job.adopted) == (JobState.COMPLETED, False)
    assert events.names.count("video.completed") == 1


def test_a_create_nobody_tells_of_again_is_unknown(bridge, events):
    """LiteLLM is silent about a call that was cancelled; an hour later its outcome is unknown."""
    under_way = creates.Creates()
    running = runtime.current()
    now = running.clock.time_ns()
    under_way.begin(running, read(told(), running), now - creates.PATIENCE_NS - 1)
    under_way.begin(running, read(told(call_id="c2"), running), now)
    assert [job.state for job in jobs()] == [JobState.UNKNOWN, JobState.SUBMITTING]


def test_a_second_word_of_a_create_under_way_is_no_second_job(bridge, events):
    """Some providers take two requests for one create."""
    bridge.sending(told())
    bridge.sending(told())
    assert len(jobs()) == 1


def test_unchanged_polls_write_nothing(bridge, events):
    """They are counted, and told with the next change."""
    created(bridge)
    for number in range(5):
        poll = about("video_status", f"p{number}")
        bridge.answered(poll, video("in_progress", progress=10), (at(2 + number), at(3 + number)))
    bridge.answered(about("video_status", "last"), video("completed"), (at(9), at(10)))
    assert events.names == ["video.submitted", "video.started", "video.completed"]
    assert jobs()[0].polls == 6


def test_a_list_moves_the_jobs_it_shows(bridge, events):
    """It comes as decoded JSON with LiteLLM's ids."""
    created(bridge)
    page = {"object": "list", "data": [vars(video("completed")), vars(video(raw="video_other"))]}
    bridge.answered(told("video_list", "c9", params={}, input=""), page, (at(5), at(6)))
    assert [job.state for job in jobs()] == [JobState.COMPLETED]


def test_a_thumbnail_is_no_video(bridge, events):
    """It does not complete the job that it belongs to, nor is it its file."""
    created(bridge)
    bridge.answered(about("video_content"), b"RIFF....WEBPVP8 ", (at(2), at(3)))
    (job,) = jobs()
    assert (job.state, job.file) == (JobState.QUEUED, None)


def test_a_remix_has_a_parent(bridge, events):
    """By the provider's id, and its length and size for the quote."""
    created(bridge)
    bridge.answered(about("video_status"), video("completed"), (at(2), at(3)))
    remix = about("video_remix", "r1")
    remix["optional_params"]["prompt"] = remix["input"] = "at dusk"
    bridge.sending(remix)
    made = video(raw="video_2", model="", remixed_from_video_id=RAW)
    bridge.answered(remix, made, (at(4), at(5)))
    [job] = [job for job in jobs() if job.provider_job_id == "video_2"]
    assert (job.operation, job.parent_id) == ("remix", RAW)
    assert (job.model, str(job.cost.usd)) == ("sora-2", "0.4")


def test_who_a_call_is_for(bridge, events):
    """LiteLLM's `user` and tags, unless `vidobs.context` says otherwise."""
    lite = {"metadata": {"tags": ["team:red", "nightly", "note:sk-tag0123456789abcdef", 7]}}
    bridge.sending(told(user="u1", litellm_params=lite))
    with vidobs.context(user="ada", tags={"team": "blue"}):
        bridge.sending(told(call_id="c2", user="u1", litellm_params=lite))
    bridge.sending(told(call_id="c3"))
    found = {job.attribution.user: job.attribution for job in jobs()}
    tags = {"team": "red", "nightly": "true", "note": "[secret]"}
    assert found == {
        "u1": Attribution("u1", tags),
        "ada": Attribution("ada", {**tags, "team": "blue"}),
        None: Attribution(),
    }


def test_redaction_by_litellm_leaves_the_create(bridge, events, caplog):
    """`turn_off_message_logging` takes the answer away, but for the id; that is said once."""
    logged = {"standard_logging_object": {"id": packed()}}
    gone = {"text": "redacted-by-litellm"}
    bridge.sending(told())
    bridge.answered(told(**logged), gone, (at(0), at(1)))
    for call_id in ("p1", "p2"):
        bridge.answered(about("video_status", call_id, **logged), gone, (at(2), at(3)))
    (job,) = jobs()
    assert (job.state, job.provider_job_id) == (JobState.QUEUED, RAW)
    said = [record.message for record in caplog.records if "turn_off_message" in record.message]
    assert len(said) == 1


def test_a_failed_job_is_failed_and_costs_nothing(bridge, events):
    """LiteLLM logs the poll that shows it as a success, and keeps the cost of the create."""
    created(bridge)
    error = {"code": "moderation_blocked", "message": f"'a heron at dawn' is blocked, {KEY}"}
    bridge.answered(about("video_status"), video("failed", error=error), (at(2), at(3)))
    (job,) = jobs()
    assert (job.state, job.reason) == (JobState.FAILED, Reason.MODERATION_OUTPUT)
    assert (str(job.cost.usd), job.cost.status) == ("0", "released")
    assert "heron" not in job.error.message
    assert KEY not in job.error.message


def test_the_provider_that_reports_a_cost_is_believed(bridge, events):
    """Eden AI does at the end, where LiteLLM keeps the zero of the create."""
    created(bridge, usage={"provider_reported_cost_usd": 0.0})
    usage = {"provider_reported_cost_usd": 0.31}
    bridge.answered(about("video_status"), video("completed", usage=usage), (at(2), at(3)))
    assert (str(jobs()[0].cost.usd), jobs()[0].cost.basis) == ("0.31", "reported")


def test_other_calls_are_left_alone(bridge, events):
    """Chats go through the same logger."""
    for call_type in ("acompletion", "aimage_generation", "video_create_character", None):
        chat = told(call_type, "x")
        bridge.sending(chat)
        bridge.answered(chat, object(), (at(0), at(1)))
        bridge.raised(chat, (at(0), at(1)))
    assert jobs() == []


def test_nonsense_raises_nothing(bridge, guard_trips):
    """A hook of a version to come may tell of anything; what vidobs cannot read is counted."""
    bridge.sending({})
    bridge.answered({"call_type": "video_status"}, None, (None, None))
    bridge.raised({"call_type": "video_status", "custom_llm_provider": 7}, ("a", "b"))
    bridge.sending(None)
    guard_trips.expected = {"litellm: AttributeError"}
    assert jobs() == []


@pytest.mark.skipif(find_spec("litellm") is not None, reason="LiteLLM is installed here")
def test_without_litellm_there_is_an_install_command():
    """The logger is a class of LiteLLM's."""
    with pytest.raises(vidobs.MissingExtraError, match=r"pip install 'vidobs\[litellm\]'"):
        vidobs.litellm_logger()
