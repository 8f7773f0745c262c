"""Ids that LiteLLM's proxy packs: one job, whatever text its id comes as."""

import pytest

from vidobs.core.calls import Operation
from vidobs.dialects.litellm_ids import packed, unpacked
from vidobs.dialects.openai import Route, decode_video, plain_id, read_video, route
from vidobs.dialects.packed_ids import wrapped

AT_CREATE = packed("openai", "sora-2", "video_1")
LATER = packed("openai", None, "video_1")


@pytest.mark.parametrize("given", [AT_CREATE, LATER])
def test_the_providers_own_id_is_inside(given):
    """The create and each poll give it in another text."""
    assert AT_CREATE != LATER
    assert plain_id(given) == "video_1"


@pytest.mark.parametrize(
    "given", ["video_1", "", "video_", "video_gen_0f", "task_1", "video_68f0c5", AT_CREATE[:40]]
)
def test_any_other_id_is_itself(given):
    """Also one that is cut."""
    assert plain_id(given) == given


def test_paths_and_answers_name_the_job_by_it():
    """So that a create and its polls are one job, also where nobody said that it is a proxy."""
    assert route("GET", f"/v1/videos/{AT_CREATE}") == Route(Operation.RETRIEVE, "video_1")
    assert route("GET", f"/videos/{LATER.replace('=', '%3D')}") == Route(
        Operation.RETRIEVE, "video_1"
    )
    answer = {"id": LATER, "status": "queued", "remixed_from_video_id": AT_CREATE}
    seen = read_video(answer)
    assert (seen.provider_job_id, seen.parent_id) == ("video_1", "video_1")
    assert decode_video(b'{"id":"%s","status":"queued"}' % LATER.encode()).provider_job_id == (
        "video_1"
    )


def test_an_id_says_which_proxy_to_ask():
    """Around the one that the proxy gave, which it gets back as it was."""
    found = unpacked(wrapped("litellm_proxy", "my-sora", LATER))

    assert (found.provider, found.model, found.raw) == ("litellm_proxy", "my-sora", LATER)
