"""`vidobs ledger purge` with a gateway: the name is in no file any more, the money in its place."""

import time
from contextlib import closing
from pathlib import Path

import apsw
import httpx
import pytest
import yaml
from gateway_kit import MASTER, entry, process, settings_of
from sink_kit import Sink
from typer.testing import CliRunner

from vidobs.cli.app import app

ADA = "ada.lovelace"
PROMPT = "a difference engine at sea"


def purge(folder, *options):
    """Run the command as a person does; return what it printed."""
    environ = {"VIDOBS_LEDGER": f"sqlite:///{folder / 'ledger.db'}"}
    ran = CliRunner().invoke(app, ["ledger", "purge", *options], env=environ)
    assert ran.exit_code == 0, ran.output
    return ran.output


def rows(path, question):
    """Ask one of the files."""
    with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as file:
        return file.execute(question).fetchall()


def named_in(folder, name):
    """Return the files in whose bytes a name stands."""
    return [one.name for one in Path(folder).iterdir() if name.encode() in one.read_bytes()]


class House:
    """A gateway in a process of its own, with a key of Ada's and one of somebody else's."""

    def __init__(self, folder, admin):
        self.folder = folder
        self.admin = admin
        self.post("/user/new", user_id=ADA, max_budget=1.7)
        self.ada = self.post(
            "/key/generate", user_id=ADA, key_alias=f"{ADA} laptop", metadata={"of": ADA}
        )
        self.bob = self.post("/key/generate", user_id="bob")
        by_ada = {"litellm-changed-by": ADA}
        self.make("/key/update", MASTER, {"key": self.bob["key"], "rpm_limit": 99}, **by_ada)

    def post(self, path, key=MASTER, **body):
        """Post JSON; it is fine."""
        answer = self.make(path, key, body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def make(self, path, key, body, **headers):
        """Post JSON."""
        return self.admin.post(path, json=body, headers={"api-key": key, **headers})

    def video(self, key, name):
        """Make a video, with an Idempotency-Key."""
        body = {"model": "sora", "prompt": PROMPT, "seconds": "8"}
        return self.make("/v1/videos", key["key"], body, **{"Idempotency-Key": name})

    def enters(self, key):
        """Return the status with which a key is let in."""
        return self.admin.get("/v1/models", headers={"api-key": key["key"]}).status_code

    def spend(self):
        """Return the rows of the spend."""
        return self.admin.get("/spend/logs", headers={"api-key": MASTER}).json()["data"]

    def until(self, condition):
        """Wait until something holds; each look is a request."""
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline
            self.admin.get("/health/live")

    def live(self):
        """Make three videos, be refused by a budget, and be told of it all."""
        hook = {"url": f"https://127.0.0.1:9/{ADA}"}
        self.post("/v1/webhook_endpoints", self.ada["key"], **hook)
        assert [self.video(self.ada, name).status_code for name in "abc"] == [200, 200, 400]
        assert self.video(self.bob, "d").status_code == 200
        ended = ["completed"] * 3 + ["failed"]
        self.until(lambda: sorted(one["status"] for one in self.spend()) == ended)
        folder = self.folder
        self.until(lambda: rows(folder / "gateway-alerts.db", "SELECT kind FROM told"))
        queue = "SELECT count(*) FROM delivery WHERE attempts > 0"
        self.until(lambda: rows(folder / "gateway-webhooks.db", queue) == [(2,)])


@pytest.fixture
def house(sandbox, tmp_path):
    """A gateway with keys of two people, alerts, and webhooks to this machine."""
    with Sink() as sink:
        content = settings_of(entry("sora", "openai/sora-2", sandbox.base_url))
        content["ledger"] = f"sqlite:///{tmp_path / 'ledger.db'}"
        content["gateway"] = {
            "alerts": {"slack": {"url": sink.url}},
            "webhooks": {"allow_private": True},
        }
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(content), "utf-8")
        with (
            process(tmp_path, "--config", "config.yaml") as (_, url),
            httpx.Client(base_url=url, timeout=20) as admin,
        ):
            yield House(tmp_path, admin)


def test_a_person_is_erased_while_the_gateway_runs(house, sandbox):
    """Name, account, keys, webhooks and alerts go; money, other people and what was made stay.

    What is younger than an age stays as it was.
    """
    house.live()
    before, folder = house.spend(), house.folder
    assert {one.partition("-wal")[0] for one in named_in(folder, ADA)} >= {
        "ledger.db", "gateway.db", "gateway-alerts.db", "gateway-webhooks.db",
    }  # fmt: skip
    purge(folder, "--user", ADA, "--older-than", "1h", "--yes")
    dry = purge(folder, "--user", ADA, "--dry-run")
    assert "1 of the gateway's keys would be closed" in dry
    assert house.spend() == before

    said = purge(folder, "--user", ADA, "--yes", "--vacuum")

    assert "1 of the gateway's keys were closed" in said
    house.until(lambda: house.enters(house.ada) == 401)
    assert named_in(folder, ADA) == []
    after = house.spend()
    assert [one["spend"] for one in after] == [one["spend"] for one in before]
    assert [one["api_key"] for one in after] == [one["api_key"] for one in before]
    assert [one["user"] for one in after] == ["bob", None, None, None]
    assert house.video(house.bob, "d").headers["idempotency-replayed"] == "true"
    answers = rows(
        folder / "ledger.db.answers", "SELECT request_hash = '', body IS NULL FROM answer"
    )
    assert sorted(answers) == [(0, 0), (1, 1), (1, 1)]
    lines = rows(folder / "gateway.db", "SELECT action, kind, actor, object_id FROM audit")
    assert lines == [
        ("created", "user", "master", "erased"),
        ("created", "key", "master", house.ada["owner"]),
        ("created", "key", "master", house.bob["owner"]),
        ("updated", "key", "erased", house.bob["owner"]),
        ("deleted", "key", "vidobs ledger purge", house.ada["owner"]),
    ]
    assert purge(folder, "--user", ADA, "--yes").startswith("nothing to do")
    assert house.enters(house.bob) == 200
    assert house.video(house.ada, "e").status_code == 401
    assert len(sandbox.jobs) == 3


def test_content_is_taken_out_of_first_answers(gateway, sandbox, tmp_path):
    """The hash of what was asked for goes; a key that is used again still makes nothing twice."""
    body = {"model": "my-sora", "prompt": "a cat", "seconds": "4"}
    with gateway.http() as http:
        http.headers["Idempotency-Key"] = "k"
        first = http.post("/v1/videos", json=body).json()["id"]
        assert "files were changed" not in purge(
            tmp_path, "--content", "--older-than", "1h", "--yes"
        )
        assert "1 entries of the gateway's files were changed" in purge(
            tmp_path, "--content", "--yes"
        )
        again = http.post("/v1/videos", json=body)
    assert (again.headers["idempotency-replayed"], again.json()["id"]) == ("true", first)
    assert len(sandbox.jobs) == 1


def test_a_file_that_is_not_there_is_said(tmp_path):
    """Nothing is purged then: whoever names a file means it."""
    options = ["--user", ADA, "--gateway-file", str(tmp_path / "no.db"), "--yes"]
    environ = {"VIDOBS_LEDGER": f"sqlite:///{tmp_path / 'ledger.db'}"}
    ran = CliRunner().invoke(app, ["ledger", "purge", *options], env=environ)
    assert ran.exit_code == 2
    assert "there is no " in ran.output
