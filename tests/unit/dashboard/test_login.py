"""The door of a mounted dashboard: keys, sessions, tries, and what a viewer may do."""

import asyncio
import re
from datetime import UTC, datetime

import httpx
import pytest
from boards_of_exporters import ExporterLedger

from vidobs import config
from vidobs.dashboard.access import Guarded, Rights
from vidobs.dashboard.desk import Desk
from vidobs.dashboard.index import Index
from vidobs.dashboard.login import (
    LASTS_S,
    MOST_BEARERS,
    MOST_TRIES,
    TRIES_S,
    KeyDoor,
    Tries,
    mounted,
)

BASE = "https://gateway.example"
KEYS = {"sk-master": Rights.ACT, "sk-viewer": Rights.LOOK}


class Mounted:
    """A server that has the dashboard at /ui, and a browser in front of it."""

    visitors = 0

    def __init__(self, path, folder, **options) -> None:
        self.keys = dict(KEYS)
        self.index = Index(str(path), folder=folder)
        self.index.catch_up()
        desk = Desk(
            ledger=str(path),
            index=self.index,
            settings=config.load({}).settings,
            now=lambda: datetime.now(UTC),
            allow_actions=True,
        )
        self.app = mounted(desk, self.keys.get, **options)
        self.cookies = httpx.Cookies()

    def ask(self, path, *, method="GET", base=BASE, client=None, data=None, **headers):
        """Send one request; nothing is followed."""
        client = client or (f"10.0.1.{self.visitors}", 5)

        async def send():
            transport = httpx.ASGITransport(self.app, client=client)
            async with httpx.AsyncClient(
                transport=transport, base_url=base, cookies=self.cookies
            ) as browser:
                answer = await browser.request(method, path, data=data, headers=headers)
                self.cookies = browser.cookies
                return answer

        return asyncio.run(send())

    def log_in(self, key="sk-master", to="", **options):
        """Send the form."""
        return self.ask("/ui/login", method="POST", data={"key": key, "next": to}, **options)


@pytest.fixture(scope="module")
def one_server(tmp_path_factory):
    """A server without a past."""
    folder = tmp_path_factory.mktemp("login")
    made = Mounted(folder / "none.db", folder / "cache")
    yield made
    made.index.close()


@pytest.fixture
def server(one_server):
    """The server, before a browser that is new to it, at an address of its own."""
    one_server.cookies = httpx.Cookies()
    one_server.keys.update(KEYS)
    one_server.visitors += 1
    return one_server


def test_a_key_becomes_a_session(server):
    """Whoever comes to a page is asked for a key, and led back to it."""
    first = server.ask("/ui/exporters?exporter=a%20b")
    form = server.ask(first.headers["location"])
    (to,) = re.findall(r'name="next" value="([^"]+)"', form.text)
    answer = server.log_in(to=to)

    assert first.status_code == answer.status_code == 303
    assert first.headers["location"].startswith("/ui/login?next=%2Fui%2Fexporters")
    assert answer.headers["location"] == "/ui/exporters?exporter=a%20b"
    cookie = answer.headers["set-cookie"].lower()
    for flag in ("; httponly", "; samesite=strict", "; secure", "; path=/ui", f"max-age={LASTS_S}"):
        assert flag in cookie
    assert "sk-master" not in cookie
    assert server.ask("/ui/exporters").status_code == 200


def test_plain_http_has_no_secure_cookie(server):
    """The browser would not send it; behind a proxy with TLS the form's origin tells of that."""
    base = "http://gateway.example"
    assert "Secure" not in server.log_in(base=base, origin=base).headers["set-cookie"]
    proxied = server.log_in(base=base, origin="https://gateway.example")
    assert "; Secure" in proxied.headers["set-cookie"]


def test_links_stay_where_it_is_mounted(server):
    """Every address in a page begins with where it is mounted, and so do redirects."""
    server.log_in()
    page = server.ask("/ui/exporters").text

    links = re.findall(r'(?:href|src|action)="(/[^"]*)"', page)
    assert len(links) > 5
    assert [link for link in links if not link.startswith("/ui/")] == []
    assert server.ask("/ui").headers["location"] == "/ui/"


def test_programs_are_told_how_and_use_a_header(server):
    """They get no form; each key does."""
    for path in ("/ui/api/exporters", "/ui/metrics", "/ui/media/job_1/video.mp4"):
        answer = server.ask(path)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    for key in KEYS:
        assert server.ask("/ui/api/exporters", authorization=f"Bearer {key}").status_code == 200
    for wrong in ("sk-other", "", "x" * 9000):
        asked = server.ask("/ui/api/exporters", authorization=f"Bearer {wrong}")
        assert asked.status_code == 401


@pytest.mark.parametrize("key", ["", "sk-other", "sk-mastex", "ü", "x" * 9000, "\0"])
def test_a_wrong_key_stays_outside(server, key):
    """The form comes again, and does not repeat the key."""
    answer = server.log_in(key, to="/ui/costs")

    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert "not known here" in answer.text
    assert 'value="/ui/costs"' in answer.text
    assert "sk-mastex" not in answer.text


@pytest.mark.parametrize(
    "to",
    ["https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "/login",
     "/ui/login", "javascript:alert(1)", "/uix/", "/\t/evil.example", "/ui\r\nset-cookie: a=b"],
)  # fmt: skip
def test_the_form_leads_nowhere_else(server, to):
    """Whatever the address says, it leads into this dashboard."""
    assert server.log_in(to=to).headers["location"] == "/ui/"
    known = server.ask("/ui/login")
    assert known.headers["location"] == "/ui/"


def test_tries_are_limited_by_address(server):
    """Ten wrong keys, then even the right one waits; somebody else does not."""
    for _ in range(MOST_TRIES):
        assert server.log_in("wrong").status_code == 401
    answer = server.log_in()

    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= TRIES_S + 1
    assert server.log_in(client=("10.0.0.2", 5)).status_code == 303


def test_tries_in_headers_are_limited_too(server):
    """Or the form's limit would be no limit; whoever has a session goes on."""
    server.log_in()
    session, server.cookies = server.cookies, httpx.Cookies()
    for _ in range(MOST_BEARERS):
        server.ask("/ui/api/exporters", authorization="Bearer wrong")

    right = {"authorization": "Bearer sk-master"}
    assert server.ask("/ui/api/exporters", **right).status_code == 401
    other = ("10.0.0.2", 5)
    assert server.ask("/ui/api/exporters", client=other, **right).status_code == 200
    server.cookies = session
    assert server.ask("/ui/api/exporters").status_code == 200


def test_tries_are_forgotten_after_a_minute():
    """And of too many addresses the first ones."""
    now = [0.0]
    tries = Tries(now_s=lambda: now[0])
    for _ in range(MOST_TRIES):
        tries.failed("a")
    assert tries.wait_s("a") == TRIES_S
    now[0] = TRIES_S
    assert tries.wait_s("a") == 0
    for _ in range(MOST_TRIES):
        tries.failed("b")
    for number in range(1000):
        tries.failed(str(number))
    assert tries.wait_s("b") == 0


def test_logging_out_ends_the_session(server):
    """At the server too: the old cookie is worth nothing."""
    server.log_in()
    kept = httpx.Cookies(server.cookies)
    assert "Log out" in server.ask("/ui/exporters").text
    answer = server.ask("/ui/logout", method="POST", origin=BASE)
    server.cookies = kept

    assert answer.headers["location"] == "/ui/login"
    assert server.ask("/ui/api/exporters").status_code == 401
    assert server.ask("/ui/logout").status_code == 405


def test_another_site_can_neither_log_in_nor_out(server):
    """Its forms are refused before they are read."""
    evil = {"origin": "https://evil.example"}
    assert server.log_in(**evil).status_code == 403
    server.log_in()
    assert server.ask("/ui/logout", method="POST", **evil).status_code == 403
    assert server.ask("/ui/api/exporters").status_code == 200


def test_a_session_ends_with_its_key(server):
    """One that is blocked is out at the next request."""
    server.log_in()
    del server.keys["sk-master"]

    assert server.ask("/ui/api/exporters").status_code == 401


def test_a_session_ends_after_hours():
    """Whoever leaves a browser open is asked again the next day."""
    now = [0.0]
    door = KeyDoor(KEYS.get, now_s=lambda: now[0])
    server = Mounted.__new__(Mounted)
    server.cookies = httpx.Cookies()

    server.app = _at_ui(Guarded(_inside, door, hosts=None, public=True))
    server.log_in()
    assert server.ask("/ui/api/x").status_code == 200
    now[0] = LASTS_S
    assert server.ask("/ui/api/x").status_code == 401


async def _inside(scope, receive, send):
    """Answer that somebody is in."""
    del scope, receive
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"in"})


def _at_ui(app):
    async def at_ui(scope, receive, send):
        await app({**scope, "root_path": "/ui"}, receive, send)

    return at_ui


def test_a_viewer_looks_and_does_nothing(tmp_path):
    """No buttons, and no way around them; the master key has both."""
    ledger = ExporterLedger(tmp_path / "ledger.db")
    ledger.stand("webhook")
    ledger.bury("webhook", 2)
    server = Mounted(ledger.path, tmp_path / "cache")
    buttons = {}
    for key in KEYS:
        server.cookies = httpx.Cookies()
        server.log_in(key)
        page = server.ask("/ui/exporters").text
        buttons[key] = "/ui/exporters/replay/letters" in page
    csrf = "0" * 64
    form = {"exporter": "webhook", "csrf": csrf}
    answer = server.ask("/ui/exporters/replay/letters", method="POST", data=form, origin=BASE)
    server.index.close()

    assert buttons == {"sk-master": True, "sk-viewer": False}
    assert answer.status_code == 403
    assert "You may look, and do nothing." in answer.text
    assert ledger.asked == []
