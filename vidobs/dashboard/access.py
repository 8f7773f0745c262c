"""Who may look: a one-time token becomes a session, and no other site can use it.

A page on this machine is reachable by every program and every web page that runs here. So: a token
that only the terminal shows, a cookie that no script reads and no other site sends, a `Host` that
must be ours (against DNS rebinding), an `Origin` that must be ours where there is one, and answers
that may load nothing from elsewhere.
"""

from __future__ import annotations

import hmac
import re
import secrets
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol
from urllib.parse import parse_qs, quote, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "vidobs_session"  # and the port: cookies know no ports, and two dashboards may run
TOKEN = "token"  # noqa: S105 - the name of the parameter
SAFE = frozenset({"GET", "HEAD"})
MOST_SESSIONS = 100  # open at once; the oldest ends
RIGHTS = "vidobs.rights"  # the key of the scope that says what somebody may do
LEAVES = "vidobs.leaves"  # whether they can log out
STATIC = "/static/"

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
    "referrer-policy": "same-origin",  # under `no-referrer` the Origin of our own forms is `null`
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?")
_HERE = ("same-origin", "none")  # `none`: typed, a bookmark, or the terminal
_AGAIN = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="refresh" content="0">
<title>vidobs</title>
<p><a href="">Go on to the dashboard</a></p>
</html>
"""


class Rights(StrEnum):
    """What somebody who is in may do."""

    LOOK = "look"
    ACT = "act"  # also use what `--allow-actions` allows


class Door(Protocol):
    """Who is let in, and how somebody gets in."""

    @property
    def leaves(self) -> bool:
        """Whether it answers a POST to `/logout`."""
        ...

    def rights(self, scope: Scope) -> Rights | None:
        """Return what the sender of a request may do; `None`: nothing, they are not in."""
        ...

    def enter(self, scope: Scope) -> ASGIApp | None:
        """Answer a request that brings what lets somebody in; `None` where it brings nothing."""
        ...

    def refuse(self, scope: Scope) -> ASGIApp:
        """Answer a request of somebody who is not in."""
        ...


class TokenDoor:
    """Lets in whoever has a token: the one-time token of the printed address, or a fixed one.

    A fixed token (`VIDOBS_UI_TOKEN`) works in an address too, and as `Authorization: Bearer`, for
    scripts and scrapers. A browser is opened with the one-time token all the same: what a program
    is started with, every user of the machine can read. Sessions live as long as the process.
    """

    leaves = False

    def __init__(
        self, *, fixed: str | None = None, used: Callable[[str], None] = lambda _token: None
    ) -> None:
        self._fixed = fixed
        self._used = used
        self._token = secrets.token_urlsafe(32)
        self._sessions: dict[str, None] = {}

    @property
    def token(self) -> str:
        """The one-time token that lets the next one in."""
        return self._token

    def rights(self, scope: Scope) -> Rights | None:
        """Return every right where there is a session, or the fixed token."""
        headers = Headers(scope=scope)
        if session_of(headers) in self._sessions:
            return Rights.ACT
        scheme, _, given = headers.get("authorization", "").partition(" ")
        known = scheme.lower() == "bearer" and self._is_fixed(given.strip())
        return Rights.ACT if known else None

    def enter(self, scope: Scope) -> ASGIApp | None:
        """Make a session of the token in the address, and go on to the page without it."""
        if scope["method"] != "GET":
            return None
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        given = query.pop(TOKEN, [""])[0]
        once = _same(given, self._token)
        if not once and not self._is_fixed(given):
            return None
        session = secrets.token_urlsafe(32)
        self._sessions[session] = None
        while len(self._sessions) > MOST_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        rest = urlencode(query, doseq=True)
        path = local_path(scope)
        response = RedirectResponse(f"{path}?{rest}" if rest else path, status_code=303)
        keep_session(response, scope, session)
        if once:
            self._token = secrets.token_urlsafe(32)
            self._used(self._token)
        return response

    def refuse(self, scope: Scope) -> ASGIApp:
        """Say where the address with the token is."""
        del scope
        return PlainTextResponse(
            "This dashboard opens with the address that `vidobs ui` printed in its terminal: it "
            "holds a token, which works once. Each time one is used, a new one is printed.\n"
            "Scripts: set VIDOBS_UI_TOKEN and send it as `Authorization: Bearer`.\n",
            status_code=401,
            headers={"www-authenticate": "Bearer"},
        )

    def _is_fixed(self, given: str) -> bool:
        return bool(self._fixed) and _same(given, self._fixed or "")


class Guarded:
    """An application behind a door.

    `hosts` are the names that a browser may know it by. `public` says whether the static files, in
    which there is nothing of anybody, are for everyone: a page to log in needs the style sheet.
    Without `hosts` any name will do: only for a door whose sessions are begun with a secret.
    """

    def __init__(
        self, app: ASGIApp, door: Door, *, hosts: Iterable[str] | None, public: bool = False
    ) -> None:
        self._app = app
        self._door = door
        named = () if hosts is None else hosts
        self._hosts = frozenset(host_name(_bracketed(host)) for host in named) - {""}
        self._any_host = hosts is None
        self._public = public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            # A copy, so that whoever called us does not see what the inside writes into it.
            await self._answered(dict(scope), receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _answered(self, scope: Scope, receive: Receive, send: Send) -> None:
        static = route_path(scope).startswith(STATIC)
        cached = "no-cache" if static else "no-store"  # `no-cache`: may be kept, is asked for

        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", cached)
            await send(message)

        app = self._answer(scope, static=static) or self._app
        await app(scope, receive, sealed)

    def _answer(self, scope: Scope, *, static: bool) -> ASGIApp | None:
        headers = Headers(scope=scope)
        wrong = self._wrong(scope, headers)
        if wrong is not None:
            return PlainTextResponse(wrong + "\n", status_code=403)
        entered = self._door.enter(scope)
        if entered is not None:
            return entered
        rights = self._door.rights(scope)
        scope[RIGHTS] = rights
        scope[LEAVES] = self._door.leaves
        if rights is not None or (self._public and static):
            return None
        if scope["method"] == "GET" and headers.get("sec-fetch-site", "none") not in _HERE:
            # The browser keeps the session to itself when another site leads here; asked once
            # more by this page, it brings the session along, if there is one.
            return HTMLResponse(_AGAIN, status_code=401)
        return self._door.refuse(scope)

    def _wrong(self, scope: Scope, headers: Headers) -> str | None:
        """Return what is wrong with where a request comes from."""
        host = headers.get("host", "").lower()
        name = host_name(host)
        if not (name in self._hosts or (self._any_host and name)):
            return (
                f"This server is not {host[:100]!r}. Open it by the address that it printed, or "
                "name the host with --allow-host."
            )
        origin = headers.get("origin")
        ours = (f"http://{host}", f"https://{host}")
        foreign = headers.get("sec-fetch-site", "none") not in _HERE
        if (origin is not None and origin.lower() not in ours) or (
            foreign and not _led_here(scope, headers)
        ):
            return "This request comes from another site."
        return None


def may_act(scope: Scope) -> bool:
    """Whether the sender of a request may use actions; without a door nobody may."""
    return scope.get(RIGHTS) is Rights.ACT


def may_leave(scope: Scope) -> bool:
    """Whether the sender of a request can log out."""
    return bool(scope.get(LEAVES))


def cookie_name(headers: Headers) -> str:
    """Return the name of the session's cookie on the port that a request came to."""
    found = _HOST.fullmatch(headers.get("host", "").lower())
    return f"{COOKIE}_{found[2]}" if found and found[2] else COOKIE


def session_of(headers: Headers) -> str | None:
    """Return the session that a request's cookie names."""
    return cookie_parser(headers.get("cookie", "")).get(cookie_name(headers)) or None


def keep_session(
    response: Response, scope: Scope, session: str, *, max_age_s: int | None = None
) -> None:
    """Have the browser keep a session, where no script and no other site can use it.

    Behind a proxy with TLS only the `Origin` of the form tells that the browser speaks https.
    """
    headers = Headers(scope=scope)
    from_tls = headers.get("origin", "").lower().startswith("https:")
    response.set_cookie(
        cookie_name(headers),
        session,
        max_age=max_age_s,
        path=scope.get("root_path") or "/",
        secure=from_tls or scope.get("scheme") == "https",
        httponly=True,
        samesite="strict",
    )


def host_name(host: str) -> str:
    """Return the name in a `Host` header, without its port; nothing where it is no such header.

    >>> host_name("LOCALHOST:8321"), host_name("[::1]:8321"), host_name("localhost:80@evil.example")
    ('localhost', '[::1]', '')
    """
    found = _HOST.fullmatch(host.strip().lower())
    return found[1] if found else ""


def route_path(scope: Scope) -> str:
    """Return the path of a request below the place where the dashboard is mounted."""
    path: str = scope["path"]
    root: str = scope.get("root_path") or ""
    return path[len(root) :] if path.startswith(f"{root}/") else path


def local_path(scope: Scope) -> str:
    """Return the path of a request as the browser has it, which never names another host."""
    path: str = scope["path"]
    return "/" + quote(path.lstrip("/\\"))


def _led_here(scope: Scope, headers: Headers) -> bool:
    """Whether a person was led here by another site's link: a whole page, not a part of theirs."""
    fetched = headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")
    return scope["method"] == "GET" and fetched == ("navigate", "document")


def _same(given: str, right: str) -> bool:
    return hmac.compare_digest(given.encode(), right.encode())


def _bracketed(host: str) -> str:
    return f"[{host}]" if host.count(":") > 1 and not host.startswith("[") else host
