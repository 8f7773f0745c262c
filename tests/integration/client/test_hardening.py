"""What an id, an address or an answer may hold: nothing leads a request, or a key, astray."""

import asyncio
import contextlib
import json
from urllib.parse import quote

import pytest
from sink_kit import Sink

import vidobs
from vidobs import exceptions
from vidobs.dialects.litellm_ids import packed
from vidobs.dialects.variants import VARIANTS

IDS = [
    "../models", "..%2f..", "%2e%2e", "a/b", "a\\b", "a?b=c", "a#b", "a%2fb", "a b", "a\0b",
    "a\r\nb", "ä/ö", "\u202egpj.4pm", "\uff0f..", "//evil.example", "http://evil.example/", "a;b",
    "a&b=c", "*",
]  # fmt: skip
NO_IDS = ["", ".", "..", "x" * 5000, "\ud800"]
VIDEO = json.dumps({"id": "video_1", "object": "video", "status": "completed"}).encode()
PROVIDERS = [variant.provider for variant in VARIANTS.values()]


@pytest.fixture
def sink():
    """A server that has a video for everybody, and tells the very line that came."""
    with Sink() as server:
        server.answers(200, body=VIDEO)
        yield server


def segments(sink):
    """What stands behind `/v1/videos/` in each request, as it was on the wire."""
    return [request.path.removeprefix("/v1/videos/") for request in sink.requests]


def test_an_id_stays_one_segment_on_the_wire(make_api, seen, sink):
    """Of whatever call: it names a video, and nothing else."""
    api = make_api(f"{sink.url}/v1", max_retries=0)
    for its_id in IDS:
        sink.forget()
        api(lambda videos: videos.retrieve(its_id))  # noqa: B023 - called at once
        api(lambda videos: videos.delete(its_id))  # noqa: B023
        api(lambda videos: videos.remix(its_id, prompt="a dog"))  # noqa: B023
        api(lambda videos: videos.download(its_id))  # noqa: B023
        api(lambda videos: videos.characters.retrieve(its_id))  # noqa: B023

        segment = quote(its_id, safe="")
        assert segments(sink) == [
            segment, segment, f"{segment}/remix", f"{segment}/content", f"characters/{segment}",
        ]  # fmt: skip


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_an_id_within_an_id_stays_one_segment_too(seen, sink, kind):
    """LiteLLM's ids hold the provider's; functions take both."""
    where = {"api_base": f"{sink.url}/v1", "api_key": "sk-any-0123456789", "max_retries": 0}

    def call(name, *args):
        if kind == "sync":
            return getattr(vidobs, f"video_{name}")(*args, **where)
        return asyncio.run(getattr(vidobs, f"avideo_{name}")(*args, **where))

    for its_id in IDS:
        sink.forget()
        within = packed("openai", "sora-2", its_id)
        call("status", within)
        call("content", within)
        call("delete", its_id)

        segment = quote(its_id, safe="")
        assert segments(sink) == [segment, segment, f"{segment}/content", segment]


@pytest.mark.parametrize("its_id", NO_IDS, ids=["empty", "dot", "dots", "long", "surrogate"])
def test_what_is_no_id_is_not_sent(make_api, sink, its_id):
    """And the error does not repeat all of it."""
    api = make_api(f"{sink.url}/v1")
    with pytest.raises(vidobs.ConfigError, match="is no id of a video") as caught:
        api(lambda videos: videos.retrieve(its_id))
    with pytest.raises(vidobs.ConfigError, match="is no id of a character"):
        api(lambda videos: videos.characters.retrieve(its_id))

    assert len(str(caught.value)) < 200
    assert not sink.requests


@pytest.mark.parametrize(
    "base_url",
    [
        "https://user:canarypass@host/v1", "https://:canarypass@host/v1", "https://user@host/v1",
        "ftp://u:canarypass@host/v1", "https://host/v1?key=canarypass", "https://host/v1#canarypass",
        "host/v1", "//host/v1", "file:///etc/passwd", "javascript:alert(1)", "https://", "",
        "https://host:99999/v1", "https://ho st/v1", "https://[::1/v1", "https://\0/v1",
    ],
)  # fmt: skip
def test_an_address_that_is_none_is_refused(base_url):
    """Before anything is sent, and without repeating a password."""
    with pytest.raises(vidobs.ConfigError, match="base_url") as caught:
        vidobs.Client(base_url=base_url, api_key="sk-any")
    with pytest.raises(vidobs.ConfigError, match="base_url"):
        vidobs.video_status("video_1", api_base=base_url, api_key="sk-any")

    assert "canarypass" not in str(caught.value)


@pytest.fixture(scope="module")
def sinks():
    """A server for each provider."""
    with contextlib.ExitStack() as stack:
        made = {name: stack.enter_context(Sink()) for name in PROVIDERS}
        for server in made.values():
            server.answers(200, body=VIDEO)
        yield made


@pytest.fixture
def everywhere(sinks, monkeypatch):
    """The same, each with a key of its own, as the environment has them."""
    for variant in VARIANTS.values():
        sinks[variant.provider].forget()
        for name in (*variant.key_env, *variant.token_env, *variant.base_env):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv(variant.key_env[0], f"sk-of-{variant.provider}")
        monkeypatch.setenv(variant.base_env[0], sinks[variant.provider].url)
    return sinks


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_id_takes_the_key_of_its_provider_to_its_provider(everywhere, seen, provider):
    """The id chooses both, or neither."""
    vidobs.video_status(packed(provider, "model", "video_1"), max_retries=0)

    [request] = everywhere[provider].requests
    sent = request.headers.get("api-key") or request.headers["authorization"].removeprefix(
        "Bearer "
    )
    assert sent == f"sk-of-{provider}"
    assert [name for name, sink in everywhere.items() if sink.requests] == [provider]


@pytest.mark.parametrize(
    "provider",
    [
        "evil.example",
        "https://evil.example",
        "../openai",
        "OPENAI",
        "openai ",
        "runwayml",
        "None\0",
    ],
)
def test_an_id_of_a_stranger_is_sent_nowhere(everywhere, provider):
    """There is no server of that name, so there is no key for it."""
    with pytest.raises(vidobs.ConfigError, match=r"unknown provider|does not speak"):
        vidobs.video_status(packed(provider, "model", "video_1"))
    with pytest.raises(vidobs.ConfigError, match=r"unknown provider|does not speak"):
        asyncio.run(vidobs.avideo_content(packed(provider, "model", "video_1")))

    assert [name for name, sink in everywhere.items() if sink.requests] == []


@pytest.mark.parametrize("provider", [name for name in PROVIDERS if name != "openai"])
def test_a_key_of_one_provider_is_no_key_of_another(everywhere, monkeypatch, provider):
    """Only OpenAI's is there: an id of another provider does not get it."""
    for variant in VARIANTS.values():
        if variant.provider != "openai":
            monkeypatch.delenv(variant.key_env[0])

    its_id = packed(provider, "model", "video_1")
    try:
        vidobs.video_status(its_id, max_retries=0)
    except exceptions.AuthenticationError:
        assert not everywhere[provider].requests
    else:  # a server that wants no key
        [request] = everywhere[provider].requests
        assert "sk-of-openai" not in json.dumps(request.headers)
    assert not everywhere["openai"].requests
