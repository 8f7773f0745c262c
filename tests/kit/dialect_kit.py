"""Exchanges with servers of a dialect, as files: what is asked, what is answered, what that says.

A file has `from`, where the shape is documented; `request` with method and path; `status`,
`headers` and `answer`; and `says`: what the codec makes of it, without what it leaves open.
"""

import json
from pathlib import Path

import msgspec

from vidobs.core.calls import Operation
from vidobs.dialects import openai as codec
from vidobs.dialects.failures import error_of

FIXTURES = Path(__file__).parents[1] / "fixtures" / "dialects"
ERROR = 400


def exchanges(folder):
    """Return the exchanges in a folder by name."""
    return {
        path.stem: json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))
    }


def says(exchange):
    """Return what the codec makes of an exchange, as plain values."""
    request, body = exchange["request"], json.dumps(exchange.get("answer")).encode()
    route = codec.route(request["method"], request["path"])
    return read(route.operation, exchange["status"], exchange.get("headers", {}), body)


def read(operation, status, headers, body):
    """Read an answer as those do who watch a client."""
    if operation.creates_job:
        return plain(_created(status, headers, body))
    if operation is Operation.RETRIEVE:
        poll = codec.failed_body if status >= ERROR else codec.decode_video
        return plain(poll(body))
    if operation is Operation.LIST:
        return [plain(each) for each in codec.decode_list(body)] if status < ERROR else None
    if operation is Operation.DELETE:
        return plain(codec.decode_deleted(body)) if status < ERROR else None
    told = {"pointer": codec.pointer_in(body), "error": plain(error_of(body))}
    return {name: value for name, value in told.items() if value is not None}


def _created(status, headers, body):
    if status >= ERROR:
        return codec.rejected(status, body)
    seen = codec.made_at_once(headers) or codec.decode_video(body)
    return None if seen is None else codec.charged(seen, headers)


def plain(record):
    """Return what a record says, as JSON has it, without what it does not say."""
    if record is None:
        return None
    told = msgspec.to_builtins(record)
    blank = msgspec.to_builtins(type(record)())
    return _known(told, blank)


def _known(told, blank):
    return {
        name: _known(value, {}) if isinstance(value, dict) else value
        for name, value in told.items()
        if value is not None and (name not in blank or value != blank[name])
    }


def shape(value):
    """Return of what kind a value of JSON is, and its members."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    if isinstance(value, list):
        return [shape(each) for each in value[:1]]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "number"
    return type(value).__name__
