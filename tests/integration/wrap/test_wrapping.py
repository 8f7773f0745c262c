"""`wrap` and `unwrap`: what they change on a client, what they refuse, and how they say it."""

from types import SimpleNamespace

import httpx
import openai
import pytest

import vidobs
from vidobs import runtime

ASKED = {"prompt": "a cat", "model": "sora-2", "seconds": "4", "size": "160x96"}


@pytest.fixture
def client(sandbox):
    """A client that nobody wrapped."""
    with openai.OpenAI(base_url=sandbox.base_url, api_key="k") as one:
        yield one


def test_the_same_client_comes_back(client, seen):
    """`wrap` and `unwrap` return the object they were given."""
    assert vidobs.wrap(client) is client
    assert vidobs.unwrap(client) is client
    assert vidobs.unwrap(client) is client


def test_unwrap_leaves_nothing(client, seen):
    """The client is as it was, and its calls are seen no more."""
    before = dict(vars(client))
    vidobs.wrap(client)
    client.videos.create(**ASKED)
    before["videos"] = client.videos  # the SDK keeps its resources there
    vidobs.unwrap(client)
    assert vars(client).keys() - before.keys() == set()
    client.videos.create(**ASKED)
    assert len(seen.jobs) == 1


def test_unwrap_gives_back_what_others_put_there(client, seen):
    """A `request` that somebody hung on the client before is called in between, and stays."""
    original, calls = client.request, []

    def theirs(*args, **kwargs):
        calls.append(args)
        return original(*args, **kwargs)

    client.request = theirs
    vidobs.wrap(client)
    client.videos.create(**ASKED)
    vidobs.unwrap(client)
    assert client.request is theirs
    assert (len(calls), len(seen.jobs)) == (1, 1)


def test_wrapping_twice_observes_once(client, sandbox, seen):
    """Two wraps make one job; the settings of the second hold."""
    vidobs.wrap(client, retry_creates="sdk")
    vidobs.wrap(client, provider="mine")
    client.videos.create(**ASKED)
    assert (seen.job.provider, len(sandbox.requests)) == ("mine", 1)


def test_the_settings_of_a_second_wrap_hold_from_then_on(client, seen):
    """A client that has made calls already files the next ones under the new provider."""
    vidobs.wrap(client)
    client.videos.create(**ASKED)
    vidobs.wrap(client, provider="mine")
    client.videos.create(**ASKED)
    assert [job.provider for job in seen.jobs] == ["openai", "mine"]


def test_a_new_address_is_noticed(client, sandbox, seen):
    """The server in the ledger is the one that was asked, also after `base_url` was changed."""
    vidobs.wrap(client)
    client.videos.create(**ASKED)
    client.base_url = sandbox.base_url.replace("127.0.0.1", "localhost")
    client.videos.create(**ASKED)
    assert [job.server_address for job in seen.jobs] == ["127.0.0.1", "localhost"]


def test_resources_made_before_are_seen(client, seen):
    """`client.videos` taken before `wrap` is observed like one taken after."""
    videos, create = client.videos, client.videos.with_raw_response.create
    vidobs.wrap(client)
    videos.create(**ASKED)
    create(**ASKED)
    assert len(seen.jobs) == 2


def test_a_copy_of_an_unwrapped_client_is_free(client, seen):
    """What was copied while wrapped stays wrapped; what is copied afterwards is not."""
    vidobs.wrap(client)
    wrapped_copy = client.with_options(timeout=5)
    vidobs.unwrap(client)
    client.with_options(timeout=5).videos.create(**ASKED)
    assert seen.jobs == []
    wrapped_copy.videos.create(**ASKED)
    assert len(seen.jobs) == 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (openai.OpenAI, "pass an instance: vidobs.wrap(OpenAI())"),
        ("openai", "cannot wrap 'str'"),
        (openai, "cannot wrap 'module'"),
        (httpx.Client, "cannot wrap 'Client'"),
        (None, "cannot wrap 'NoneType'"),
        (SimpleNamespace(request=print), "takes a client of the openai SDK"),
    ],
)
def test_what_is_no_client_is_refused(given, said, seen):
    """The error names what was given and what is taken; it is a `TypeError` too."""
    with pytest.raises(vidobs.UnsupportedClientError) as caught:
        vidobs.wrap(given)
    assert said in str(caught.value)
    assert "OpenAI, AsyncOpenAI, AzureOpenAI, AsyncAzureOpenAI" in str(caught.value)
    assert isinstance(caught.value, TypeError)


def test_a_resource_is_not_the_client(client, seen):
    """`client.videos` is refused with the way to its client."""
    with pytest.raises(vidobs.UnsupportedClientError, match="pass the client itself"):
        vidobs.wrap(client.videos)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"retry_creates": "save"}, "did you mean 'safe'?"),
        ({"retry_creates": None}, "known: idempotent, safe, sdk"),
        ({"max_spend_usd": "ten"}, "max_spend_usd='ten' is no amount of US dollars"),
        ({"max_spend_usd": -1}, "max_spend_usd=-1 is no amount"),
        ({"max_spend_usd": float("nan")}, "is no amount"),
        ({"max_spend_usd": float("inf")}, "is no amount"),
    ],
)
def test_settings_that_make_no_sense(settings, said, client, seen):
    """The error says what is known, and the client stays as it was."""
    before = dict(vars(client))
    with pytest.raises(vidobs.ConfigError) as caught:
        vidobs.wrap(client, **settings)
    assert said in str(caught.value)
    assert vars(client) == before


def test_a_wrong_environment_is_said_at_once(client, monkeypatch):
    """Not in the middle of the first call."""
    monkeypatch.setenv("VIDOBS_LEDGER", "mysql://nowhere")
    with pytest.raises(vidobs.ConfigError, match="mysql"):
        vidobs.wrap(client)


def test_a_wrong_environment_breaks_no_call(client, seen, monkeypatch, guard_trips):
    """After `shutdown` the next call configures anew; where that fails it goes unobserved."""
    vidobs.wrap(client)
    vidobs.shutdown()
    monkeypatch.setenv("VIDOBS_LEDGER", "mysql://nowhere")
    assert client.videos.create(**ASKED).status == "queued"
    guard_trips.expected = {"configuration: ConfigError"}


def test_switched_off(client, sandbox, monkeypatch):
    """With VIDOBS_DISABLED=1 a wrapped client works, and nothing is written or started."""
    monkeypatch.setenv("VIDOBS_DISABLED", "1")
    runtime.reset()
    assert vidobs.wrap(client, max_spend_usd=0) is client
    client.videos.create(**ASKED)
    assert runtime.current() is None
    assert "idempotency-key" not in sandbox.requests[0].headers


def test_after_shutdown_the_next_call_is_seen_again(client, sandbox, monkeypatch):
    """`shutdown` ends what runs; a client used afterwards makes it run again."""
    monkeypatch.setenv("VIDOBS_LEDGER", "memory:")
    vidobs.wrap(client)
    client.videos.create(**ASKED)
    assert vidobs.shutdown() == 0
    client.videos.create(**ASKED)
    assert len(runtime.current().store.reader().jobs()) == 1


def test_a_retired_model_is_said_once(client, seen, caplog):
    """One warning with the day it went, however many videos are made."""
    vidobs.wrap(client)
    for _ in range(3):
        client.videos.create(**ASKED)
    client.videos.create(**{**ASKED, "model": "my-own"})
    said = [r.getMessage() for r in caplog.records if "retired" in r.getMessage()]
    assert len(said) == 1
    assert said[0].startswith("model sora-2 of openai was retired on 2026-09-24")
