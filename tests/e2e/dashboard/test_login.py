"""Logging in to a mounted dashboard in a real browser: with scripts and without."""

import socket
import threading
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from boards_of_exporters import ExporterLedger
from dashboard_kit import DESKTOP, PHONE, chromium

from vidobs import config
from vidobs.dashboard.access import Rights
from vidobs.dashboard.desk import Desk
from vidobs.dashboard.index import Index
from vidobs.dashboard.login import mounted

pytestmark = pytest.mark.real
KEYS = {"sk-master": Rights.ACT, "sk-viewer": Rights.LOOK}


@pytest.fixture(scope="module")
def browser():
    """Start a browser."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Serve a dashboard at /ui, as a gateway does; yields its address."""
    folder = tmp_path_factory.mktemp("login")
    ledger = ExporterLedger(folder / "ledger.db", now=datetime.now(UTC))
    ledger.stand("webhook")
    ledger.bury("webhook", 2)
    with Index(ledger.path, folder=folder / "cache") as index:
        desk = Desk(
            ledger=ledger.path,
            index=index,
            settings=config.load({}).settings,
            now=lambda: datetime.now(UTC),
            allow_actions=True,
        )
        with running(mounted(desk, KEYS.get)) as address:
            yield f"{address}/ui"


@contextmanager
def running(app):
    """Serve an application from a thread."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


@contextmanager
def visitor(browser, **options):
    """Open a page that keeps what went wrong."""
    context = browser.new_context(**options)
    page = context.new_page()
    page.problems = []
    page.on("console", lambda one: page.problems.append(one.text) if one.type == "error" else None)
    try:
        yield page
    finally:
        context.close()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_in_and_out(browser, root, scripts):
    """To the page that was asked for, to others, with styles; and out again for good."""
    with visitor(browser, java_script_enabled=scripts) as page:
        page.goto(root + "/failures?window=7d")
        assert page.inner_text("h1") == "Log in"
        page.fill("#key", "sk-viewer")
        page.keyboard.press("Enter")
        page.wait_for_url(root + "/failures?window=7d")
        page.click("nav.menu >> text=Exporters")
        assert page.inner_text("h1") == "Exporters"
        assert page.locator("text=Send again").count() == 0
        page.click("text=Log out")
        page.wait_for_url(root + "/login")
        page.goto(root + "/exporters")
        assert page.inner_text("h1") == "Log in"
        assert page.problems == []


def test_whoever_has_the_master_key_acts(browser, root):
    """The form of a mounted page works: its address, its token, its origin."""
    with visitor(browser) as page:
        page.goto(root + "/exporters")
        page.fill("#key", "sk-master")
        page.click("button.primary")
        page.click("text=Send again")
        assert "1 event will be delivered to webhook" in page.inner_text("[role=status].good")
        assert page.problems == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_everybody_can_read_it(browser, root, viewport, dark):
    """Axe finds nothing serious, also where the key was wrong, and the styles are there."""
    scheme = "dark" if dark else "light"
    with visitor(browser, viewport=viewport, color_scheme=scheme) as page:
        page.goto(root + "/login")
        page.fill("#key", "sk-wrong")
        page.click("button.primary")
        assert "not known here" in page.inner_text("[role=alert]")
        assert page.input_value("#key") == ""
        assert page.evaluate("getComputedStyle(document.querySelector('.card')).display") == "grid"
        found = Axe().run(page).response["violations"]
        assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []
