"""Exchanges in the documented shapes of a provider, as files: what is sent, and what it says.

A file has `from`, where the shape is documented, and one of

- `request` with `route` and, of a create, `asked`;
- `answer` (JSON) or `stream` (server-sent events) with `says`, and `created` where the answer to a
  create says something else; `key`, `is_video` and `files`;
- `refusal` with its HTTP `status` and `says`.
"""

import json
from pathlib import Path

import msgspec

from vidobs.dialects.codec import Request

FIXTURES = Path(__file__).parents[1] / "fixtures" / "dialects"


def exchanges(dialect, member):
    """Return the files of a dialect that have a member, by name."""
    found = {path.stem: json.loads(path.read_text("utf-8")) for path in paths(dialect)}
    return {name: each for name, each in found.items() if member in each}


def paths(dialect):
    """Return the files of a dialect."""
    return sorted((FIXTURES / dialect).glob("*.json"))


def request_of(exchange):
    """Return a request as a codec sees it."""
    sent = exchange["request"]
    return Request(sent["method"], sent["path"], lambda: sent.get("body", {}))


def body_of(exchange):
    """Return the body of an answer."""
    if "stream" in exchange:
        events = (f"event: {each['event_type']}\ndata: {json.dumps(each)}\n\n"
                  for each in exchange["stream"])  # fmt: skip
        return ("".join(events) + "event: done\ndata: [DONE]\n\n").encode()
    return json.dumps(exchange.get("answer", exchange.get("refusal"))).encode()


def plain(record):
    """Return what a record says, as JSON has it; nothing where it says nothing."""
    if record is None:
        return None
    members = msgspec.to_builtins(record, builtin_types=())
    blank = msgspec.to_builtins(type(record)(), builtin_types=()) if _has_blank(record) else {}
    return {
        name: plain(getattr(record, name)) if isinstance(value, dict) else value
        for name, value in members.items()
        if value is not None and value != blank.get(name)
    }


def _has_blank(record):
    return all(not field.required for field in msgspec.structs.fields(record))
