"""The calls that LiteLLM and vidobs make alike: a whole life of videos, and every error."""

import io
import tempfile
from pathlib import Path

from peer_kit import FILM, PNG

REFUSED = "http://127.0.0.1:9/v1"
_STATUSES = (400, 401, 403, 404, 409, 422, 429, 500, 502, 503, 504)
SCENARIO = "jobs:\n" + "\n".join(
    f"- {{prompt: refuse {status}, times: always, refuse: {{status: {status}}}}}"
    for status in _STATUSES
)
WANTED = {"seconds": "4", "size": "720x1280"}


class Steps:
    """Calls one after the other, with what came of each."""

    def __init__(self, peer):
        self.peer = peer
        self.found = {}
        self.model = f"{peer.provider}/sora-2"

    def __call__(self, name, verb, *args, **given):
        """Make a call and keep what it showed."""
        result, self.found[name] = self.peer.step(name, verb, *args, **given)
        return result


def story(peer):
    """Tell it; return what each call showed, by name."""
    steps = Steps(peer)
    _life(steps)
    _references(steps)
    _arguments(steps)
    _mocks(steps)
    _errors(steps)
    return steps.found


def _life(step):
    peer, provider = step.peer, {"custom_llm_provider": step.peer.provider}
    made = step("generation", "generation", prompt="a cat", model=step.model, user="ada", **WANTED)
    step("status, queued", "status", made.id)
    peer.clock.advance(1000)
    step("status, completed", "status", made.id)
    step("status, by the raw id", "status", peer.raw(), **provider)
    step("content", "content", made.id)
    step("content, a thumbnail", "content", video_id=made.id, variant="thumbnail")
    step("remix", "remix", made.id, "a dog")
    step("edit", "edit", made.id, "a cow")
    step("extension", "extension", made.id, "go on", "4")
    step("list", "list", **provider)
    if step.peer.provider == "openai":
        step("list, of whom", "list")
    step("list, a page", "list", None, 2, "asc", **provider)
    step("list, after", "list", after=made.id, order="asc", limit=1, **provider)
    step("edit, an upload", "edit", made.id, "a cow", video=FILM, **provider)
    person = step("create character", "create_character", "Ann", FILM, **provider)
    if not isinstance(person, Exception):
        step("get character", "get_character", person.id, **provider)
    failing = step(
        "generation, of a failure", "generation", prompt="[[fault:fail]]", model=step.model
    )
    peer.clock.advance(1000)
    step("status, failed", "status", failing.id)


def _references(step):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "cat.png")
        path.write_bytes(PNG)
        with path.open("rb") as file:
            forms = {
                "a file": file,
                "a stream": io.BytesIO(PNG),
                "bytes": PNG,
                "a path": path,
                "a pair": ("cat.png", PNG),
                "a triple": ("cat.png", PNG, "image/png"),
                "a URL": "https://example.com/cat.png",
                "an id": {"file_id": "file-1"},
            }
            for name, form in forms.items():
                step(
                    f"reference, {name}", "generation",
                    prompt="a cat", model=step.model, input_reference=form, **WANTED,
                )  # fmt: skip


def _arguments(step):
    step("no model", "generation", "a cat", custom_llm_provider=step.peer.provider)
    step(
        "a bare model", "generation", "a cat", "sora-2-pro", custom_llm_provider=step.peer.provider
    )
    step(
        "extras", "generation",
        prompt="a cat", model=step.model, extra_headers={"x-team": "film"}, seed=7,
        extra_body={"fps": 24, "seconds": "8"}, metadata={"a": "b"}, num_retries=3, timeout=60,
        **WANTED,
    )  # fmt: skip
    step("extra query", "generation", prompt="a cat", model=step.model, extra_query={"trial": "1"})
    by_place = ("a cat", step.model, None, "4", "720x1280", "ada", 60, None, {"x-team": "film"})
    step("by position", "generation", *by_place)


def _mocks(step):
    video = {"id": "video_1", "object": "video", "status": "queued"}
    person = {"id": "char_1", "object": "character", "created_at": 1, "name": "Ann"}
    step("mock, generation", "generation", prompt="a cat", mock_response=video)
    step(
        "mock, as text",
        "generation",
        prompt="a cat",
        mock_response='{"id": "video_1", "object": "video", "status": "queued"}',
    )
    step("mock, status", "status", "video_1", mock_response=video)
    step("mock, remix", "remix", "video_1", "a dog", mock_response=video)
    step("mock, edit", "edit", "video_1", "a dog", mock_response=video)
    step("mock, extension", "extension", "video_1", "a dog", "4", mock_response=video)
    step("mock, list", "list", mock_response=[video], custom_llm_provider="openai")
    step("mock, create character", "create_character", "Ann", b"", mock_response=person)
    step("mock, get character", "get_character", "char_1", mock_response=person)


def _errors(step):
    once = {"max_retries": 0}
    for status in _STATUSES:
        step(f"refused {status}", "generation", prompt=f"refuse {status}", model=step.model, **once)
    step("blocked", "generation", prompt="[[fault:moderation_input]]", model=step.model, **once)
    step(
        "too late",
        "generation",
        prompt="[[fault:slow_after_accept]]",
        model=step.model,
        timeout=0.3,
        **once,
    )
    step("cut", "generation", prompt="[[fault:cut_after_accept]]", model=step.model, **once)
    step("nobody there", "generation", prompt="a cat", model=step.model, **once, api_base=REFUSED)
    step("not found", "status", "video_of_nobody", custom_llm_provider=step.peer.provider, **once)
    step(
        "remix of nothing",
        "remix",
        "video_of_nobody",
        "a cat",
        custom_llm_provider=step.peer.provider,
        **once,
    )
    garbage = step("of garbage", "generation", prompt="[[fault:garbage_json]]", model=step.model)
    step("garbage", "status", garbage.id, **once)
    step("another provider", "generation", prompt="a cat", model="runwayml/gen4_turbo", **once)
