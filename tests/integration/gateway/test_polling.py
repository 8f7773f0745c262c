"""One poller for each video, shared by all who ask, and taken up again after a restart."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType

import httpx
from gateway_kit import entry, serving, settings_of

from vidobs.core.jobs import JobState, Reason
from vidobs.gateway.seams import KEY_TAG
from vidobs.testing import Sandbox


class Holding:
    """An admission that notes what it is told."""

    def __init__(self):
        self.admitted = {}
        self.ended = {}
        self.resumed = {}
        self.given_back = []

    def request(self, principal, now, *, operation):
        """Let every request in."""
        del principal, now, operation
        return {"x-ratelimit-limit-requests": "60"}

    def admit(self, principal, ask):
        """Admit a create."""
        self.admitted[ask.job_id] = (principal.owner, ask)
        holding = self

        class Permit:
            headers = MappingProxyType({"x-ratelimit-remaining-requests": "59"})

            def give_back(self):
                holding.given_back.append(ask.job_id)

        return Permit()

    def recorded(self, seen):
        """Note a job that ended."""
        if seen.job.state.terminal:
            self.ended[seen.job.job_id] = seen.job

    def resume(self, jobs):
        """Note what is held again."""
        self.resumed.update(jobs)


def polls_of(sandbox, path):
    """Return how often the server was asked about a video."""
    return sum(each.method == "GET" and each.path == path for each in sandbox.requests)


def test_many_who_ask_are_one_question(tmp_path):
    """Two hundred polls reach a server that wants to be asked each second a few times."""
    with Sandbox(time_scale=4) as sandbox:
        content = settings_of(entry("my-sora", "openai/sora-2", sandbox.base_url))
        with serving(tmp_path, content) as gateway, gateway.http() as http:
            body = {"model": "my-sora", "prompt": "a cat [[fault:stuck]]"}
            made = http.post("/v1/videos", json=body).json()["id"]
            for _ in range(200):
                told = http.get(f"/v1/videos/{made}")
                assert told.status_code == 200
                assert int(told.headers["openai-poll-after-ms"]) > 0
        assert polls_of(sandbox, f"/v1/videos/{sandbox.jobs[0].id}") < 50


class Patient(BaseHTTPRequestHandler):
    """A server that wants to be left alone for an hour, and counts who asks all the same."""

    protocol_version = "HTTP/1.1"
    asked = 0

    def do_POST(self):
        """Make a video."""
        self.rfile.read(int(self.headers["content-length"]))
        self._tell()

    def do_GET(self):
        """Tell how it is doing."""
        type(self).asked += 1
        self._tell()

    def _tell(self):
        body = b'{"id": "video_1", "object": "video", "status": "queued", "progress": 0}'
        self.send_response(200)
        for name, value in (
            ("content-type", "application/json"),
            ("content-length", str(len(body))),
            ("openai-poll-after-ms", "3600000"),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        """Say nothing."""


def test_a_server_is_left_alone_until_somebody_asks(tmp_path):
    """For ten minutes at most; and what is told to clients is never older than half a minute."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Patient)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base_url = f"http://127.0.0.1:{server.server_port}/v1"
    content = settings_of(entry("my-sora", "openai/sora-2", base_url))
    try:
        with serving(tmp_path, content) as gateway, gateway.http() as http:
            made = http.post("/v1/videos", json={"model": "my-sora", "prompt": "a"}).json()["id"]
            told = http.get(f"/v1/videos/{made}")
            assert 595_000 < int(told.headers["openai-poll-after-ms"]) <= 600_100
            assert Patient.asked == 0
            (video,) = gateway.app._core.book.open
            video.taken_at -= 31
            told = http.get(f"/v1/videos/{made}")
            assert int(told.headers["openai-poll-after-ms"]) < 1000
            while Patient.asked == 0:
                http.get(f"/v1/videos/{made}")
            assert Patient.asked == 1
    finally:
        server.shutdown()
        server.server_close()


def test_a_job_settles_though_nobody_asks(sandbox, tmp_path):
    """The client goes away after the create; budgets and ledger still learn the end."""
    holding = Holding()
    content = settings_of(entry("my-sora", "openai/sora-2", sandbox.base_url))
    with (
        serving(tmp_path, content, parts={"admission": holding}) as gateway,
        gateway.http() as http,
    ):
        made = http.post("/v1/videos", json={"model": "my-sora", "prompt": "a", "seconds": "4"})
        assert made.headers["x-ratelimit-limit-requests"] == "60"
        assert made.headers["x-ratelimit-remaining-requests"] == "59"
        job_id = made.headers["x-vidobs-job-id"]
        gateway.until(lambda: job_id in holding.ended)
    assert str(holding.admitted[job_id][1].quote_usd) == "0.4"
    assert holding.ended[job_id].state is JobState.COMPLETED
    assert str(holding.ended[job_id].cost.usd) == "0.4"
    assert holding.given_back == []


def test_what_was_not_sent_is_given_back(tmp_path):
    """A closed port holds nothing of a budget."""
    holding = Holding()
    content = settings_of(entry("my-sora", "openai/sora-2", "http://127.0.0.1:9/v1"))
    with (
        serving(tmp_path, content, parts={"admission": holding}) as gateway,
        gateway.http() as http,
    ):
        made = http.post("/v1/videos", json={"model": "my-sora", "prompt": "a", "seconds": "4"})
        assert (made.status_code, made.headers["x-should-retry"]) == (502, "true")
    assert holding.given_back == list(holding.admitted)


def test_a_restart_goes_on_where_it_was(tmp_path):
    """Videos keep their ids, are followed again, and hold again what they held."""
    with Sandbox(time_scale=0.2) as sandbox:
        content = settings_of(entry("my-sora", "openai/sora-2", sandbox.base_url))
        with serving(tmp_path, content) as gateway, gateway.client() as client:
            made = client.videos.create(model="my-sora", prompt="a cat", seconds="4")
        holding = Holding()
        with serving(tmp_path, content, parts={"admission": holding}) as gateway:
            (job,) = holding.resumed.values()
            assert job.tags[KEY_TAG] == "master"
            gateway.until(lambda: job.job_id in holding.ended)
            with gateway.client() as client:
                assert client.videos.retrieve(made.id).status == "completed"
                assert [video.id for video in client.videos.list()] == [made.id]
            assert len(gateway.jobs()) == 1


def test_another_key_of_ids_makes_old_ids_worthless(sandbox, tmp_path):
    """The key lies beside the ledger; who has another one cannot use the ids."""
    content = settings_of(entry("my-sora", "openai/sora-2", sandbox.base_url))
    with serving(tmp_path, content) as gateway, gateway.http() as http:
        made = http.post("/v1/videos", json={"model": "my-sora", "prompt": "a"}).json()["id"]
    with serving(tmp_path, content, key=b"j" * 32) as gateway, gateway.http() as http:
        assert http.get(f"/v1/videos/{made}").status_code == 404


def test_a_server_that_talks_nonsense_is_asked_again(gateway, sandbox):
    """What was known is told on, and the poller goes on."""
    with gateway.http() as http:
        body = {"model": "my-sora", "prompt": "a cat [[fault:garbage_json]]", "seconds": "4"}
        made = http.post("/v1/videos", json=body).json()["id"]
        path = f"/v1/videos/{sandbox.jobs[0].id}"
        gateway.until(lambda: polls_of(sandbox, path) >= 2)
        told = http.get(f"/v1/videos/{made}")
        assert (told.status_code, told.json()["status"]) == (200, "queued")


def test_a_server_with_very_many_headers_is_understood(gateway):
    """They are read, and not passed on."""
    with gateway.client() as client:
        prompt = "a cat [[fault:header_bomb]]"
        made = client.videos.with_raw_response.create(model="my-sora", prompt=prompt)
        assert len(made.headers) < 20
        assert client.videos.poll(made.parse().id).status == "completed"


def test_what_there_is_not_is_asked_for_once(gateway, sandbox):
    """An id that nobody knows is forgotten, and not polled for ever after."""
    with gateway.http() as http:
        for _ in range(3):
            assert http.get("/v1/videos/video_nobody_knows").status_code == 404
    assert gateway.app.followed == 0
    assert polls_of(sandbox, "/v1/videos/video_nobody_knows") == 3


def test_a_video_that_its_server_has_lost_fails(sandbox, tmp_path):
    """It says so for long enough, and shows others meanwhile; what the job held is free."""
    holding = Holding()
    one = entry("my-sora", "openai/sora-2", sandbox.base_url)
    content = settings_of(one, gateway={"lost_after_s": 0.1})
    with (
        serving(tmp_path, content, parts={"admission": holding}) as gateway,
        gateway.http() as http,
        httpx.Client(base_url=sandbox.base_url, headers={"api-key": "any"}) as behind,
    ):
        body = {"model": "my-sora", "prompt": "a cat [[fault:stuck]]"}
        job_ids = [http.post("/v1/videos", json=body).headers["x-vidobs-job-id"] for _ in range(2)]
        assert behind.delete(f"videos/{sandbox.jobs[0].id}").status_code == 200
        gateway.until(lambda: job_ids[0] in holding.ended)
        job = holding.ended[job_ids[0]]
        assert (job.state, job.reason) == (JobState.FAILED, Reason.LOST)
        assert job_ids[1] not in holding.ended
        assert gateway.app.followed == 1
