"""Replay from the page of exporters: over real HTTP, with the form as the page has it."""

from contextlib import closing, contextmanager

import apsw
import httpx
import pytest
from boards_markup import Markup
from boards_of_exporters import ExporterLedger
from dashboard_kit import served

from vidobs.ledger.invariants import violations

LETTERS = "/exporters/replay/letters"
EVENTS = "/exporters/replay/events"


class Browser:
    """A session, and the forms of the page."""

    def __init__(self, server) -> None:
        self.root = server.root_url
        self.client = httpx.Client(base_url=server.root_url, timeout=30)
        assert self.client.get(server.url).status_code == 303

    def forms(self, action):
        """Return the fields of every form that is sent to an address."""
        return Markup(self.client.get("/exporters").text).forms_to(action)

    def send(self, action, fields, **headers):
        """Send a form as a browser does; nothing is followed."""
        kept = {key: value for key, value in fields.items() if value is not None}
        return self.client.post(action, data=kept, headers={"origin": self.root, **headers})


@contextmanager
def browser_of(ledger, **options):
    """Open the dashboard of a ledger in a session."""
    with served(ledger.path, **options) as server:
        browser = Browser(server)
        with closing(browser.client):
            yield browser


@pytest.fixture(scope="module")
def open_ledger(tmp_path_factory):
    """Three jobs, and a dashboard where actions are allowed; after the tests it must be sound."""
    made = ExporterLedger(tmp_path_factory.mktemp("actions") / "ledger.db")
    made.stand("webhook")
    made.stand("jsonl")
    with browser_of(made, allow_actions=True) as browser:
        yield made, browser
    assert violations(made.path) == ()


@pytest.fixture
def ledger(open_ledger):
    """The ledger: `webhook` refused two events, nothing is asked for."""
    made, _ = open_ledger
    made.sql("DELETE FROM replay")
    made.sql("DELETE FROM dead_letter")
    made.bury("webhook", 2, 4)
    return made


@pytest.fixture
def browser(ledger, open_ledger):
    """A session where actions are allowed."""
    del ledger
    return open_ledger[1]


def test_one_dead_letter_is_sent_once_more(ledger, browser):
    """The form of its row asks for it and for no other; a reload asks for nothing."""
    one, *_ = [form for form in browser.forms(LETTERS) if "event_id" in form]
    assert one["event_id"] == ledger.id_of(4), "the newest stands first"

    answer = browser.send(LETTERS, one)
    page = browser.client.get(answer.headers["location"])

    assert (answer.status_code, page.status_code) == (303, 200)
    assert "1 event will be delivered to webhook once more" in page.text
    assert (ledger.asked, ledger.letters) == ([("webhook", 4)], [("webhook", 2)])
    browser.client.get(answer.headers["location"])
    assert ledger.asked == [("webhook", 4)]


def test_all_dead_letters_of_an_exporter(ledger, browser):
    """The form of its card has no event."""
    ledger.bury("jsonl", 6)
    (form,) = [
        form
        for form in browser.forms(LETTERS)
        if "event_id" not in form and form["exporter"] == "webhook"
    ]

    assert browser.send(LETTERS, form).headers["location"] == "/exporters?to=webhook&asked=2"
    assert (ledger.asked, ledger.letters) == ([("webhook", 2), ("webhook", 4)], [("jsonl", 6)])


def test_a_letter_that_is_gone_already(ledger, browser):
    """Sent twice, by somebody else meanwhile: it is said that there was nothing to do."""
    form = browser.forms(LETTERS)[-1]
    ledger.sql("DELETE FROM dead_letter")

    page = browser.client.get(browser.send(LETTERS, form).headers["location"])

    assert "There was nothing to send to webhook once more" in page.text
    assert ledger.asked == []


def test_events_of_a_time_are_sent_once_more(ledger, browser):
    """Those that were for it, from then on; and every one where that is asked."""
    form = next(form for form in browser.forms(EVENTS) if form["exporter"] == "webhook")
    assert sorted(form) == ["csrf", "every", "exporter", "since", "until"]
    del form["every"], form["until"]
    early = {**form, "since": "2026-11-20T00:00"}
    ledger.sql("UPDATE event SET route = 'jsonl' WHERE seq = 1")
    assert ledger.letters == [("webhook", 2), ("webhook", 4)]

    none = browser.send(EVENTS, {**early, "until": "2026-11-20T01:00"})
    assert none.headers["location"] == "/exporters?to=webhook&asked=0"
    assert browser.send(EVENTS, early).headers["location"] == "/exporters?to=webhook&asked=5"
    assert [place for _, place in ledger.asked] == [2, 3, 4, 5, 6]
    every = browser.send(EVENTS, {**early, "every": "yes"})
    assert every.headers["location"] == "/exporters?to=webhook&asked=6"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"exporter": "other"}, "unknown exporter"),
        ({"exporter": "<script>"}, "unknown exporter"),
        ({"since": ""}, "since: say"),
        ({"since": "yesterday"}, "is no time"),
        ({"since": "9" * 5000}, "is no time"),
        ({"since": "2026-11-20T10:00", "until": "2026-11-20T09:00"}, "is not after since"),
        ({"until": "9999-12-31T23:59:59-23:59"}, "is no time"),
    ],
)
def test_forms_that_make_no_sense(ledger, browser, change, said):
    """They are answered with what is wrong, and nothing is asked for."""
    form = browser.forms(EVENTS)[-1] | {"every": None} | change

    answer = browser.send(EVENTS, form)

    assert answer.status_code == 400
    assert said in Markup(answer.text).text
    assert ledger.asked == []


@pytest.mark.parametrize(
    "forged",
    [
        {"fields": {"csrf": None}},
        {"fields": {"csrf": "0" * 64}},
        {"fields": {"csrf": "ü"}},
        {"headers": {"origin": "https://evil.example"}},
        {"headers": {"origin": "null"}},
        {"headers": {"origin": ""}},
        {"headers": {"sec-fetch-site": "cross-site"}},
        {"headers": {"sec-fetch-site": "same-site"}},
    ],
)
def test_a_forged_form_does_nothing(ledger, browser, forged):
    """Without the token of this session, or from another page: 403, and the ledger is as it was."""
    form = browser.forms(LETTERS)[0] | forged.get("fields", {})

    assert browser.send(LETTERS, form, **forged.get("headers", {})).status_code == 403
    assert ledger.asked == []


def test_the_token_of_another_session_does_not_fit(ledger):
    """Even of somebody who is in."""
    with served(ledger.path, allow_actions=True) as server:
        one, other = Browser(server), Browser(server)
        with closing(one.client), closing(other.client):
            form = one.forms(LETTERS)[0]
            assert other.send(LETTERS, form).status_code == 403
            assert one.send(LETTERS, form).status_code == 303


def test_what_is_no_form_is_refused(ledger, browser):
    """Other kinds of content, and more than a form ever has."""
    form = browser.forms(LETTERS)[0]
    origin = {"origin": browser.root}
    kind = {"content-type": "application/x-www-form-urlencoded"}
    answers = [
        browser.client.post(LETTERS, json=form, headers=origin),
        browser.client.post(LETTERS, files={"a": b"b"}, headers=origin),
        browser.client.post(LETTERS, content=b"a=" + b"b" * 50_000, headers=origin | kind),
        browser.client.post(LETTERS, content=b"&".join([b"a=b"] * 99), headers=origin | kind),
        browser.client.post(LETTERS, content=b"a=\xff\xfe", headers=origin | kind),
    ]

    assert [answer.status_code for answer in answers] == [400] * 5
    assert browser.client.get(LETTERS).status_code == 405
    assert ledger.asked == []


def test_without_the_option_there_are_commands_instead(ledger):
    """No form, no way around it, and no write to the ledger's file."""
    with browser_of(ledger) as browser:
        page = browser.client.get("/exporters").text
        assert browser.forms(LETTERS) == browser.forms(EVENTS) == []
        assert "vidobs replay --exporter webhook --since 24h" in page
        assert "vidobs dead replay --exporter webhook" in page
        answer = browser.send(LETTERS, {"exporter": "webhook"})
    assert answer.status_code == 403
    assert "--allow-actions" in answer.text
    assert ledger.asked == []


@pytest.mark.slow
def test_a_busy_ledger_is_waited_for_and_then_said_so(ledger, browser):
    """Nobody loses anything: the form can be sent again."""
    form = browser.forms(LETTERS)[0]
    other = apsw.Connection(ledger.path)
    other.execute("BEGIN IMMEDIATE")
    answer = browser.send(LETTERS, form)
    other.execute("ROLLBACK")
    other.close()

    assert answer.status_code == 503
    assert browser.send(LETTERS, form).status_code == 303
