"""What clients are shown of servers that speak otherwise."""

import pytest

from vidobs.gateway.videos.shown import shown


def told(**given):
    """Return what a client sees."""
    return shown(given, video_id="video_x", model="mine", source=lambda raw: f"ours-{raw}")


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        ("queued", "queued"),
        ("submitted", "queued"),
        ("processing", "in_progress"),
        ("SUCCEEDED", "completed"),
        ("failure", "failed"),
        ("canceled", "cancelled"),
        ("expired", "failed"),
        ("odd", "odd"),
    ],
)
def test_states_are_openais_words(raw, word):
    """The official client waits for exactly these; a word that nobody knows stays."""
    assert told(id="a", status=raw)["status"] == word


def test_ids_and_models_are_ours():
    """The server's own never get out, in none of the fields that hold them."""
    found = told(
        id="raw", task_id="raw", model="x-1", status="queued", polling_url="http://inside/raw",
        remixed_from_video_id="src", extra={"kept": [1]},
    )  # fmt: skip
    assert found == {
        "id": "video_x",
        "object": "video",
        "model": "mine",
        "status": "queued",
        "remixed_from_video_id": "ours-src",
        "extra": {"kept": [1]},
    }


@pytest.mark.parametrize(
    ("error", "seen"),
    [
        (None, None),
        ("it broke", {"code": "failed", "message": "it broke"}),
        ({"message": "m"}, {"code": "failed", "message": "m"}),
        ({"code": 500, "message": "m"}, {"code": "500", "message": "m"}),
        ({"code": "x"}, {"code": "x", "message": "the job failed"}),
        ({}, None),
    ],
)
def test_errors_have_a_code_and_a_message(error, seen):
    """Texts, whatever the server has."""
    assert told(id="a", status="failed", error=error)["error"] == seen
