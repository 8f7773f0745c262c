"""The dashboard in a real browser, with hostile jobs in it and a hostile page beside it."""

import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from boards_site import Site
from dashboard_kit import chromium, visit

pytestmark = pytest.mark.real

ATTACK = """<!doctype html><title>Win a prize</title><body>
<form id="form" method="post" action="{root}/exporters/replay/letters" target="frame">
<input name="exporter" value="{exporter}"></form>
<iframe name="frame" id="frame" src="{root}/exporters"></iframe>
<img id="image" src="{root}/static/icon.svg">
<script>
window.results = {{}};
const keep = (name, value) => {{ window.results[name] = value; }};
document.getElementById("image").onload = () => keep("image", "shown");
document.getElementById("image").onerror = () => keep("image", "refused");
const read = (name, made) => made.then(
  (answer) => answer.text().then((text) => keep(name, text.slice(0, 40) || answer.type)),
  () => keep(name, "refused"));
read("fetch", fetch("{root}/api/jobs", {{ credentials: "include" }}));
read("post", fetch("{root}/exporters/replay/letters", {{ method: "POST", credentials: "include",
  body: new URLSearchParams({{ exporter: "{exporter}" }}) }}));
read("blind", fetch("{root}/api/jobs", {{ credentials: "include", mode: "no-cors" }}));
const stream = new EventSource("{root}/api/live", {{ withCredentials: true }});
stream.onmessage = stream.onopen = () => keep("stream", "open");
stream.onerror = () => {{ keep("stream", "refused"); stream.close(); }};
document.getElementById("form").submit();
</script>"""


@pytest.fixture(scope="module")
def browser():
    """Start a browser."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A dashboard over jobs whose every text is markup."""
    folder = tmp_path_factory.mktemp("foreign")
    with Site.open(folder, now=datetime.now(UTC), allow_actions=True) as made:
        yield made


@contextmanager
def evil(site):
    """Serve a hostile page on another port of this machine, to which cookies go as well."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            text = ATTACK.format(root=site.root, exporter="<blink>webhook</blink>")
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_no_page_runs_what_a_job_says_nor_asks_anybody_else(browser, site):
    """No dialog, no violation of the policy, no failed and no foreign request, on any page."""
    asked, failed, dialogs = [], [], []
    for dark in (False, True):
        with visit(browser, site.server, dark=dark) as page:
            page.on("request", lambda one: asked.append(one.url))
            page.on("response", lambda one: failed.append(one.url) if one.status >= 400 else None)
            page.on("dialog", lambda one: (dialogs.append(one.message), one.dismiss()))
            for path in site.pages:
                page.goto(site.root + path, wait_until="load")
                page.wait_for_function("document.readyState === 'complete'")
                assert page.locator("h1").count() == 1
                assert page.locator("marquee, blink, font, center").count() == 0
            assert page.problems == []
    assert dialogs == failed == []
    assert [url for url in asked if not url.startswith(f"{site.root}/")] == []


def test_a_hostile_page_on_this_machine_gets_nothing(browser, site):
    """Another port is the same site for cookies: everything that it tries is refused."""
    with evil(site) as address, visit(browser, site.server) as page:
        page.goto(site.root + "/exporters")
        assert page.locator("h1").inner_text() == "Exporters"
        page.goto(address)
        page.wait_for_function("Object.keys(window.results).length >= 5")
        results = page.evaluate("window.results")
        assert results.pop("blind") in ("refused", "opaque")
        assert set(results.values()) == {"refused"}, results
        assert "Exporters" not in page.frame_locator("#frame").locator("body").inner_text()
    letters = site.client.get("/api/exporters").json()
    assert (letters["dead_letters"], letters["rows"][0]["exporter"]["asked_again"]) == (1, 0)


def test_a_link_from_elsewhere_leads_to_the_page(browser, site):
    """A person who is in stays in, although the cookie does not come along at first."""
    with visit(browser, site.server) as page:
        page.route("https://chat.example/**", lambda route: route.fulfill(
            content_type="text/html", body=f'<a href="{site.root}/failures">look</a>'
        ))  # fmt: skip
        page.goto("https://chat.example/")
        page.click("a")
        page.wait_for_url(f"{site.root}/failures")
        page.wait_for_selector("h1")
        assert page.locator("h1").inner_text() == "Failures"
