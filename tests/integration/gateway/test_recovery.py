"""A key whose first request died with its process: what became of it is found out, not repeated."""

from contextlib import closing

import apsw
from gateway_kit import entry, serving, settings_of

BODY = {"model": "my-sora", "prompt": "a cat", "seconds": "4"}


def create(http, key, **more):
    """Ask for a video with a key."""
    return http.post("/v1/videos", json={**BODY, **more}, headers={"Idempotency-Key": key})


def forget_answers(folder, *, job_id=None):
    """Leave what a process leaves that is killed between its claim and its answer.

    With a `job_id` it was killed before it wrote that job down.
    """
    with closing(apsw.Connection(str(folder / "ledger.db.answers"))) as file:
        file.execute("UPDATE answer SET status = NULL, headers = NULL, body = NULL")
        if job_id is not None:
            file.execute("UPDATE answer SET job_id = ?", (job_id,))


def test_what_was_accepted_is_found(sandbox, tmp_path):
    """The ledger knows the video: its id is the answer, with how it is doing now."""
    content = settings_of(entry("my-sora", "openai/sora-2", sandbox.base_url))
    with serving(tmp_path, content) as gateway, gateway.http() as http:
        first = create(http, "k1").json()["id"]
    forget_answers(tmp_path)
    with serving(tmp_path, content) as gateway, gateway.http() as http:
        again = create(http, "k1")
        assert (again.status_code, again.json()["id"]) == (200, first)
        assert again.headers["idempotency-replayed"] == "true"
        assert create(http, "k1").json()["id"] == first
    assert len(sandbox.jobs) == 1


def test_what_nobody_knows_is_not_tried_again(sandbox, tmp_path):
    """A create of unknown outcome stays one, whoever asks and however often."""
    content = settings_of(entry("my-sora", "openai/sora-2", sandbox.base_url))
    prompt = "a cat [[fault:cut_after_accept x1]]"
    with serving(tmp_path, content) as gateway, gateway.http() as http:
        assert create(http, "k1", prompt=prompt).status_code == 502
    forget_answers(tmp_path)
    with serving(tmp_path, content) as gateway, gateway.http() as http:
        for _ in range(2):
            again = create(http, "k1", prompt=prompt)
            assert (again.status_code, again.json()["error"]["code"]) == (502, "outcome_unknown")
            assert again.headers["x-should-retry"] == "false"
    assert len(sandbox.jobs) == 1


def test_what_was_never_begun_is_made(sandbox, tmp_path):
    """The key was claimed, and the process died before there was a job."""
    content = settings_of(entry("my-sora", "openai/sora-2", sandbox.base_url))
    with serving(tmp_path, content) as gateway, gateway.http() as http:
        first = create(http, "k1").json()["id"]
    forget_answers(tmp_path, job_id="job_01a1f9632a32769b883a27fc0c450000")
    with serving(tmp_path, content) as gateway, gateway.http() as http:
        again = create(http, "k1")
        assert again.status_code == 200
        assert again.json()["id"] != first
        assert "idempotency-replayed" not in again.headers
    assert len(sandbox.jobs) == 2


def test_old_answers_are_gone_after_a_restart(sandbox, tmp_path):
    """They are deleted when their time is over, though nobody comes with a key any more."""
    content = settings_of(entry("my-sora", "openai/sora-2", sandbox.base_url))
    with serving(tmp_path, content) as gateway, gateway.http() as http:
        for key in ("old", "young"):
            assert create(http, key).status_code == 200
    with closing(apsw.Connection(str(tmp_path / "ledger.db.answers"))) as file:
        file.execute(
            "UPDATE answer SET at = at - 86400000000 WHERE at = (SELECT min(at) FROM answer)"
        )
    with serving(tmp_path, content) as gateway, gateway.http() as http:
        assert http.get("/v1/models").status_code == 200
        with closing(apsw.Connection(str(tmp_path / "ledger.db.answers"))) as file:
            assert file.execute("SELECT count(*) FROM answer").get == 1
        assert create(http, "young").headers["idempotency-replayed"] == "true"
