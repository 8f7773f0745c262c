"""The server that the sandbox plays of each dialect answers in the documented shapes."""

import httpx
import pytest
from dialect_kit import FIXTURES, exchanges, read, shape

from vidobs.dialects.openai import route
from vidobs.dialects.variants import VARIANTS
from vidobs.testing import FrozenClock, Sandbox

HOUR = 3600
KEY = {"authorization": "Bearer any"}
# What the played server is asked for, to bring it to where an exchange is.
PROMPTS = {
    "failed": "A tram [[fault:fail]]",
    "moderated": "A tram [[fault:moderation_output]]",
    "refused": "A tram [[fault:moderation_input]]",
    "content-failed": "A tram [[fault:fail]]",
    "content-stored": "A tram [[fault:stored_elsewhere]]",
    "missing": None,
}
SECONDS_LATER = {"running": 1, "content-running": 1}
PLAYABLE = {
    "create", "completed", "list", "deleted", "not-found", *PROMPTS, *SECONDS_LATER,
}  # fmt: skip
PLAYED = [
    pytest.param(dialect, name, id=f"{dialect}-{name}")
    for dialect in VARIANTS
    for name in exchanges(FIXTURES / dialect)
    if name in PLAYABLE
]


class Played:
    """A server of a dialect, whose time stands still until it is told to go on."""

    def __init__(self, dialect):
        self.clock = FrozenClock()
        self.sandbox = Sandbox(dialect=dialect, clock=self.clock).start()
        self.http = httpx.Client(
            base_url=self.sandbox.base_url.removesuffix("/v1"), headers={**KEY, "api-key": "any"}
        )

    def stop(self):
        """Stop it."""
        self.http.close()
        self.sandbox.stop()

    def create(self, path, prompt="A tram", **headers):
        """Make a video, as a form since every server takes that."""
        fields = {"prompt": prompt, "model": "m", "seconds": "4", "size": "64x64"}
        form = {name: (None, text) for name, text in fields.items() if text is not None}
        return self.http.post(path, files=form, headers=headers)

    def ask(self, name, request):
        """Bring it to where an exchange is, and make the same request."""
        method, path = request["method"], request["path"]
        base = path.partition("/videos")[0] + "/videos"
        made = self.create(base, PROMPTS.get(name, "A tram"))
        if method == "POST":
            return made
        self.clock.advance(SECONDS_LATER.get(name, HOUR))
        if name in ("not-found", "list"):
            return self.http.get(path)
        below = "/content" if path.endswith("/content") else ""
        return self.http.request(method, f"{base}/{made.json()['id']}{below}")


@pytest.fixture(scope="module")
def played():
    """The server of each dialect, started once."""
    servers = {}

    def start(dialect):
        if dialect not in servers:
            servers[dialect] = Played(dialect)
        return servers[dialect]

    yield start
    for server in servers.values():
        server.stop()


@pytest.mark.parametrize(("dialect", "name"), PLAYED)
def test_the_played_server_answers_as_documented(played, dialect, name):
    """The same status, the same members of the same kinds, and the same state of the job."""
    exchange = exchanges(FIXTURES / dialect)[name]
    request = exchange["request"]
    answer = played(dialect).ask(name, request)

    assert answer.status_code == exchange["status"]
    assert shape(answer.json()) == shape(exchange["answer"])
    operation = route(request["method"], request["path"]).operation
    seen = read(operation, answer.status_code, answer.headers, answer.content)
    assert _told(seen) == _told(exchange["says"])


def _told(said):
    """State, reason, and what else is said, but for the values; of a list the first."""
    if isinstance(said, list):
        return [_told(each) for each in said[:1]]
    if said is None:
        return None
    return {name: value if name in ("state", "reason") else None for name, value in said.items()}


@pytest.mark.parametrize("dialect", VARIANTS)
def test_what_a_server_lacks_it_does_not_have(played, dialect):
    """A request for it leads nowhere."""
    tried = {
        ("GET", "/videos"), ("DELETE", "/videos/v"), ("POST", "/videos/v/remix"),
        ("POST", "/videos/edits"), ("POST", "/videos/extensions"), ("POST", "/videos/characters"),
        ("GET", "/videos/characters/c"),
    }  # fmt: skip
    answers = {
        route(method, path).operation: played(dialect).http.request(method, f"/v1{path}")
        for method, path in tried
    }
    nowhere = {
        operation
        for operation, answer in answers.items()
        if "Invalid URL" in answer.text or "Method Not Allowed" in answer.text
    }

    assert nowhere == set(VARIANTS[dialect].lacks)


@pytest.mark.parametrize("dialect", VARIANTS)
def test_a_key_is_asked_for_where_servers_do(played, dialect):
    """A server of one's own takes requests without."""
    address = f"{played(dialect).sandbox.base_url}/videos/none"

    assert (httpx.get(address).status_code == 401) == (not VARIANTS[dialect].keyless)


@pytest.mark.parametrize("dialect", VARIANTS)
def test_a_key_that_comes_again_is_known_where_servers_know_them(played, dialect):
    """Elsewhere a create that is sent again is another job, and paid for again."""
    server = played(dialect)
    before = len(server.sandbox.jobs)
    for _ in range(2):
        server.create("/v1/videos", **{"idempotency-key": f"again-{dialect}"})

    once = VARIANTS[dialect].manner.honours_keys
    assert len(server.sandbox.jobs) - before == (1 if once else 2)


def test_a_server_of_forms_takes_nothing_else(played):
    """To vLLM-Omni a body of JSON has no prompt."""
    answer = played("vllm-omni").http.post("/v1/videos", json={"prompt": "A tram"})

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "prompt"]


def test_litellms_proxy_names_a_job_in_two_ways(played):
    """At the create and later; both name the same job."""
    server = played("litellm")
    made = server.create("/v1/videos").json()
    first = server.http.get(f"/v1/videos/{made['id']}").json()
    second = server.http.get(f"/v1/videos/{first['id']}").json()

    assert made["id"] != first["id"] == second["id"]


def test_only_openai_says_when_to_poll_again(played):
    """And counts requests in headers; others have neither."""
    for dialect, variant in VARIANTS.items():
        answer = played(dialect).create("/v1/videos")
        assert ("x-ratelimit-limit-requests" in answer.headers) == variant.manner.openai_headers


class Sync:
    """`POST /videos/sync` of a server whose jobs end at once."""

    def __init__(self, base_url):
        self._address = f"{base_url}/videos/sync"

    def __call__(self, prompt):
        """Send a create and return the answer."""
        form = {"prompt": (None, prompt), "seconds": (None, "1"), "size": (None, "64x64")}
        return httpx.post(self._address, files=form)


def test_a_create_may_be_answered_with_the_file():
    """With the documented headers; the server keeps no copy. A failure has its status."""
    documented = exchanges(FIXTURES / "vllm-omni")["sync"]["headers"]
    with Sandbox(dialect="vllm-omni", time_scale=0.001) as sandbox:
        sync = Sync(sandbox.base_url)
        answer = sync("A tram")
        failed = {fault: sync(f"[[fault:{fault}]]").status_code
                  for fault in ("fail", "moderation_output", "stuck")}  # fmt: skip

    assert answer.content[4:8] == b"ftyp"
    assert set(documented) <= set(answer.headers)
    assert answer.headers["content-type"] == documented["content-type"]
    assert failed == {"fail": 500, "moderation_output": 400, "stuck": 504}
    assert (sandbox.jobs[0].deleted, sandbox.jobs[0].id) == (True, answer.headers["x-request-id"])
