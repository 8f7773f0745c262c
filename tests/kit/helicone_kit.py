"""A server that takes logs as Helicone's manual logger endpoint does, and is as strict.

    with Helicone() as server:
        ... an exporter sends to server.url with api_key=KEY ...
        server.logs["<request id>"]   # the log that would be shown under that id
        server.complaints             # why requests were refused

Known from docs.helicone.ai and from Helicone's sources: the shape, the limit of 10 MB, the errors
behind a 200, and the answers it takes for something else than a model's.
"""

import json
import re
from typing import NamedTuple
from uuid import UUID

from sink_kit import Reply, Sink

KEY = "sk-helicone-not-a-key-0123456789"
PATH = "/custom/v1/log"
MOST_BYTES = 10_000_000
_VALUE = re.compile(r"[\x20-\x7e]+")
_NAME = re.compile(r"[a-z0-9_.-]+")


class Log(NamedTuple):
    """One request as it would be shown."""

    model: str | None
    status: int
    cost: float | None
    body: dict
    properties: dict[str, str]
    headers: dict[str, str]


class BadLogError(Exception):
    """Helicone would refuse or misread it."""


class Helicone(Sink):
    """Listens on the loopback from entering to leaving the `with` block."""

    def __init__(self):
        super().__init__()
        self.logs = {}
        self.complaints = []

    def took(self, request):
        """Answer as told, else as Helicone does."""
        reply = super().took(request)
        return self._answer(request) if reply == Reply() else reply

    def _answer(self, request):
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return Reply(401, body=b'{"error":"Invalid API key"}')
        if (request.method, request.path) != ("POST", PATH):
            return Reply(404)
        try:
            log = read(request)
        except (BadLogError, KeyError, ValueError, TypeError) as error:
            self.complaints.append(f"{type(error).__name__}: {error}")
            return Reply(200, body=json.dumps({"error": str(error)}).encode())
        self.logs[request.headers["helicone-request-id"]] = log
        return Reply(200, body=b"ok")


def read(request):
    """Return the log in a request; raise `BadLogError` where Helicone would misread it."""
    if len(request.body) > MOST_BYTES:
        raise BadLogError("too large")
    body = json.loads(request.body, parse_float=str)
    asked, answered = body["providerRequest"], body["providerResponse"]
    if asked["url"] != "custom-model-nopath" or not isinstance(asked["meta"], dict):
        raise BadLogError("providerRequest")
    said = answered["json"]
    if {"metadata", "assistant_id", "thread_id", "_type"} & said.keys():
        raise BadLogError("taken for an assistant, a tool or data")
    if isinstance(answered.get("cost"), str) and not re.fullmatch(r"[\d.]+", answered["cost"]):
        raise BadLogError("cost")
    if not 100 <= answered["status"] < 600 or "textBody" in answered:
        raise BadLogError("status")
    check_timing(body["timing"])
    properties = check_headers(request.headers)
    model = request.headers.get("helicone-model-override") or said.get("model")
    cost = answered.get("cost")
    return Log(model, answered["status"], cost, body, properties, request.headers)


def check_timing(timing):
    """Times are whole seconds and the milliseconds behind them; none ends before it begins."""
    start, end = timing["startTime"], timing["endTime"]
    for one in (start, end):
        if one.keys() != {"seconds", "milliseconds"} or not 0 <= one["milliseconds"] < 1000:
            raise BadLogError(f"timing {one}")
    if (end["seconds"], end["milliseconds"]) < (start["seconds"], start["milliseconds"]):
        raise BadLogError("it ends before it begins")


def check_headers(headers):
    """Return the properties; names are what HTTP allows, and values printable ASCII."""
    UUID(headers["helicone-request-id"])
    if not headers["helicone-session-path"].startswith("/"):
        raise BadLogError("session path")
    ours = {name: value for name, value in headers.items() if name.startswith("helicone-")}
    for name, value in ours.items():
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value) or value != value.strip():
            raise BadLogError(f"header {name}")
    prefix = "helicone-property-"
    return {name.removeprefix(prefix): ours[name] for name in ours if name.startswith(prefix)}
