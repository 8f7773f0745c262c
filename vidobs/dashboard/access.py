"""Who may look: a one-time token becomes a session, and no other site can use it.

A page on this machine is reachable by every program and every web page that runs here. So: a token
that only the terminal shows, a cookie that no script reads and no other site sends, a `Host` that
must be ours (against DNS rebinding), an `Origin` that must be ours where there is one, and answers
that may load nothing from elsewhere.
"""

from __future__ import annotations

import hmac
import secrets
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Protocol
from urllib.parse import parse_qs, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "vidobs_session"
TOKEN = "token"  # noqa: S105 - the name of the parameter
SAFE = frozenset({"GET", "HEAD"})
MOST_SESSIONS = 100  # open at once; the oldest ends

_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "media-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
CONTENT_SECURITY_POLICY = "; ".join(f"{what} {where}" for what, where in _POLICY.items())
HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class Door(Protocol):
    """Who is let in, and how somebody gets in."""

    def knows(self, headers: Headers) -> bool:
        """Whether a request comes from somebody who is in."""
        ...

    def enter(self, scope: Scope) -> Response | None:
        """Answer a request that brings what lets somebody in; `None` where it brings nothing."""
        ...

    def refuse(self, scope: Scope) -> Response:
        """Answer a request of somebody who is not in."""
        ...


class TokenDoor:
    """Lets in whoever has the token: the one-time token of the printed address, or a fixed one.

    A fixed token (`VIDOBS_UI_TOKEN`) also works as `Authorization: Bearer`, for scripts and
    scrapers. Sessions live as long as the process.
    """

    def __init__(
        self, *, fixed: str | None = None, used: Callable[[str], None] = lambda _token: None
    ) -> None:
        self._fixed = fixed
        self._used = used
        self._token = fixed or secrets.token_urlsafe(32)
        self._sessions: dict[str, None] = {}

    @property
    def token(self) -> str:
        """The token that lets the next one in."""
        return self._token

    def knows(self, headers: Headers) -> bool:
        """Whether there is a session, or the fixed token."""
        if session_of(headers) in self._sessions:
            return True
        scheme, _, given = headers.get("authorization", "").partition(" ")
        return bool(self._fixed) and scheme.lower() == "bearer" and self._same(given.strip())

    def enter(self, scope: Scope) -> Response | None:
        """Make a session of the token in the address, and go on to the page without it."""
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        given = query.pop(TOKEN, [""])[0]
        if not given or not self._same(given):
            return None
        if self._fixed is None:
            self._token = secrets.token_urlsafe(32)
        session = secrets.token_urlsafe(32)
        self._sessions[session] = None
        while len(self._sessions) > MOST_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        rest = urlencode(query, doseq=True)
        path = local_path(scope)
        response = RedirectResponse(f"{path}?{rest}" if rest else path, status_code=303)
        response.set_cookie(
            COOKIE, session, httponly=True, samesite="strict", path=scope.get("root_path") or "/"
        )
        self._used(self._token)
        return response

    def refuse(self, scope: Scope) -> Response:
        """Say where the address with the token is."""
        del scope
        return PlainTextResponse(
            "This dashboard opens with the address that `vidobs ui` printed in its terminal: it "
            "holds a token, which works once. Each time one is used, a new one is printed.\n"
            "Scripts: set VIDOBS_UI_TOKEN and send it as `Authorization: Bearer`.\n",
            status_code=401,
            headers={"www-authenticate": "Bearer"},
        )

    def _same(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self._token.encode())


class Guarded:
    """An application behind a door. `hosts` are the names that a browser may know it by."""

    def __init__(self, app: ASGIApp, door: Door, *, hosts: Iterable[str]) -> None:
        self._app = app
        self._door = door
        self._hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        answer = self._answer(scope)

        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            await send(message)

        await (answer or self._app)(scope, receive, sealed)

    def _answer(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        wrong = self._wrong(scope, headers)
        if wrong is not None:
            return PlainTextResponse(wrong + "\n", status_code=403)
        entered = self._door.enter(scope)
        if entered is not None:
            return entered
        return None if self._door.knows(headers) else self._door.refuse(scope)

    def _wrong(self, scope: Scope, headers: Headers) -> str | None:
        """Return what is wrong with where a request comes from."""
        host = headers.get("host", "")
        if host_name(host) not in self._hosts:
            return (
                f"This server is not {host[:100]!r}. Open it by the address that it printed, or "
                "name the host with --allow-host."
            )
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            return "This request comes from another site."
        if scope["method"] not in SAFE and headers.get("sec-fetch-site", "same-origin") not in (
            "same-origin",
            "none",
        ):
            return "This request comes from another site."
        return None


def session_of(headers: Headers) -> str | None:
    """Return the session that a request's cookie names."""
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    return None if morsel is None else morsel.value


def host_name(host: str) -> str:
    """Return the name in a `Host` header, without its port.

    >>> host_name("LOCALHOST:8321"), host_name("[::1]:8321"), host_name("evil.example")
    ('localhost', '[::1]', 'evil.example')
    """
    name = host.strip().lower()
    if name.startswith("["):
        return name.partition("]")[0] + "]"
    return name.partition(":")[0]


def local_path(scope: Scope) -> str:
    """Return the path of a request as the browser has it, which never names another host."""
    path: str = scope["path"]
    return "/" + path.lstrip("/\\")
