"""The routes of admins, as ASGI applications beside those of videos."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import parse_qsl

import msgspec

from vidobs.core.errors import ConfigError, LedgerError
from vidobs.gateway.governance import group_calls, key_calls, spend_calls
from vidobs.gateway.governance.calls import Call, Desk
from vidobs.gateway.governance.changes import NoAccountError
from vidobs.gateway.governance.database import AliasTakenError, StaleAccountError, StoreError
from vidobs.gateway.governance.records import Kind
from vidobs.gateway.seams import Refusal, not_allowed
from vidobs.gateway.wire.answers import Answer, envelope, refused, send_answer
from vidobs.gateway.wire.asked import token_of
from vidobs.gateway.wire.bodies import Gone

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from vidobs.gateway.governance.governance import Governance
    from vidobs.gateway.seams import App, Keys, Receive, Scope, Send

Handler: TypeAlias = "Callable[[Desk, Call], Answer]"
MOST_BYTES = 1 << 20
_MOST_QUERY = 50
_KEY = "/key"
_BODY_S = 30.0
_users, _teams = (group_calls.Groups(kind) for kind in (Kind.USER, Kind.TEAM))
TABLE: Mapping[str, tuple[str, Handler]] = MappingProxyType(
    {
        "/key/generate": ("POST", key_calls.generate),
        "/key/update": ("POST", key_calls.update),
        "/key/delete": ("POST", key_calls.delete),
        "/key/block": ("POST", key_calls.block),
        "/key/unblock": ("POST", key_calls.unblock),
        "/key/regenerate": ("POST", key_calls.regenerate),
        "/key/info": ("GET", key_calls.info),
        "/key/list": ("GET", key_calls.list_keys),
        "/user/new": ("POST", _users.new),
        "/user/update": ("POST", _users.update),
        "/user/delete": ("POST", _users.delete),
        "/user/block": ("POST", _users.block),
        "/user/unblock": ("POST", _users.unblock),
        "/user/info": ("GET", _users.info),
        "/user/list": ("GET", _users.listed),
        "/team/new": ("POST", _teams.new),
        "/team/update": ("POST", _teams.update),
        "/team/delete": ("POST", _teams.delete),
        "/team/block": ("POST", _teams.block),
        "/team/unblock": ("POST", _teams.unblock),
        "/team/info": ("GET", _teams.info),
        "/team/list": ("GET", _teams.listed),
        "/spend/logs": ("GET", spend_calls.logs),
        "/spend/report": ("GET", spend_calls.report),
        "/audit/logs": ("GET", spend_calls.audit),
    }
)


def routes(governance: Governance, keys: Keys) -> Mapping[str, App]:
    """Return the applications by their paths; `keys` say who asks."""
    desk = _desk(governance)
    return {
        path: _Route(desk, keys, method, handler, governance.now)
        for path, (method, handler) in TABLE.items()
    }


def mounts(governance: Governance, keys: Keys) -> Mapping[str, App]:
    """Return the applications by what their paths begin with: `/key/{key}/regenerate`."""
    desk = _desk(governance)

    async def below_key(scope: Scope, receive: Receive, send: Send) -> None:
        name, _, rest = scope["path"].removeprefix(f"{_KEY}/").rpartition("/")
        if rest != "regenerate" or not name:
            await send_answer(
                scope, send, envelope(404, "there is no such route", code="not_found")
            )
            return
        route = _Route(desk, keys, "POST", partial(_regenerate, name), governance.now)
        await route(scope, receive, send)

    return {_KEY: below_key}


def answered(desk: Desk, call: Call, handler: Handler) -> Answer:
    """Return what a call is answered with; what can go wrong becomes an answer too. May block."""
    try:
        return handler(desk, call)
    except Refusal as refusal:
        return refused(refusal)
    except NoAccountError as error:
        return envelope(404, str(error), code="not_found")
    except (AliasTakenError, StaleAccountError) as error:
        return envelope(409, str(error), code="conflict")
    except ConfigError as error:
        return envelope(400, str(error), code="bad_request")
    except (StoreError, LedgerError) as error:
        return envelope(503, str(error), code="store_unavailable", error_type="server_error")


def _desk(governance: Governance) -> Desk:
    return Desk(governance.store, governance.directory, governance.book, governance.rows)


def _regenerate(name: str, desk: Desk, call: Call) -> Answer:
    """Give the key that a path names a new text; a body may name no other."""
    with suppress(msgspec.MsgspecError, UnicodeDecodeError):  # told by who reads the fields
        fields = msgspec.json.decode(call.body or b"{}", type=dict[str, msgspec.Raw])
        named = msgspec.Raw(msgspec.json.encode(name))
        if bytes(fields.setdefault("key", named)) != bytes(named):
            raise ConfigError("key: the path names one already; leave it out of the body")
        call = msgspec.structs.replace(call, body=msgspec.json.encode(fields))
    return key_calls.regenerate(desk, call)


class _Route:
    """One route as an ASGI application. Files are asked in a thread, never in the loop."""

    def __init__(
        self, desk: Desk, keys: Keys, method: str, handler: Handler, now: Callable[[], datetime]
    ) -> None:
        self._desk = desk
        self._keys = keys
        self._method = method
        self._handler = handler
        self._now = now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            call = await self._call(scope, receive)
            answer = await asyncio.to_thread(answered, self._desk, call, self._handler)
        except Refusal as refusal:
            answer = refused(refusal)
        except Gone:
            return
        except TimeoutError:
            answer = envelope(408, "the body did not arrive in time", code="timeout")
        await send_answer(scope, send, answer)

    async def _call(self, scope: Scope, receive: Receive) -> Call:
        if scope["method"] != self._method:
            raise not_allowed(self._method)
        headers = dict(scope["headers"])
        now = self._now()
        principal = self._keys.principal(token_of(headers), now)
        async with asyncio.timeout(_BODY_S):
            body = await _body(receive)
        changed_by = headers.get(b"litellm-changed-by")
        return Call(
            principal=principal,
            now=now,
            query=_query(scope["query_string"]),
            body=body,
            changed_by=None if changed_by is None else changed_by.decode("latin-1"),
        )


def _query(text: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(text.decode("latin-1"), max_num_fields=_MOST_QUERY))
    except ValueError:
        raise Refusal(400, "the query has too many parameters", code="bad_query") from None


async def _body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":  # half a call is none
            raise Gone
        body += message.get("body", b"")
        if len(body) > MOST_BYTES:
            raise Refusal(413, f"at most {MOST_BYTES} bytes are read", code="too_large")
        if not message.get("more_body", False):
            return bytes(body)
