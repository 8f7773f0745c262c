"""A server that takes runs as LangSmith does, and is as strict as it is known or feared to be.

    with LangSmith() as server:
        ... an exporter sends to server.url with api_key=KEY ...
        server.runs["<id>"]     # as it would be shown: its `post` with its `patch` over it
        server.complaints       # why requests were refused with 400

What is known: docs.langchain.com (run data format, multipart ingestion), the checks in LangSmith's
own client, and what its maintainers said of 409. What is not known is how a request is answered
that holds an operation for the second time beside new ones: `mixed` chooses.
"""

import json
import re
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from sink_kit import Reply, Sink

from vidobs_exporters.langsmith import LangSmithExporter

KEY = "lsv2_pt_not_a_key_0123456789"
MOST_BYTES = 20 * 1024 * 1024
MOST_OPERATIONS = 100
RUN_TYPES = {"tool", "chain", "llm", "retriever", "embedding", "prompt", "parser"}
APART = ("inputs", "outputs", "events", "extra", "error", "serialized")
USAGE = {
    *("input_tokens", "output_tokens", "total_tokens", "input_token_details"),
    *("output_token_details", "input_cost", "output_cost", "total_cost"),
    *("input_cost_details", "output_cost_details"),
}
INGEST = {  # what `GET /info` tells the client
    "use_multipart_endpoint": True,
    "scale_up_qsize_trigger": 1000,
    "scale_up_nthreads_limit": 16,
    "scale_down_nempty_trigger": 4,
    "size_limit": MOST_OPERATIONS,
    "size_limit_bytes": MOST_BYTES,
}
_NAME = re.compile(r'form-data; name="([^"]+)"')


class Mixed(StrEnum):
    """How a request is answered that repeats an operation and brings new ones too."""

    REFUSED = "409, and nothing of it is taken"
    REFUSED_BUT_TAKEN = "409, and what is new is taken"
    SKIPPED = "202, and what is new is taken"


class Part(NamedTuple):
    """One part of a multipart body. Names of headers are in lower case."""

    name: str
    headers: dict[str, str]
    content: bytes

    def json(self):
        """Read the content as JSON; numbers stay as they are written."""
        return json.loads(self.content, parse_float=str)


class BadRequestError(Exception):
    """LangSmith would answer 400 or 422."""


class LangSmith(Sink):
    """Listens on the loopback from entering to leaving the `with` block."""

    def __init__(self, *, mixed=Mixed.REFUSED, multipart=True, org_key=False):
        super().__init__()
        self.mixed = mixed
        self.multipart = multipart
        self.org_key = org_key
        self.posted = {}
        self.patched = {}
        self.attached = {}
        self.complaints = []

    @property
    def runs(self):
        """The runs that would be shown: those that were posted, with their patches."""
        return {one: run | self.patched.get(one, {}) for one, run in self.posted.items()}

    def took(self, request):
        """Answer as told, else as LangSmith does."""
        reply = super().took(request)
        if request.path == "/info":  # what LangSmith's own client asks for first
            return Reply(200, body=json.dumps({"batch_ingest_config": INGEST}).encode())
        return self._answer(request) if reply == Reply() else reply

    def _answer(self, request):
        if request.headers.get("x-api-key") != KEY:
            return Reply(401, body=b'{"detail":"Invalid token"}')
        if self.org_key and "x-tenant-id" not in request.headers:
            return Reply(403, body=b'{"error":"org_scoped_key_requires_workspace"}')
        if request.path not in {"/runs/batch", *(["/runs/multipart"] if self.multipart else [])}:
            return Reply(404, body=b'{"detail":"Not Found"}')
        if len(request.body) > MOST_BYTES:
            return Reply(413)
        try:
            return self._take(*_operations(request))
        except (BadRequestError, KeyError, ValueError) as error:
            self.complaints.append(f"{type(error).__name__}: {error}")
            return Reply(400, body=str(error).encode())

    def _take(self, operations, attached):
        for verb, run in operations:
            check(run, whole=verb == "post")
        for run_id, name in attached:
            if "." in name or run_id not in {run["id"] for _, run in operations}:
                raise BadRequestError(f"attachment {name!r} of {run_id}")
        seen = {"post": self.posted, "patch": self.patched}
        new = [(verb, run) for verb, run in operations if run["id"] not in seen[verb]]
        repeats = len(new) < len(operations)
        if not repeats or (new and self.mixed is not Mixed.REFUSED):
            for verb, run in new:
                seen[verb][run["id"]] = run
            self.attached.update(attached)
        if repeats and (not new or self.mixed is not Mixed.SKIPPED):
            return Reply(409, body=b'{"error":"Conflict: payloads already received"}')
        return Reply(202, body=b'{"message":"accepted"}')


@contextmanager
def exporters():
    """Yield what makes exporters to a server, by options beside key and address; close them."""
    made = []

    def make(server, **options):
        told = {"url": server.url, "api_key": KEY, "timeout_s": 5} | options
        made.append(LangSmithExporter(**{k: v for k, v in told.items() if v is not None}))
        return made[-1]

    yield make
    for exporter in made:
        exporter.close()


def parts(request):
    """Split a multipart body, by the book: a part's length is what it says it is."""
    kind, _, boundary = request.headers["content-type"].partition("; boundary=")
    if kind != "multipart/form-data" or not boundary:
        raise BadRequestError(f"content-type: {kind}")
    mark = b"--" + boundary.encode()
    rest, out = request.body, []
    while rest != mark + b"--\r\n":
        head, _, rest = rest.partition(b"\r\n\r\n")
        first, *lines = head.decode("ascii").split("\r\n")
        headers = {name.lower(): said for name, _, said in (line.partition(": ") for line in lines)}
        length = int(headers["content-length"])
        name = _NAME.fullmatch(headers["content-disposition"])
        if first.encode() != mark or rest[length : length + 2] != b"\r\n" or name is None:
            raise BadRequestError(f"part {headers}")
        if "content-type" not in headers or "content-encoding" in headers:
            raise BadRequestError(f"part {headers}")
        out.append(Part(name[1], headers, rest[:length]))
        rest = rest[length + 2 :]
    return out


def _operations(request):
    """Read what is to be done, `(verb, run)` each, and the attachments by run and name."""
    if request.path == "/runs/batch":
        given = json.loads(request.body, parse_float=str)
        return [(verb, run) for verb in ("post", "patch") for run in given.get(verb, ())], {}
    found, attached = {}, {}
    for part in parts(request):
        verb, run_id, *rest = part.name.split(".", 2)
        if verb == "attachment":
            attached[run_id, rest[0]] = part
        elif rest:
            if rest[0] not in APART:
                raise BadRequestError(part.name)
            found[verb, run_id][rest[0]] = part.json()
        elif (verb, run_id) in found or verb not in ("post", "patch"):
            raise BadRequestError(part.name)
        else:
            found[verb, run_id] = part.json()
            if part.json()["id"] != run_id:
                raise BadRequestError(f"{part.name} holds {part.json()['id']}")
    if not found or len(found) > MOST_OPERATIONS:
        raise BadRequestError(f"{len(found)} operations")
    return [(verb, run) for (verb, _), run in found.items()], attached


def check(run, *, whole):
    """Raise `BadRequestError` for a run that LangSmith refuses or cannot show."""
    if UUID(run["id"]).version != 7 or UUID(run["trace_id"]).version != 7:
        raise BadRequestError(f"{run['id']} is no UUIDv7")
    segments = [segment.split("Z") for segment in run["dotted_order"].split(".")]
    times = [datetime.strptime(at + "+0000", "%Y%m%dT%H%M%S%f%z") for at, _ in segments]
    ids = [segment[1] for segment in segments]
    if ids[0] != run["trace_id"] or ids[-1] != run["id"] or times != sorted(times):
        raise BadRequestError(f"dotted_order {run['dotted_order']} of {run['id']}")
    if (ids[-2:-1] or [None]) != [run.get("parent_run_id")]:
        raise BadRequestError(f"parent of {run['id']}")
    if not whole:
        return
    start = datetime.fromisoformat(run["start_time"])
    if start != times[-1] or ("end_time" in run and run["end_time"] < run["start_time"]):
        raise BadRequestError(f"times of {run['id']}")
    if run["run_type"] not in RUN_TYPES or not run["name"] or not run["session_name"]:
        raise BadRequestError(f"type, name or project of {run['id']}")
    metadata = run["extra"]["metadata"]
    if not set(metadata.get("usage_metadata", ())) <= USAGE or "platform" in run["extra"]:
        raise BadRequestError(f"metadata of {run['id']}")
