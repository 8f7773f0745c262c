"""Who may look: the door, the session, and which other sites are kept out. No server, no ledger."""

import asyncio
import re

import httpx
import pytest
from starlette.responses import PlainTextResponse

from vidobs.dashboard.access import (
    HEADERS,
    RIGHTS,
    Guarded,
    Rights,
    TokenDoor,
    host_name,
    local_path,
)

HERE = "http://127.0.0.1:8321"
FIXED = "a-fixed-token-of-some-length"
LED = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}


async def inside(scope, receive, send):
    """Say what somebody who was let in may do."""
    await PlainTextResponse(f"in {scope[RIGHTS]}")(scope, receive, send)


class Visitor:
    """A browser before a door: it keeps cookies, and sends what it is told."""

    def __init__(self, door=None, *, base=HERE, hosts=("127.0.0.1", "localhost"), **options):
        self.used = []
        self.door = door or TokenDoor(used=self.used.append)
        self._app = Guarded(inside, self.door, hosts=hosts, **options)
        self._base = base
        self.cookies = httpx.Cookies()

    def ask(self, path="/", *, method="GET", root="", **headers):
        """Send one request; nothing is followed."""

        async def send():
            transport = httpx.ASGITransport(self._app, root_path=root)
            async with httpx.AsyncClient(
                transport=transport, base_url=self._base, cookies=self.cookies
            ) as client:
                answer = await client.request(
                    method, path, headers={k.replace("_", "-"): v for k, v in headers.items()}
                )
                self.cookies = client.cookies
                return answer

        return asyncio.run(send())

    def enter(self):
        """Come in by the token."""
        answer = self.ask(f"/?token={self.door.token}")
        assert answer.status_code == 303
        return answer


@pytest.fixture
def visitor():
    """Somebody who is not in yet."""
    return Visitor()


def test_a_token_becomes_a_session_and_leaves_the_address(visitor):
    """The token is gone from the address, the rest of it stays."""
    answer = visitor.ask(f"/jobs?state=failed&token={visitor.door.token}&q=a+b")

    assert answer.status_code == 303
    assert answer.headers["location"] == "/jobs?state=failed&q=a+b"
    assert visitor.ask("/jobs").text == "in act"


def test_the_cookie_is_kept_from_scripts_and_other_sites(visitor):
    """It is HttpOnly and SameSite=Strict, of its port, and over https only where there is https."""
    said = visitor.enter().headers["set-cookie"]
    over_tls = Visitor(base="https://127.0.0.1:8321").enter().headers["set-cookie"]

    name, *flags = [part.strip().lower() for part in said.split(";")]
    assert re.fullmatch(r"vidobs_session_8321=[\w-]{43}", name)
    assert sorted(flags) == ["httponly", "path=/", "samesite=strict"]
    assert "; Secure" in over_tls


def test_two_dashboards_on_one_machine_keep_their_sessions_apart():
    """Cookies know no ports: each port has a name of its own for the session."""
    one, other = Visitor(), Visitor(base="http://127.0.0.1:9999")
    one.enter()
    other.cookies = one.cookies
    other.enter()
    one.cookies = other.cookies

    assert one.ask().text == other.ask().text == "in act"


def test_a_token_works_once(visitor):
    """A second browser with the same address stays outside; a new token was told of."""
    first = visitor.door.token
    visitor.enter()
    visitor.cookies = httpx.Cookies()

    assert visitor.ask(f"/?token={first}").status_code == 401
    assert visitor.used == [visitor.door.token]
    assert visitor.door.token != first
    visitor.enter()


def test_only_a_get_uses_the_token_up(visitor):
    """Whoever looks at a link with HEAD, or posts to it, leaves it as it is."""
    token = visitor.door.token

    assert visitor.ask(f"/?token={token}", method="HEAD").status_code == 401
    assert visitor.ask(f"/?token={token}", method="POST").status_code == 401
    assert visitor.door.token == token


@pytest.mark.parametrize("given", ["", "wrong", "%00", "%ff%fe", "ü", "x" * 4000, "=", "a&token=b"])
def test_a_wrong_token_stays_outside(visitor, given):
    """Whatever it is."""
    answer = visitor.ask(f"/?token={given}")

    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers


def test_a_fixed_token_works_again_and_as_bearer():
    """For scripts and scrapers; a one-time token is no bearer token."""
    visitor = Visitor(TokenDoor(fixed=FIXED))
    for _ in range(2):
        visitor.cookies = httpx.Cookies()
        assert visitor.ask(f"/?token={FIXED}").status_code == 303
    assert visitor.ask().text == "in act"
    visitor.cookies = httpx.Cookies()

    assert visitor.ask(authorization=f"Bearer {FIXED}").text == "in act"
    assert visitor.ask(authorization=f"bearer  {FIXED} ").text == "in act"
    once = f"Bearer {visitor.door.token}"
    for wrong in (f"Basic {FIXED}", FIXED, f"Bearer {FIXED}x", "Bearer", "Bearer ü", "", once):
        assert visitor.ask(authorization=wrong.encode("latin-1")).status_code == 401
    nobody = Visitor()
    for empty in ("Bearer", "Bearer ", f"Bearer {nobody.door.token}"):
        assert nobody.ask(authorization=empty).status_code == 401


def test_a_browser_is_never_opened_with_the_fixed_token(visitor):
    """What a program is started with can be read by others: the address of a browser works once."""
    fixed = Visitor(TokenDoor(fixed=FIXED))
    first = fixed.door.token
    fixed.enter()
    fixed.cookies = httpx.Cookies()

    assert FIXED not in first
    assert fixed.ask(f"/?token={first}").status_code == 401
    assert fixed.ask(f"/?token={FIXED}").status_code == 303
    assert visitor.ask(f"/?token={FIXED}").status_code == 401


def test_there_are_never_more_than_a_hundred_sessions(visitor):
    """The oldest ends, so that memory does not grow."""
    visitor.enter()
    first = visitor.cookies
    for _ in range(100):
        visitor.cookies = httpx.Cookies()
        visitor.enter()

    assert visitor.ask().status_code == 200
    visitor.cookies = first
    assert visitor.ask().status_code == 401


def test_cookies_of_other_programs_do_not_lock_anybody_out(visitor):
    """Other programs on this machine share the jar, whatever they put into it."""
    visitor.enter()
    (ours,) = visitor.cookies.items()
    visitor.cookies = httpx.Cookies()
    cookie = f'theirs={{"a": [1, 2]}}; b@d name="x; {ours[0]}={ours[1]}; last'

    assert visitor.ask(cookie=cookie).text == "in act"


@pytest.mark.parametrize("path", ["//evil.example", "/\\evil.example", "/%2F%2Fevil.example"])
def test_no_address_with_a_token_leads_elsewhere(visitor, path):
    """The redirect stays on this host, also where the path looks like a host."""
    scope = {"path": path.replace("%2F", "/")}

    assert local_path(scope) == "/evil.example"
    answer = visitor.ask(f"{HERE}{path}?token={visitor.door.token}")
    assert answer.headers["location"] == "/evil.example"


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "evil.example:8321", "localhost:80@evil.example",
     "localhost.", "", "localhost:x", "[::1", "localhost/evil"],
)  # fmt: skip
def test_another_host_is_refused(visitor, host):
    """A name that was pointed at this machine (DNS rebinding) is not this server."""
    visitor.enter()
    answer = visitor.ask(host=host)

    assert answer.status_code == 403
    assert "--allow-host" in answer.text


def test_hosts_that_were_named_are_ours():
    """With and without a port, and as an address of IPv6 without its brackets."""
    for host in ("dash.example", "DASH.example:443", "[fd00::1]:8321"):
        visitor = Visitor(hosts=("Dash.Example", "fd00::1"))
        assert visitor.ask(host=host).status_code == 401
    assert host_name("[fd00::1]:8321") == "[fd00::1]"


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://localhost:8321", "http://127.0.0.1:3000", "http://[",
     "127.0.0.1:8321", "http://127.0.0.1:8321.evil.example", "http://a@127.0.0.1:8321"],
)  # fmt: skip
def test_another_origin_is_refused(visitor, origin, method):
    """Another site, another port of this machine, and what is no origin at all."""
    visitor.enter()

    assert visitor.ask(method=method, origin=origin).status_code == 403


def test_our_own_origin_is_let_through(visitor):
    """Over http and, behind a proxy with TLS, over https."""
    visitor.enter()

    for origin in (HERE, HERE.upper(), HERE.replace("http:", "https:")):
        assert visitor.ask(method="POST", origin=origin).status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_foreign_page_can_neither_post_nor_load_nor_frame(visitor, site):
    """`same-site` is another port of this machine, to which the browser sends our cookie too."""
    visitor.enter()

    for method in ("POST", "PUT", "DELETE"):
        assert visitor.ask(method=method, sec_fetch_site=site, **_with(LED)).status_code == 403
    for dest in ("image", "script", "video", "iframe", "empty"):
        mode = {"sec-fetch-mode": "navigate" if dest == "iframe" else "no-cors"}
        led = _with({**mode, "sec-fetch-dest": dest})
        assert visitor.ask(sec_fetch_site=site, **led).status_code == 403


def test_a_link_from_elsewhere_opens_a_page_of_who_is_in(visitor):
    """The browser holds the strict cookie back once; the page asks again from here."""
    stranger = visitor.ask("/jobs/x", sec_fetch_site="cross-site", **_with(LED))
    visitor.enter()
    known = visitor.ask("/jobs/x", sec_fetch_site="cross-site", **_with(LED))

    assert stranger.status_code == 401
    assert 'http-equiv="refresh"' in stranger.text
    assert known.text == "in act"
    assert "refresh" not in Visitor().ask("/jobs/x", sec_fetch_site="same-origin").text


def test_every_answer_of_the_door_has_the_headers(visitor):
    """Refused, redirected or let through."""
    answers = [visitor.ask(), visitor.ask(host="evil.example"), visitor.enter(), visitor.ask()]

    assert [answer.status_code for answer in answers] == [401, 403, 303, 200]
    for answer in answers:
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
        assert answer.headers["cache-control"] == "no-store"


def test_static_files_are_public_only_where_that_was_said():
    """A page to log in needs the style sheet; nothing beside the static files is open with it."""
    closed, public = Visitor(), Visitor(public=True)

    assert closed.ask("/static/style.css").status_code == 401
    assert public.ask("/static/style.css").text == "in None"
    assert public.ask("/static/style.css").headers["cache-control"] == "no-cache"
    assert public.ask("/ui/static/style.css", root="/ui").text == "in None"
    for path in ("/static", "/jobs", "/api/static/x", "/ui/static/style.css", "/staticx/"):
        assert public.ask(path).status_code == 401


def test_what_is_no_http_is_closed():
    """A WebSocket is refused instead of being left to hang."""
    sent = []

    async def send(message):
        sent.append(message)

    guarded = Guarded(inside, TokenDoor(), hosts=("localhost",))
    asyncio.run(guarded({"type": "websocket"}, None, send))

    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_rights_of_a_mounted_dashboard_do_not_leak_into_the_scope_of_its_host():
    """Whoever mounts it hands in a scope, and finds it as it was."""
    scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"host", b"localhost")]}

    async def quiet(_message):
        return

    asyncio.run(Guarded(inside, TokenDoor(), hosts=("localhost",))(scope, None, quiet))

    assert RIGHTS not in scope
    assert str(Rights.ACT) == "act"


def _with(headers):
    return {name.replace("-", "_"): value for name, value in headers.items()}
