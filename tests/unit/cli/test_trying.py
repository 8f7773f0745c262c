"""`vidobs doctor` and `vidobs webhook test` send one made-up event, and say what was answered."""

import json
import threading

import pytest
from sink_kit import Sink

from vidobs.cli.trying import Tried, try_all
from vidobs.core.errors import ExportError

SECRET = "whsec_" + "c2VjcmV0LWNhbmFyeS1vZi1hLXdlYmhvb2s="  # a canary


@pytest.fixture
def sink():
    """Listen for webhooks."""
    with Sink() as sink:
        yield sink


@pytest.fixture
def settings(folder):
    """Write a vidobs.yaml; its ledger is in the folder."""

    def write(text):
        (folder / "vidobs.yaml").write_text(f"ledger: sqlite:///ledger.db\n{text}")

    return write


def webhook(sink, name="webhook"):
    """Set up a webhook to the sink."""
    return f"{name}: {{url: '{sink.url}/hook', allow_private: true}}"


@pytest.fixture
def doctor(run):
    """Run the doctor; return its exit code, and what it found of exporters."""

    def findings(*args):
        ran = run("doctor", "--json", *args)
        found = {one["name"]: (one["verdict"], one["says"]) for one in ran.json["findings"]}
        return ran.code, {
            name.removeprefix("exporter "): found[name] for name in found if "exporter " in name
        }

    return findings


def test_the_doctor_tries_each_exporter(doctor, settings, sink, folder):
    """Each gets the same event, marked as a test, and its receiver's words are shown."""
    settings(
        f"callbacks: [webhook, webhook/second, jsonl]\nexporters:\n  {webhook(sink)}\n"
        f"  {webhook(sink, 'webhook/second')}\n  jsonl: {{path: events.jsonl}}\n"
    )
    sink.answers(202, body=b"thank you")

    code, found = doctor()

    assert code == 0
    assert found["webhook"] == ("ok", f"test event: {sink.url} answered 202: thank you")
    assert found["webhook/second"] == found["webhook"]
    first, second = (request.json() for request in sink.requests)
    line = json.loads((folder / "events.jsonl").read_text())
    assert first["id"] == second["id"] == line["id"]
    assert line["job"]["attribution"]["tags"] == {"vidobs.test": "true"}
    assert found["jsonl"][0] == "ok"
    assert not (folder / "ledger.db").exists()


def test_one_that_does_not_work_is_wrong(doctor, settings, sink):
    """A refusal, a connection that is not there and an option that is missing: with its fix."""
    with Sink() as closed:
        pass
    settings(
        "callbacks: [webhook, webhook/second, webhook/third]\n"
        f"exporters:\n  {webhook(sink)}\n  {webhook(closed, 'webhook/second')}\n"
    )
    sink.answers(401, body=b"who are you?")

    code, found = doctor()

    assert code == 1
    assert found["webhook"] == (
        "wrong",
        f"test event: exporter 'webhook': {sink.url} answered 401: who are you?; check its key",
    )
    assert found["webhook/second"][0] == "wrong"
    assert f"no answer from {closed.url}" in found["webhook/second"][1]
    assert found["webhook/third"][0] == "wrong"
    assert "VIDOBS_WEBHOOK_URL" in found["webhook/third"][1]


def test_filters_do_not_keep_the_test_back(doctor, settings, sink):
    """Whatever an exporter is to get, the test is to see whether it gets anything."""
    settings(
        "callbacks: [webhook]\nexporters:\n  webhook:\n"
        f"    url: {sink.url}\n    allow_private: true\n    events: [video.failed]\n"
    )

    assert doctor()[1]["webhook"][0] == "ok"
    assert len(sink.requests) == 1


def test_nothing_is_sent_unless_wanted(doctor, settings, sink):
    """Without sending, exporters are built all the same: what is missing is found."""
    settings(f"callbacks: [webhook, webhook/second]\nexporters:\n  {webhook(sink)}\n")

    code, found = doctor("--no-send")

    assert code == 1
    assert found["webhook"][0] == "ok"
    assert found["webhook"][1].startswith("on, vidobs_exporters.webhook")
    assert found["webhook/second"][0] == "wrong"
    assert sink.requests == []


class Plain:
    """An exporter without `check`; it may raise, or hang."""

    durable = True

    def __init__(self, name="plain", *, raises=None, closing=None, gate=None):
        self.name = name
        self.got = []
        self.closed = 0
        self._raises, self._closing, self._gate = raises, closing, gate

    def export(self, batch):
        """Take a batch."""
        if self._gate is not None:
            self._gate.wait()
        if self._raises is not None:
            raise self._raises
        self.got += batch

    def close(self):
        """Be closed."""
        self.closed += 1
        if self._closing is not None:
            raise self._closing


def test_an_exporter_without_a_check_is_tried_too(events):
    """The event is exported as any other; the exporter is closed."""
    plain = Plain()

    (tried,) = try_all([plain], events[2])

    assert (tried.ok, tried.says) == (True, "sent; it does not tell what the receiver said")
    assert (plain.got, plain.closed) == ([events[2]], 1)


@pytest.mark.parametrize(
    ("trouble", "says"),
    [
        ({"raises": ExportError("no: Bearer sk-canary1234567890abcdef")}, "no: Bearer [secret]"),
        ({"raises": KeyError("x")}, "KeyError: x"),
        ({"raises": SystemExit(3)}, "SystemExit: 3"),
        ({"closing": OSError("cannot close")}, "OSError: cannot close"),
    ],
)
def test_whatever_an_exporter_raises_is_told(events, trouble, says):
    """Nothing that an exporter does ends the command, and no secret is shown."""
    plain = Plain(**trouble)

    (tried,) = try_all([plain], events[2])

    assert (tried.ok, tried.says) == (False, says)
    assert plain.closed == 1


def test_one_that_hangs_does_not_keep_the_others(events):
    """They run side by side, and who does not come back in time is told of."""
    gate = threading.Event()
    hung, fine = Plain("hung", gate=gate), Plain("fine")

    first, second = try_all([hung, fine], events[2], timeout_s=0.5)
    gate.set()

    assert first == Tried(False, "no answer within 0.5 s; does the receiver hang?", 0.5)
    assert second.ok


def test_a_webhook_is_tried(run, sink):
    """What was answered is shown, with how long that took and the id that was sent."""
    sink.answers(200, body=b"ok!")

    ran = run("webhook", "test", f"{sink.url}/x", "--allow-private", "--secret", SECRET)

    (request,) = sink.requests
    event_id = request.headers["webhook-id"]
    assert ran.code == 0
    assert ran.out.startswith(f"ok: {sink.url} answered 200: ok! (0.")
    assert ran.out.endswith(f" s, webhook-id {event_id})\n")
    assert request.headers["webhook-signature"].startswith("v1,")
    assert (request.path, request.json()["id"]) == ("/x", event_id)
    assert SECRET not in ran.out + ran.err


def test_another_event_without_a_signature(run, sink):
    """Any event of a job can be sent; without a secret nothing is signed."""
    ran = run("webhook", "test", sink.url, "--allow-private", "--event", "video.failed", "--json")

    (request,) = sink.requests
    assert "webhook-signature" not in request.headers
    assert ran.json["ok"] is True
    assert ran.json["event"] == "video.failed"
    assert ran.json["event_id"] == request.headers["webhook-id"]
    assert ran.json["says"] == f"{sink.url} answered 200"


def test_the_secret_may_come_from_the_environment(run, sink):
    """A secret on a command line is seen by everybody on the machine."""
    run("webhook", "test", sink.url, "--allow-private", VIDOBS_WEBHOOK_SECRET=SECRET)

    assert sink.requests[0].headers["webhook-signature"].startswith("v1,")


def test_a_webhook_that_is_not_taken(run, sink):
    """The exit code says so, and the answer is quoted."""
    sink.answers(500, body=b"oh no")

    ran = run("webhook", "test", sink.url, "--allow-private")

    assert ran.code == 1
    assert ran.out.startswith(f"FAILED: exporter 'webhook': {sink.url} answered 500: oh no (0.")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ([], "allow_private"),
        (["--allow-private", "--event", "exporter.down"], "unknown event 'exporter.down'"),
        (["--allow-private", "--secret", "whsec_%%%"], "webhook"),
    ],
)
def test_a_webhook_that_cannot_be_set_up(run, sink, args, said):
    """Nothing is sent, and the message says what to change."""
    ran = run("webhook", "test", sink.url, *args)

    assert ran.code == 2
    assert said in ran.err
    assert sink.requests == []
