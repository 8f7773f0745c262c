"""How a project tests its own code with the fixtures of vidobs: nothing is imported to get them."""

import clips
import pytest

from vidobs.testing import Sandbox, assert_one_job


@pytest.fixture
def service(openai_client):
    """Make the service, with a client that talks to the sandbox."""
    return clips.Clips(openai_client)


def test_a_clip_is_made_and_paid_once(service, vidobs_events, sandbox, tmp_path):
    """The file is there, and one job is settled on the account of the user."""
    file = service.make("A clock", user="ada", folder=tmp_path)

    assert file.read_bytes()[4:8] == b"ftyp"
    assert_one_job(vidobs_events, state="completed", settled_usd="0.40", user="ada")
    assert len(sandbox.jobs) == 1


@pytest.mark.vidobs_sandbox(faults=["moderation_output:1"])
def test_a_clip_that_is_moderated(service, vidobs_events, tmp_path):
    """The service says why there is none; the job says the same."""
    with pytest.raises(RuntimeError, match="no clip: moderation_blocked"):
        service.make("Masks", user="ada", folder=tmp_path)

    assert_one_job(vidobs_events, state="failed", reason="moderation_output")


@pytest.mark.parametrize("number", range(4))
def test_each_test_has_a_server_of_its_own(sandbox, number):
    """No job of another test is there, on no worker."""
    assert isinstance(sandbox, Sandbox)
    assert sandbox.jobs == []
