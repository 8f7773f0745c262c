"""Run by `test_litellm_peer.py` where LiteLLM is: the same calls through it and through vidobs."""

import inspect
import warnings

import litellm
import pytest
from known_differences import sorted_out
from peer_kit import FILM, PNG, Peer, differences, digest
from story import SCENARIO, story

import vidobs
from vidobs.testing import isolated

litellm.suppress_debug_info = True
NAMES = (
    "video_generation", "video_status", "video_content", "video_remix", "video_list", "video_edit",
    "video_extension", "video_create_character", "video_get_character",
)  # fmt: skip


@pytest.fixture(params=["sync", "async"])
def kind(request):
    """Both kinds of functions."""
    return request.param


@pytest.fixture(params=["openai", "azure"])
def provider(request):
    """Both providers that speak the protocol."""
    return request.param


@pytest.fixture
def scenario(tmp_path):
    """What both servers do with the same prompts."""
    path = tmp_path / "scenario.yaml"
    path.write_text(SCENARIO, "utf-8")
    return path


@pytest.fixture
def peers(kind, provider, scenario):
    """LiteLLM and vidobs, each with a server of its own."""
    both = [Peer(package, kind, provider, scenario) for package in (litellm, vidobs)]
    with isolated(clock=both[1].clock):
        yield both
    for peer in both:
        peer.close()


def test_the_same_calls_give_the_same(peers, kind, provider):
    """Field by field, with what the servers saw of it, but for what the list has a reason for."""
    theirs, ours = (story(peer) for peer in peers)
    found = {
        (step, path): values
        for step in ours
        for path, values in differences(ours[step], theirs[step]).items()
    }
    left, unused = sorted_out(found, f"{kind} {provider}")

    assert left == {}
    assert unused == []


@pytest.mark.parametrize("name", [prefix + name for prefix in ("", "a") for name in NAMES])
def test_arguments_stand_in_the_same_places(name):
    """Whoever passes them by position gets the same; the awaiting list has a key among them."""
    ours, theirs = (
        [
            each.name
            for each in inspect.signature(getattr(package, name)).parameters.values()
            if each.kind is each.POSITIONAL_OR_KEYWORD
        ]
        for package in (vidobs, litellm)
    )
    if name == "avideo_list":
        theirs.remove("api_key")

    assert ours == theirs


def test_ids_go_from_either_to_the_other(peers):
    """A job that one made is asked for, fetched and changed by the other, and is one job."""
    lite, own = peers
    made = lite("generation", prompt="a cat", model=f"{lite.provider}/sora-2", seconds="4")
    there = {"api_base": lite.where["api_base"]}
    seen = own("status", made.id, **there)
    assert (seen.id, seen.status) == (made.id, "queued")
    lite.clock.advance(1000)
    assert own("content", made.id, **there) == lite("content", made.id)
    again = own("remix", lite("status", made.id).id, "a dog", **there)
    assert lite("status", again.id).status == "queued"
    person = own("create_character", "Ann", FILM, custom_llm_provider=own.provider, **there)
    named = {"custom_llm_provider": lite.provider}
    assert lite("get_character", person.id, **named).name == "Ann"
    with_her = own(
        "generation", prompt="@Ann", model=f"{own.provider}/sora-2",
        characters=[{"id": person.id}], **there,
    )  # fmt: skip
    assert with_her.status == "queued"
    assert lite.sandbox.requests[-1].fields["characters"][0]["id"].startswith("char_")


def test_results_are_used_alike(peers):
    """Attributes, items, `get`, `in`, pairs, and dictionaries of both kinds."""
    for peer in peers:
        made = peer("generation", prompt="a cat", model=f"{peer.provider}/sora-2", seconds="4")
        assert made.status == made["status"] == made.get("status") == dict(made)["status"]
        assert ("id" in made, "nothing" in made, made.get("nothing", 7)) == (True, False, 7)
        assert made.json()["seconds"] == made.model_dump()["seconds"] == "4"
        assert made.hidden_params["response_cost"] == made._hidden_params["response_cost"] == 0.4
        listed = peer("list", custom_llm_provider=peer.provider)
        assert type(listed) is dict
        assert isinstance(listed["data"][0], dict)


def test_a_reference_that_litellm_cannot_send_arrives_here(peers):
    """Where the list says that LiteLLM breaks off."""
    _, own = peers
    for form in (("cat.png", PNG), ("cat.png", PNG, "image/png")):
        own("generation", prompt="a cat", model=f"{own.provider}/sora-2", input_reference=form)
        sent = own.sandbox.requests[-1].fields["input_reference"]
        assert (sent["sha256"], sent["content_type"]) == (digest(PNG), "image/png")


def test_parameters_that_a_remix_does_not_take(peers):
    """LiteLLM drops them without a word; here a warning says so. Neither server sees them."""
    lite, own = peers
    for peer in peers:
        peer("generation", prompt="a cat", model=f"{peer.provider}/sora-2", seconds="4")
        peer.clock.advance(1000)
    given = {"seconds": "8", "custom_llm_provider": own.provider}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lite("remix", lite.raw(), "a dog", **given)
    with pytest.warns(vidobs.UnsupportedParameterWarning, match="seconds"):
        own("remix", own.raw(), "a dog", **given)
    assert lite.sandbox.requests[-1].fields == own.sandbox.requests[-1].fields
