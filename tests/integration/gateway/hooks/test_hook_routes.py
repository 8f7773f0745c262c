"""The routes of webhook endpoints: whose they are, what they answer, and what they never show."""

import pytest
from hook_kit import running

from vidobs.gateway.hooks.store import HookStoreError, SqliteHookStore

pytestmark = pytest.mark.usefixtures("ledger")
URL = "http://127.0.0.1:9/hook"


async def test_the_life_of_an_endpoint(tmp_path):
    """Made with a secret that is shown once, listed, looked at, deleted."""
    async with running(tmp_path) as front:
        made = await front.register(URL, description="mine")
        listed = (await front.call("GET", "")).json()
        shown = (await front.call("GET", f"/{made['id']}")).json()
        deleted = (await front.call("DELETE", f"/{made['id']}")).json()
        gone = await front.call("GET", f"/{made['id']}")

    assert made["id"].startswith("whe_")
    assert made["secret"].startswith("whsec_")
    assert made["events"] == ["video.completed", "video.failed"]
    assert (made["object"], made["url"], made["description"]) == ("webhook_endpoint", URL, "mine")
    assert listed == {
        "object": "list",
        "data": [shown],
        "first_id": made["id"],
        "last_id": made["id"],
        "has_more": False,
    }
    assert shown == {name: value for name, value in made.items() if name != "secret"}
    assert deleted == {"id": made["id"], "object": "webhook_endpoint.deleted", "deleted": True}
    assert (gone.status_code, gone.json()["error"]["code"]) == (404, "not_found")


async def test_another_key_sees_nothing_of_it(tmp_path):
    """Neither looking, deleting nor rotating; it answers as if there were none."""
    async with running(tmp_path) as front:
        made = await front.register(URL)
        one = f"/{made['id']}"
        answers = [
            await front.call("GET", one, "sk-bob"),
            await front.call("DELETE", one, "sk-bob"),
            await front.call("POST", f"{one}/rotate", "sk-bob"),
        ]
        listed = (await front.call("GET", "", "sk-bob")).json()
        mine = (await front.call("GET", "")).json()

    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert listed["data"] == []
    assert len(mine["data"]) == 1


async def test_who_may_come_in(tmp_path):
    """A key of one's own is needed; a viewer's is not enough."""
    async with running(tmp_path) as front:
        wrong = await front.call("GET", "", "sk-wrong")
        viewer = await front.call("POST", "", "sk-viewer", json={"url": URL})

    assert (wrong.status_code, wrong.json()["error"]["code"]) == (401, "invalid_api_key")
    assert (viewer.status_code, viewer.json()["error"]["code"]) == (403, "permission_denied")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "invalid_body"),
        (b"[]", 400, "invalid_body"),
        (b'{"url": 3}', 400, "invalid_body"),
        (b'{"url": "https://a.test/", "events": ["video.started"]}', 400, "invalid_body"),
        (b'{"url": "https://a.test/", "secret": "x"}', 400, "invalid_body"),
        (b'{"url": "\xff"}', 400, "invalid_body"),
        (b'{"url": "nowhere"}', 400, "invalid_url"),
        (b" " * 20_000, 413, "request_too_large"),
    ],
    ids=["empty", "list", "number", "event", "unknown", "bytes", "nowhere", "large"],
)
async def test_bodies_that_make_no_sense(tmp_path, body, status, code):
    """An error in OpenAI's envelope, and no endpoint."""
    async with running(tmp_path) as front:
        answer = await front.call("POST", "", content=body)
        listed = (await front.call("GET", "")).json()

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert listed["data"] == []


async def test_there_is_an_end_to_endpoints(tmp_path):
    """A key has ten at most."""
    async with running(tmp_path) as front:
        for _ in range(10):
            await front.register(URL)
        answer = await front.call("POST", "", json={"url": URL})

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "too_many_endpoints")


async def test_the_file_is_the_owners_alone(tmp_path):
    """Secrets stand in it, so nobody else may read it."""
    async with running(tmp_path) as front:
        made = await front.register(URL)

    assert (tmp_path / "hooks.db").stat().st_mode & 0o077 == 0
    assert made["secret"] not in repr(SqliteHookStore(str(tmp_path / "hooks.db")).endpoints("x"))


def test_another_file_is_left_alone(tmp_path):
    """A database of something else is not written into."""
    other = tmp_path / "ledger.db"
    other.write_bytes(b"no database" * 100)

    with pytest.raises(HookStoreError, match="cannot be used"):
        SqliteHookStore(str(other))
    assert other.read_bytes() == b"no database" * 100
