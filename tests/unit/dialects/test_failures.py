import json

import pytest

from vidobs.core.jobs import JobError, JobSnapshot, JobState, Reason
from vidobs.dialects.openai import STATES, expired, reason_of, rejected, state_of

WORDS = {
    JobState.QUEUED: "queued pending submitted not_start preparing preprocessing PENDING THROTTLED "
    "IN_QUEUE starting SUSPENDED",
    JobState.IN_PROGRESS: "in_progress processing running RUNNING IN_PROGRESS generating dreaming "
    "InProgress requires_action requires_continuation",
    JobState.COMPLETED: "completed succeeded succeed success SUCCEEDED done COMPLETED finished "
    "Completed",
    JobState.FAILED: "failed failure error FAILED Failed incomplete budget_exceeded",
    JobState.CANCELLED: "cancelled canceled CANCELED CANCELLED deleted",
    JobState.EXPIRED: "expired UNKNOWN",
}


@pytest.mark.parametrize(
    ("word", "state"),
    [(word, state) for state, words in WORDS.items() for word in words.split()],
)
def test_every_documented_word_for_a_state_is_known(word, state):
    """One map for all servers."""
    assert state_of(word) is state


def test_another_case_of_a_known_word_is_known():
    """Except for `unknown`, which is DashScope's word for expired in capitals only."""
    assert state_of("Queued") is JobState.QUEUED
    assert state_of("unknown") is None
    assert state_of("Unknown") is None
    assert state_of("paused") is None
    assert state_of("") is None


def test_no_word_leads_back_to_a_state_of_ours():
    """`submitting` and `unknown` are never what a provider says."""
    assert not {JobState.SUBMITTING, JobState.UNKNOWN} & set(STATES.values())


@pytest.mark.parametrize(
    ("code", "message", "reason"),
    [
        ("moderation_blocked", "Your request was blocked.", Reason.MODERATION_OUTPUT),
        ("moderation_blocked", "Your prompt was blocked.", Reason.MODERATION_INPUT),
        ("moderation_blocked", None, Reason.MODERATION_OUTPUT),
        (
            "moderation_blocked",
            "The output was blocked; try another prompt.",
            Reason.MODERATION_OUTPUT,
        ),
        (
            "moderation_blocked",
            "The prompt was blocked; no video generated.",
            Reason.MODERATION_INPUT,
        ),
        ("sentinel_block", None, Reason.MODERATION_INPUT),
        ("content_filter", None, Reason.MODERATION_OUTPUT),
        ("content_policy_violation", None, Reason.MODERATION_OUTPUT),
        ("ResponsibleAIPolicyViolation", "The input", Reason.MODERATION_INPUT),
        ("SAFETY.INPUT.TEXT", None, Reason.MODERATION_INPUT),
        ("SAFETY.OUTPUT.VIDEO", "the prompt", Reason.MODERATION_OUTPUT),
        ("OutputVideoSensitiveContentDetected", None, Reason.MODERATION_OUTPUT),
        ("InputTextSensitiveContentDetected", None, Reason.MODERATION_INPUT),
        ("DataInspectionFailed", "Output data may be unsafe", Reason.MODERATION_OUTPUT),
        (400, "Guardrail violation in the prompt", Reason.MODERATION_INPUT),
        (None, "Blocked by our moderation system", Reason.MODERATION_OUTPUT),
        ("INTERNAL.BAD_OUTPUT.CODE01", None, Reason.PROVIDER_ERROR),
        ("insufficient_quota", None, Reason.QUOTA),
        ("billing_hard_limit_reached", None, Reason.QUOTA),
        ("insufficient_user_quota", None, Reason.QUOTA),
        ("rate_limit_exceeded", None, Reason.RATE_LIMITED),
        ("RESOURCE_EXHAUSTED", None, Reason.RATE_LIMITED),
        ("invalid_api_key", None, Reason.AUTH),
        ("authentication_error", None, Reason.AUTH),
        ("invalid_request_error", None, Reason.INVALID_REQUEST),
        ("model_not_found", None, Reason.INVALID_REQUEST),
        ("timeout", None, Reason.TIMEOUT),
        ("deadline_exceeded", None, Reason.TIMEOUT),
        (401, None, Reason.AUTH),
        (422, None, Reason.INVALID_REQUEST),
        ("504", None, Reason.TIMEOUT),
        (500, None, Reason.PROVIDER_ERROR),
        ("server_error", "An error occurred", Reason.PROVIDER_ERROR),
        ("something_new", None, Reason.PROVIDER_ERROR),
        (None, None, Reason.PROVIDER_ERROR),
    ],
)
def test_reasons_are_told_from_code_and_message(code, message, reason):
    """The code knows best; a filter without a side has seen the output."""
    assert reason_of(code, message, "failed") is reason


def openai_error(code, message="No.", kind="invalid_request_error"):
    """An error as OpenAI writes it."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


AZURE_FILTER = {
    "error": {
        "code": "BadRequest",
        "message": "Filtered.",
        "innererror": {
            "code": "ResponsibleAIPolicyViolation",
            "content_filter_result": {"violence": {"filtered": True, "severity": "high"}},
        },
    }
}


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (400, openai_error("moderation_blocked"), Reason.MODERATION_INPUT),
        (400, openai_error("content_filter"), Reason.MODERATION_INPUT),
        (400, AZURE_FILTER, Reason.MODERATION_INPUT),
        (422, openai_error("content_policy_violation"), Reason.MODERATION_INPUT),
        (400, openai_error("billing_hard_limit_reached"), Reason.QUOTA),
        (400, openai_error("invalid_value"), Reason.INVALID_REQUEST),
        (400, openai_error(None), Reason.INVALID_REQUEST),
        (401, openai_error("invalid_api_key"), Reason.AUTH),
        (403, openai_error(None, "Verify your organization"), Reason.AUTH),
        (402, None, Reason.QUOTA),
        (404, openai_error("model_not_found"), Reason.INVALID_REQUEST),
        (
            422,
            {"detail": [{"loc": ["body", "prompt"], "msg": "Field required", "input": "canary"}]},
            Reason.INVALID_REQUEST,
        ),
        (429, openai_error("rate_limit_exceeded"), Reason.RATE_LIMITED),
        (429, openai_error("insufficient_quota"), Reason.QUOTA),
        (429, None, Reason.RATE_LIMITED),
        (500, openai_error("server_error"), Reason.PROVIDER_ERROR),
        (504, b"<html>Gateway timeout</html>", Reason.TIMEOUT),
    ],
)
@pytest.mark.parametrize("shape", ["whole", "unwrapped", "bytes"])
def test_a_refused_create_is_a_failed_job(status, body, reason, shape):
    """With the outer `error`, without it as the SDK's exceptions have it, and as bytes."""
    if isinstance(body, dict):
        body = body.get("error", body) if shape == "unwrapped" else body
        body = json.dumps(body).encode() if shape == "bytes" else body
    snapshot = rejected(status, body)

    assert (snapshot.state, snapshot.reason) == (JobState.FAILED, reason)
    assert "canary" not in repr(snapshot)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (openai_error("bad", "No."), JobError(code="bad", message="No.")),
        (openai_error(None, "No."), JobError(code="invalid_request_error", message="No.")),
        ({"code": 1301, "message": "No."}, JobError(code="1301", message="No.")),
        ({"error": "No."}, JobError(message="No.")),
        ({"error": {"error": {"code": "x"}}}, JobError(code="x")),
        ({"detail": "No."}, JobError(message="No.")),
        ({"detail": [{"msg": "a"}, {"msg": "b"}, "c"]}, JobError(message="a; b")),
        ({"detail": {"message": "No."}}, JobError(message="No.")),
        (b"<html>\nNo.</html>", JobError(message="<html>\\nNo.</html>")),
        (b"\xff", JobError(message="\ufffd")),
        ("No.", JobError(message="No.")),
        *((nothing, None) for nothing in (None, b"", {}, [], b"null", {"error": None})),
    ],
)
def test_errors_come_in_many_shapes(body, error):
    """Whatever says something is kept, scrubbed."""
    assert rejected(400, body) == JobSnapshot(
        state=JobState.FAILED, reason=Reason.INVALID_REQUEST, error=error
    )


@pytest.mark.parametrize(
    ("outer", "inner", "code"),
    [
        ("BadRequest", "ResponsibleAIPolicyViolation", "ResponsibleAIPolicyViolation"),
        (None, "ResponsibleAIPolicyViolation", "ResponsibleAIPolicyViolation"),
        ("content_filter", "ResponsibleAIPolicyViolation", "content_filter"),
        ("BadRequest", "SomethingElse", "BadRequest"),
        ("BadRequest", None, "BadRequest"),
    ],
)
def test_azures_filter_may_be_named_within(outer, inner, code):
    """The inner code counts where it tells of a filter and the outer one does not."""
    body = {"error": {"code": outer, "message": "Filtered.", "innererror": {"code": inner}}}

    assert rejected(400, body).error == JobError(code=code, message="Filtered.")


def test_an_error_tells_neither_prompt_nor_key():
    """A provider that echoes the request does not put it into the ledger."""
    prompt = "A guardrail on a bridge over the river"
    body = openai_error("bad", f"Cannot render {prompt!r} with sk-proj-canary123456")
    snapshot = rejected(400, body, prompt=prompt)

    assert snapshot.error == JobError(code="bad", message="Cannot render '[prompt]' with [secret]")
    assert snapshot.reason is Reason.INVALID_REQUEST  # the word is the prompt's, not the provider's


@pytest.mark.parametrize(
    ("status", "body", "overdue", "gone"),
    [
        (404, {"error": {"code": "video_expired", "message": "gone"}}, False, True),
        (404, {"error": {"message": "The content has Expired."}}, False, True),
        (404, {"detail": "asset expired"}, False, True),
        (404, {"error": {"code": "not_found", "message": "No such video"}}, False, False),
        (404, {"error": {"code": "not_found", "message": "No such video"}}, True, True),
        (404, b"", True, True),
        (404, b"", False, False),
        (410, b"", False, True),
        (401, {"error": {"message": "Your key has expired"}}, True, False),
        (403, {"error": {"message": "The link has expired"}}, False, False),
        (500, {"error": {"message": "expired"}}, True, False),
    ],
)
def test_a_file_that_is_gone(*, status, body, overdue, gone):
    """The provider says that it expired, or that there is none after the time it gave itself."""
    given = body if isinstance(body, bytes) else json.dumps(body).encode()
    assert expired(status, given, overdue=overdue) is gone
