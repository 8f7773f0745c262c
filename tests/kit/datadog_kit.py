"""What stands in for Datadog's intakes: servers that judge a request by the published rules.

    with LogsIntake() as intake:
        ... an exporter sends to intake.url with `KEY` ...
        intake.taken        # logs, as the intake keeps them
        intake.statuses     # what it answered

Rules: https://docs.datadoghq.com/api/latest/logs/#send-logs and
https://docs.datadoghq.com/llm_observability/instrumentation/api/
"""

import json
import re

from sink_kit import Reply, Sink

KEY = "0123456789abcdef0123456789abcdef"  # as long as a key of Datadog's
MB = 1_000_000
MOST_BYTES = 5 * MB  # of a payload, uncompressed
MOST_LOG_BYTES = MB  # of one log; what is longer is cut
MOST_LOGS = 1000

_KINDS = {"agent", "workflow", "llm", "tool", "task", "embedding", "retrieval"}
_ML_APP = re.compile(r"(?!.*__)[a-z0-9_:./-]{1,193}(?<!_)")
_TAG = re.compile(r"[^:,\s]+:[^,]+")


class RefusedError(Exception):
    """A request that breaks a rule, with the status that it is answered with."""


class Judge(Sink):
    """Answers as `judge` says, unless the test has scripted an answer."""

    def __init__(self):
        super().__init__()
        self.taken = []
        self.statuses = []

    def took(self, request):
        """Note a request; return what to answer."""
        scripted = bool(self._next) or self._usual != Reply()
        reply = super().took(request)
        if not scripted:
            reply = self._judged(request)
        self.statuses.append(reply.status)
        return reply

    def judge(self, request):
        """Return what is taken of a request, or raise `RefusedError`."""
        raise NotImplementedError

    def _judged(self, request):
        try:
            _check_key(request)
            self.taken += self.judge(request)
        except RefusedError as refused:
            status, detail = refused.args
            said = {"errors": [{"status": str(status), "title": "Refused", "detail": detail}]}
            return Reply(status, _JSON, json.dumps(said).encode())
        return Reply(202, _JSON, b"{}")


class LogsIntake(Judge):
    """`POST /api/v2/logs`."""

    def judge(self, request):
        """Return the logs; one that is too long is cut and taken."""
        if len(request.body) > MOST_BYTES:
            raise RefusedError(413, "the payload is above 5 MB")
        logs = _read(request)
        logs = logs if isinstance(logs, list) else [logs]
        if len(logs) > MOST_LOGS:
            raise RefusedError(400, "more than 1000 logs")
        if not all(isinstance(log, dict) for log in logs):
            raise RefusedError(400, "a log is no object")
        return [log if len(json.dumps(log)) <= MOST_LOG_BYTES else "cut" for log in logs]


class LlmObsIntake(Judge):
    """`POST /api/intake/llm-obs/v1/trace/spans`."""

    def judge(self, request):
        """Return the spans."""
        if len(request.body) > MOST_BYTES:
            raise RefusedError(413, "the payload is above 5 MB")
        data = _read(request)["data"]
        attributes = data["attributes"]
        if data["type"] != "span" or not attributes["spans"]:
            raise RefusedError(400, "no spans")
        if not _ML_APP.fullmatch(attributes["ml_app"]):
            raise RefusedError(400, "ml_app")
        _check_tags(attributes["tags"])
        for span in attributes["spans"]:
            _check_span(span)
        return attributes["spans"]


_JSON = (("Content-Type", "application/json"),)


def _check_key(request):
    key = request.headers.get("dd-api-key")
    if key is None:
        raise RefusedError(401, "no API key")
    if key != KEY:
        raise RefusedError(403, "forbidden")


def _read(request):
    if request.method != "POST" or request.headers["content-type"] != "application/json":
        raise RefusedError(400, "no JSON was posted")
    try:
        return json.loads(request.body)
    except ValueError as error:
        raise RefusedError(400, "malformed JSON") from error


def _check_span(span):
    for name in ("name", "trace_id", "span_id", "parent_id"):
        if not isinstance(span.get(name), str) or not span[name]:
            raise RefusedError(400, name)
    if type(span["start_ns"]) is not int or type(span["duration"]) not in (int, float):
        raise RefusedError(400, "times")
    if span["meta"]["kind"] not in _KINDS or span["status"] not in ("ok", "error"):
        raise RefusedError(400, "kind or status")
    _check_values(span)
    _check_tags(span.get("tags", []))


def _check_values(span):
    values = span["meta"].get("metadata", {}).values()
    if not all(isinstance(value, int | float | str) for value in values):
        raise RefusedError(400, "metadata holds more than texts, numbers and booleans")
    for key, value in span.get("metrics", {}).items():
        if "." in key or type(value) not in (int, float):
            raise RefusedError(400, "metrics")
    for side in ("input", "output"):
        for message in span["meta"].get(side, {}).get("messages", []):
            if set(message) != {"role", "content"}:
                raise RefusedError(400, "message")


def _check_tags(tags):
    if not all(isinstance(tag, str) and _TAG.fullmatch(tag) for tag in tags):
        raise RefusedError(400, "tags")
