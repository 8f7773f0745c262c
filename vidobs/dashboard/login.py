"""The door of a dashboard that is mounted in a server: a form that takes one of the server's keys.

Works without JavaScript. A key is looked up again with every request, so that the session of one
that was blocked or expired ends with it.
"""

from __future__ import annotations

import secrets
import time
from collections import deque
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import msgspec
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from vidobs.dashboard.access import (
    MOST_SESSIONS,
    SAFE,
    Guarded,
    Rights,
    cookie_name,
    keep_session,
    local_path,
    route_path,
    session_of,
)
from vidobs.dashboard.app import create_app
from vidobs.dashboard.forms import read_form
from vidobs.dashboard.page import BadQueryError
from vidobs.dashboard.render import Renderer, Shell

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from starlette.types import ASGIApp, Receive, Scope, Send

    from vidobs.dashboard.desk import Desk

LOGIN, LOGOUT = "/login", "/logout"
LASTS_S = 12 * 3600
MOST_TRIES = 10  # of one address, that failed
MOST_BEARERS = 100  # the same, in headers: behind a proxy many programs have one address
TRIES_S = 60.0
_MOST_ADDRESSES = 1000
_MOST_KEY = 500
_FOR_PROGRAMS = ("/api/", "/media/", "/metrics", "/static/")


class LoginPage(msgspec.Struct, frozen=True):
    """What the form shows."""

    next: str  # where it leads
    said: str | None = None  # what was wrong


class _Session(msgspec.Struct, frozen=True):
    key: str
    until_s: float


class Tries:
    """Counts what failed lately, by address."""

    def __init__(
        self, most: int = MOST_TRIES, *, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = most
        self._now_s = now_s
        self._failed: dict[str, deque[float]] = {}

    def wait_s(self, address: str) -> float:
        """Return for how long an address has to wait."""
        failed, now_s = self._failed.get(address), self._now_s()
        while failed and failed[0] <= now_s - TRIES_S:
            failed.popleft()
        return failed[0] + TRIES_S - now_s if failed and len(failed) >= self._most else 0.0

    def failed(self, address: str) -> None:
        """Count one; the address that was seen first is forgotten when there are too many."""
        self._failed.setdefault(address, deque(maxlen=self._most)).append(self._now_s())
        while len(self._failed) > _MOST_ADDRESSES:
            del self._failed[next(iter(self._failed))]


class KeyDoor:
    """Lets in whoever has a key.

    `check` says what a key may do, `None` where it is not known or may do nothing. It answers from
    memory, and in the same time for every wrong key.
    """

    leaves = True

    def __init__(
        self, check: Callable[[str], Rights | None], *, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._check = check
        self._now_s = now_s
        self._tries = Tries(now_s=now_s)
        self._bearers = Tries(MOST_BEARERS, now_s=now_s)
        self._sessions: dict[str, _Session] = {}
        self._renderer = Renderer()

    def rights(self, scope: Scope) -> Rights | None:
        """Return what the key of a session, or of the header `Authorization`, may do."""
        headers = Headers(scope=scope)
        session = self._sessions.get(session_of(headers) or "")
        if session is not None and session.until_s > self._now_s():
            return self._check(session.key)
        scheme, _, key = headers.get("authorization", "").partition(" ")
        return self._bearer(key.strip(), _address(scope)) if scheme.lower() == "bearer" else None

    def _bearer(self, key: str, address: str) -> Rights | None:
        if not 0 < len(key) <= _MOST_KEY or self._bearers.wait_s(address) > 0:
            return None
        rights = self._check(key)
        if rights is None:
            self._bearers.failed(address)
        return rights

    def enter(self, scope: Scope) -> ASGIApp | None:
        """Answer the form and the way out."""
        answers = {LOGIN: self._login, LOGOUT: self._logout}
        answer = answers.get(route_path(scope))
        return None if answer is None else _app(answer)

    def refuse(self, scope: Scope) -> ASGIApp:
        """Lead people to the form, and tell programs how to come in."""
        if scope["method"] in SAFE and not route_path(scope).startswith(_FOR_PROGRAMS):
            query = scope.get("query_string", b"").decode("latin-1")
            back = local_path(scope) + (f"?{query}" if query else "")
            root = scope.get("root_path", "")
            return RedirectResponse(f"{root}{LOGIN}?{urlencode({'next': back})}", status_code=303)
        return PlainTextResponse(
            "Log in, or send a master or viewer key as `Authorization: Bearer`.\n",
            status_code=HTTPStatus.UNAUTHORIZED,
            headers={"www-authenticate": "Bearer"},
        )

    async def _login(self, request: Request) -> Response:
        if request.method in SAFE:
            to = _inside(request.scope, request.query_params.get("next", ""))
            known = self.rights(request.scope) is not None
            return RedirectResponse(to, 303) if known else self._form(request, LoginPage(to))
        if request.method != "POST":
            return _not_allowed("GET, HEAD, POST")
        try:
            form = await read_form(request)
        except BadQueryError as error:
            return self._form(request, LoginPage(_inside(request.scope, ""), str(error)), 400)
        to = _inside(request.scope, form.text("next"))
        return self._tried(request, form.text("key"), to)

    def _tried(self, request: Request, key: str, to: str) -> Response:
        address = _address(request.scope)
        wait_s = self._tries.wait_s(address)
        if wait_s > 0:
            page = LoginPage(to, "Too many keys were wrong. Wait a minute, and try again.")
            response = self._form(request, page, HTTPStatus.TOO_MANY_REQUESTS)
            response.headers["retry-after"] = str(int(wait_s) + 1)
            return response
        if not 0 < len(key) <= _MOST_KEY or self._check(key) is None:
            self._tries.failed(address)
            page = LoginPage(to, "This key is not known here, or may not look at the dashboard.")
            return self._form(request, page, HTTPStatus.UNAUTHORIZED)
        response = RedirectResponse(to, status_code=HTTPStatus.SEE_OTHER)
        keep_session(response, request.scope, self._begun(key), max_age_s=LASTS_S)
        return response

    def _begun(self, key: str) -> str:
        """Begin a session; the oldest ends where there are too many."""
        now_s = self._now_s()
        self._sessions = {name: one for name, one in self._sessions.items() if one.until_s > now_s}
        while len(self._sessions) >= MOST_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        session = secrets.token_urlsafe(32)
        self._sessions[session] = _Session(key, now_s + LASTS_S)
        return session

    async def _logout(self, request: Request) -> Response:
        if request.method != "POST":
            return _not_allowed("POST")
        self._sessions.pop(session_of(request.headers) or "", None)
        root = request.scope.get("root_path", "")
        response = RedirectResponse(f"{root}{LOGIN}", status_code=HTTPStatus.SEE_OTHER)
        response.delete_cookie(cookie_name(request.headers), path=root or "/")
        return response

    def _form(self, request: Request, page: LoginPage, status: int = HTTPStatus.OK) -> Response:
        root = request.scope.get("root_path", "")
        shell = Shell(
            root=root,
            title="Log in",
            menu=(),
            theme=None,
            address=f"{root}{LOGIN}",
            api="",
            version=0,
        )
        html = self._renderer.page("login.html", page, shell, datetime.now(UTC))
        return HTMLResponse(html, status_code=status)


def mounted(
    desk: Desk,
    check: Callable[[str], Rights | None],
    *,
    at: str = "/ui",
    hosts: Iterable[str] | None = None,
) -> ASGIApp:
    """Return the dashboard behind a form for keys, for a server that has it at a path.

    The server hands in scopes as they came. Without `hosts` any name of the server will do: a
    session belongs to the name that it was begun under.
    """
    guarded = Guarded(create_app(desk), KeyDoor(check), hosts=hosts, public=True)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == at:
            await RedirectResponse(f"{at}/", status_code=303)(scope, receive, send)
            return
        await guarded({**scope, "root_path": at}, receive, send)

    return app


def _app(answer: Callable[[Request], Awaitable[Response]]) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            response = await answer(Request(scope, receive))
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    return app


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def _inside(scope: Scope, wanted: str) -> str:
    """Return an address of this dashboard, whatever was asked for."""
    root = scope.get("root_path", "")
    local = "/" + wanted.lstrip("/\\")
    inside = local.startswith(f"{root}/") and not local.startswith(f"{root}{LOGIN}")
    return local if inside else f"{root}/"


def _not_allowed(methods: str) -> Response:
    return PlainTextResponse("Not so.\n", HTTPStatus.METHOD_NOT_ALLOWED, headers={"allow": methods})
