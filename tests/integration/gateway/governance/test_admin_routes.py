import json
from datetime import timedelta
from urllib.parse import quote

import httpx
import pytest
from governance_kit import MASTER, House

from vidobs.core.jobs import JobState, Usage
from vidobs.gateway.governance.routes import TABLE, mounts, routes
from vidobs.gateway.governance.store import AuditWanted
from vidobs.gateway.seams import Refusal

ALL = {"Authorization": f"Bearer {MASTER}"}


def app_of(house):
    """Return the routes as one ASGI application, as the gateway finds them."""
    found = routes(house.governance, house.directory)
    below = mounts(house.governance, house.directory)["/key"]

    async def app(scope, receive, send):
        await found.get(scope["path"], below)(scope, receive, send)

    return app


@pytest.fixture
async def http(house):
    """A client with the master key."""
    transport = httpx.ASGITransport(app_of(house))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://gateway", headers=ALL
    ) as client:
        yield client


async def posted(http, path, **body):
    """Post JSON and return what came back; it was fine."""
    answer = await http.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_key_is_made_with_litellms_fields(http, house):
    """Every field comes back, the text of the key once, and it opens the gateway at once."""
    await posted(http, "/team/new", team_id="films", max_budget=100)
    made = await posted(
        http,
        "/key/generate",
        models=["sora-2"],
        max_budget=12.5,
        soft_budget=10,
        budget_duration="30d",
        duration="24h",
        rpm_limit=60,
        max_parallel_requests=3,
        output_seconds_per_minute=120,
        user_id="ada@example.org",
        team_id="films",
        metadata={"project": "lighthouse"},
        key_alias="trailer",
    )
    text = made.pop("key")
    assert (text[:3], len(text)) == ("sk-", 46)
    assert made == {
        "token": made["token"],
        "token_id": made["token"],
        "key_name": f"sk-...{text[-4:]}",
        "key_alias": "trailer",
        "owner": made["owner"],
        "user_id": "ada@example.org",
        "team_id": "films",
        "expires": "2026-11-21T12:00:00Z",
        "models": ["sora-2"],
        "max_budget": 12.5,
        "soft_budget": 10,
        "budget_duration": "30d",
        "budget_reset_at": "2026-12-01T00:00:00Z",
        "spend": 0,
        "reserved": 0,
        "rpm_limit": 60,
        "output_seconds_per_minute": 120,
        "max_parallel_requests": 3,
        "running_jobs": 0,
        "metadata": {"project": "lighthouse"},
        "blocked": False,
        "created_at": "2026-11-20T12:00:00Z",
        "updated_at": "2026-11-20T12:00:00Z",
    }
    principal = house.principal(text)
    assert (principal.owner, principal.alias) == (made["owner"], "trailer")
    assert principal.models == ("sora-2",)
    info = (await http.get("/key/info", params={"key": text})).json()
    assert info == {"key": made["token"], "info": made}


async def test_nothing_that_is_kept_opens_a_key(http, tmp_path):
    """The text is in no file, in no list and in no line of the audit log."""
    text = (await posted(http, "/key/generate"))["key"]
    await posted(http, "/key/regenerate", key=text)
    for path in ("/key/list?return_full_object=true", "/audit/logs"):
        assert text not in (await http.get(path)).text
    for file in tmp_path.iterdir():
        assert text.encode() not in file.read_bytes(), file
    assert (tmp_path / "gateway.db").stat().st_mode & 0o077 == 0


async def test_an_update_changes_what_is_sent_and_null_clears(http, house):
    """What is absent stays as it is."""
    made = await posted(http, "/key/generate", max_budget=5, rpm_limit=7, key_alias="a")
    changed = await posted(http, "/key/update", key=made["key"], max_budget=None, models=["m"])
    assert (changed["max_budget"], changed["rpm_limit"]) == (None, 7)
    assert (changed["models"], changed["key_alias"]) == (["m"], "a")
    assert "key" not in changed
    assert house.principal(made["key"]).models == ("m",)


@pytest.mark.parametrize("name", ["key", "token", "owner", "key_alias"])
async def test_a_key_is_named_by_text_hash_id_or_alias(http, house, name):
    """An admin who has any of them can block it, open it again, and delete it."""
    made = await posted(http, "/key/generate", key_alias="a")
    await posted(http, "/key/block", key=made[name])
    with pytest.raises(Refusal, match="this key is blocked"):
        house.principal(made["key"])
    await posted(http, "/key/unblock", key=made[name])
    assert house.principal(made["key"]).owner == made["owner"]
    assert await posted(http, "/key/delete", keys=[made[name]]) == {"deleted_keys": [made["token"]]}
    with pytest.raises(Refusal, match="not known"):
        house.principal(made["key"])
    assert (await http.get("/key/info", params={"key": made[name]})).status_code == 404


async def test_rotation_keeps_the_owner_and_the_old_key_for_a_while(http, house):
    """Videos, budget and spend stay; the old text stops at the end of its grace period."""
    made = await posted(http, "/key/generate", max_budget=5)
    fresh = await posted(http, "/key/regenerate", key=made["key"], grace_period="1h")
    assert fresh["owner"] == made["owner"]
    assert fresh["key"] != made["key"]
    assert fresh["token"] != made["token"]
    assert house.principal(made["key"]) == house.principal(fresh["key"])
    house.clock.move(hours=1)
    with pytest.raises(Refusal, match="this key expired at 2026-11-20 13:00:00 UTC"):
        house.principal(made["key"])
    assert house.principal(fresh["key"]).owner == made["owner"]
    newest = await posted(http, "/key/regenerate", key=fresh["key"])
    with pytest.raises(Refusal, match="expired"):
        house.principal(fresh["key"])
    assert house.principal(newest["key"]).owner == made["owner"]


@pytest.mark.parametrize("name", ["key", "token", "key_alias"])
async def test_the_key_to_rotate_may_stand_in_the_path(http, house, name):
    """As LiteLLM's clients send it, with the other fields in the body or without one."""
    made = await posted(http, "/key/generate", key_alias="the trailer/2")
    path = f"/key/{quote(made[name], safe='')}/regenerate"
    fresh = await posted(http, path, grace_period="1h", max_budget=7)
    assert (fresh["owner"], fresh["max_budget"]) == (made["owner"], 7)
    assert house.principal(made["key"]) == house.principal(fresh["key"])
    newest = (await http.post(f"/key/{fresh['token']}/regenerate")).json()
    assert house.principal(newest["key"]).owner == made["owner"]
    with pytest.raises(Refusal, match="expired"):
        house.principal(fresh["key"])


async def test_paths_of_keys_that_are_refused(http):
    """Another key in the body, an unknown one, no right to it, and paths that mean nothing."""
    made = await posted(http, "/key/generate")
    path = f"/key/{made['owner']}/regenerate"
    other = await http.post(path, json={"key": "sk-other"})
    assert (other.status_code, other.json()["error"]["code"]) == (400, "bad_request")
    assert (await http.post(path, content=b"no")).status_code == 400
    assert (await http.post("/key/nobody/regenerate")).status_code == 404
    own = {"Authorization": f"Bearer {made['key']}"}
    assert (await http.post(path, headers=own)).status_code == 403
    assert (await http.get(path)).headers["allow"] == "POST"
    for wrong in ("/key//regenerate", "/key/a/forget", "/key/a", "/key"):
        assert (await http.post(wrong)).status_code == 404


async def test_keys_are_listed_by_page(http):
    """The newest come first; hashes, or whole objects where they are asked for."""
    made = [
        await posted(http, "/key/generate", user_id="u" if number % 2 else "v")
        for number in range(5)
    ]
    page = (await http.get("/key/list", params={"page": 2, "size": 2})).json()
    assert (page["total_count"], page["current_page"], page["total_pages"]) == (5, 2, 3)
    assert set(page["keys"]) < {one["token"] for one in made}
    only = {"user_id": "u", "return_full_object": "true"}
    found = (await http.get("/key/list", params=only)).json()["keys"]
    assert {one["owner"] for one in found} == {made[1]["owner"], made[3]["owner"]}


async def test_users_and_teams_have_budgets_of_their_own(http, house):
    """They are made, changed, shown with their keys, listed, blocked and deleted."""
    for kind in ("user", "team"):
        made = await posted(http, f"/{kind}/new", **{f"{kind}_alias": "A", "max_budget": 1})
        its_id = made[f"{kind}_id"]
        assert (made[f"{kind}_alias"], made["max_budget"]) == ("A", 1)
        await posted(http, f"/{kind}/update", **{f"{kind}_id": its_id, "max_budget": 2})
        key = await posted(http, "/key/generate", **{f"{kind}_id": its_id})
        shown = (await http.get(f"/{kind}/info", params={f"{kind}_id": its_id})).json()
        assert shown[f"{kind}_info"]["max_budget"] == 2
        assert [one["token"] for one in shown["keys"]] == [key["token"]]
        listed = (await http.get(f"/{kind}/list")).json()
        assert [one[f"{kind}_id"] for one in listed[f"{kind}s"]] == [its_id]
        await posted(http, f"/{kind}/block", **{f"{kind}_id": its_id})
        with pytest.raises(Refusal, match=f"the {kind} is blocked"):
            house.principal(key["key"])
        await posted(http, f"/{kind}/unblock", **{f"{kind}_id": its_id})
        assert house.principal(key["key"]).owner == key["owner"]
        await posted(http, f"/{kind}/delete", **{f"{kind}_ids": [its_id]})
        with pytest.raises(Refusal, match=f"the {kind} is deleted"):
            house.principal(key["key"])


WRONG = [
    ("/key/generate", b"{", 400, "the body cannot be read"),
    ("/key/generate", b"[]", 400, "the body cannot be read"),
    ("/key/generate", b'{"metadata":' + b"[" * 100_000, 400, "the body cannot be read"),
    ("/key/generate", b"\xff", 400, "the body cannot be read"),
    ("/key/generate", {"max_budget": "much"}, 400, "max_budget"),
    ("/key/generate", {"max_budget": -1}, 400, "max_budget: got -1"),
    ("/key/generate", {"rpm_limit": -1}, 400, "rpm_limit: got -1"),
    ("/key/generate", {"budget_duration": "30x"}, 400, "budget_duration: got '30x'"),
    ("/key/generate", {"duration": "999999mo"}, 400, "more than a hundred years"),
    ("/key/generate", {"team_id": "nobody"}, 404, "no such team: 'nobody'"),
    ("/key/generate", {"user_id": "sk-proj-abcdefghijkl"}, 400, "user_id: got"),
    ("/key/generate", {"user_id": "a\nb"}, 400, "user_id: got"),
    ("/key/generate", {"key": "sk-short"}, 400, "key: write at least 16 characters"),
    ("/key/generate", {"key": "pw-123456789012345"}, 400, "begins with 'sk-'"),
    ("/key/generate", {"tpm_limit": 5}, 400, "tpm_limit: vidobs would not keep to it"),
    ("/key/generate", {"metadata": {"x": "y" * 20_000}}, 400, "metadata: at most"),
    ("/key/generate", {"models": [""]}, 400, "models: at most"),
    ("/key/generate", b"x" * (1 << 20) + b"x", 413, "at most 1048576 bytes"),
    ("/key/update", {}, 400, "key: say which one"),
    ("/key/update", {"key": "sk-" + "a" * 43}, 404, "no such key: sk-...aaaa"),
    ("/key/delete", {}, 400, "keys: name those to delete"),
    ("/key/regenerate", {"key": "there", "grace_period": "soon"}, 400, "grace_period: got"),
    ("/team/new", {"team_id": "there"}, 409, "there is a team with the alias or id 'there'"),
    ("/team/delete", {}, 400, "team_ids: name those to delete"),
    ("/user/update", {"user_id": "nobody"}, 404, "no such user: 'nobody'"),
]


async def test_what_cannot_be_done_is_said_in_openais_envelope(http):
    """Nothing is changed, and the text says what to do."""
    await posted(http, "/team/new", team_id="there")
    await posted(http, "/key/generate", key_alias="there")
    before = (await http.get("/audit/logs")).json()["total"]
    for path, body, status, said in WRONG:
        content = body if isinstance(body, bytes) else json.dumps(body)
        answer = await http.post(path, content=content)
        assert answer.status_code == status, said
        error = answer.json()["error"]
        assert said in error["message"]
        assert set(error) == {"message", "type", "param", "code"}
    assert (await http.get("/audit/logs")).json()["total"] == before


async def test_an_alias_belongs_to_one_living_key(http):
    """A second one is refused; a deleted one gives it free."""
    made = await posted(http, "/key/generate", key_alias="a")
    assert (await http.post("/key/generate", json={"key_alias": "a"})).status_code == 409
    await posted(http, "/key/delete", key_aliases=["a"])
    again = await posted(http, "/key/generate", key_alias="a")
    assert again["owner"] != made["owner"]


async def test_only_the_master_key_manages(http):
    """A virtual key, a wrong key and no key at all may do none of it."""
    own = (await posted(http, "/key/generate"))["key"]
    for path, (method, _) in TABLE.items():
        for token, status in ((own, 403), ("sk-wrong", 401), (None, 401)):
            headers = {"Authorization": f"Bearer {token}" if token else ""}
            answer = await http.request(method, path, headers=headers, content=b"{}")
            of_itself = token == own and path in ("/key/info", "/spend/logs")
            assert answer.status_code == (200 if of_itself else status), path
        wrong_way = await http.request("PUT", path)
        assert (wrong_way.status_code, wrong_way.headers["allow"]) == (405, method)


async def test_a_viewer_looks_and_changes_nothing(tmp_path):
    """The configured viewer key may read everything."""
    house = House(tmp_path, parts={"keys": {"viewer_key": "sk-viewer-of-tests"}})
    transport = httpx.ASGITransport(app_of(house))
    headers = {"x-litellm-api-key": "sk-viewer-of-tests"}
    async with httpx.AsyncClient(transport=transport, base_url="http://g", headers=headers) as http:
        for path, (method, _) in TABLE.items():
            answer = await http.request(method, path, content=b"{}")
            assert (answer.status_code == 403) == (method == "POST"), path
    house.close()


async def test_a_key_sees_itself_and_no_other(http, house):
    """`/key/info` and `/spend/logs` answer a key about itself only."""
    mine, other = [await posted(http, "/key/generate") for _ in range(2)]
    house.run(mine["key"])
    house.run(other["key"])
    house.governance.keeper.round()
    headers = {"Authorization": f"Bearer {mine['key']}"}
    assert (await http.get("/key/info", headers=headers)).json()["key"] == mine["token"]
    asked = {"key": mine["key"]}
    assert (await http.get("/key/info", params=asked, headers=headers)).status_code == 200
    for name in (other["key"], other["owner"], "nobody"):
        refused = await http.get("/key/info", params={"key": name}, headers=headers)
        assert refused.status_code == 403
    asked = {"api_key": other["key"]}
    found = (await http.get("/spend/logs", params=asked, headers=headers)).json()["data"]
    assert {one["api_key"] for one in found} == {mine["owner"]}


async def test_without_a_master_key_nobody_manages(tmp_path):
    """Whoever comes in may make videos, and is told what to configure."""
    house = House(tmp_path, master=None)
    transport = httpx.ASGITransport(app_of(house))
    async with httpx.AsyncClient(transport=transport, base_url="http://g") as http:
        answer = await http.post("/key/generate", json={})
        assert answer.status_code == 403
        assert "general_settings.master_key" in answer.json()["error"]["message"]
    house.close()


async def test_the_audit_log_says_who_did_what(http):
    """Each change is a line with before and after, by whoever the master key speaks for."""
    made = await posted(http, "/key/generate", max_budget=1)
    await http.post(
        "/key/update",
        json={"key": made["key"], "max_budget": 2},
        headers={"litellm-changed-by": "ada"},
    )
    await posted(http, "/key/delete", keys=[made["owner"]])
    asked = {"table_name": "key", "object_id": made["owner"]}
    lines = (await http.get("/audit/logs", params=asked)).json()["audit_logs"]
    assert [(one["action"], one["changed_by"]) for one in lines] == [
        ("deleted", "master"),
        ("updated", "ada"),
        ("created", "master"),
    ]
    assert lines[1]["before_value"]["allowance"] == {"max_budget": 1}
    assert lines[1]["updated_values"]["allowance"] == {"max_budget": 2}
    assert lines[2]["before_value"] is None


async def test_spend_is_listed_by_job(http, house):
    """Each job with whose it is, what it cost and how it stands; filtered and by page."""
    await posted(http, "/team/new", team_id="films")
    key = await posted(http, "/key/generate", user_id="ada", team_id="films")
    done = house.run(key["key"])
    asked, _ = house.admit(key["key"])
    job = house.intend(key["key"], asked)
    house.record(job, id="running", state=JobState.QUEUED)
    house.clock.move(days=1)
    house.run(MASTER, model="veo")
    house.governance.keeper.round()
    page = (await http.get("/spend/logs")).json()
    assert (page["total"], page["page"], page["total_pages"]) == (3, 1, 1)
    assert {one["request_id"]: one["status"] for one in page["data"]}[job.job_id] == "queued"
    found = (await http.get("/spend/logs", params={"request_id": done.job_id})).json()["data"]
    assert found == [
        {
            "request_id": done.job_id,
            "call_type": "create",
            "api_key": key["owner"],
            "user": "ada",
            "team_id": "films",
            "model": "sora-2",
            "custom_llm_provider": "openai",
            "upstream_model": "sora-2",
            "status": "completed",
            "cost_status": "settled",
            "spend": 0.8,
            "quoted_usd": 0.8,
            "possible_usd": None,
            "startTime": "2026-11-20T12:00:00Z",
            "endTime": found[0]["endTime"],
            "seconds": 8.0,
        }
    ]
    for asked, count in (
        ({"api_key": key["key"]}, 2),
        ({"api_key": "master"}, 1),
        ({"user_id": "ada", "status": "queued"}, 1),
        ({"team_id": "films"}, 2),
        ({"model": "veo"}, 1),
        ({"start_date": "2026-11-21"}, 1),
        ({"end_date": "2026-11-20"}, 2),
        ({"end_date": "2026-11-20T12:00"}, 0),
        ({"page_size": 2, "page": 2}, 1),
    ):
        answer = await http.get("/spend/logs", params=asked)
        assert len(answer.json()["data"]) == count, asked


async def test_spend_is_summed_up(http, house):
    """By key, user, team, model and day; running and unpriced jobs are counted, not guessed."""
    key = await posted(http, "/key/generate", user_id="ada", key_alias="trailer")
    house.run(key["key"])
    house.run(key["key"], seconds="4", usd="0.40")
    house.intend(key["key"], house.admit(key["key"])[0])
    house.clock.now += timedelta(days=1)
    job = house.intend(MASTER, house.admit(MASTER, None, model="veo")[0])
    house.record(job, id="x", state=JobState.COMPLETED, usage=Usage())
    house.governance.keeper.round()
    day = {"start_date": "2026-11-20", "end_date": "2026-11-20", "group_by": "key"}
    report = (await http.get("/spend/report", params=day)).json()
    assert report["spend"] == 1.2
    assert report["rows"] == [
        {
            "name": key["owner"],
            "alias": "trailer",
            "jobs": 2,
            "spend": 1.2,
            "possible_usd": 0,
            "running": 0,
            "unknown": 0,
            "seconds": 12.0,
        }
    ]
    for by, names in (
        ("user", ["ada", None]),
        ("team", [None]),
        ("model", ["sora-2", "veo"]),
        ("day", ["2026-11-20", "2026-11-21"]),
    ):
        rows = (await http.get("/spend/report", params={"group_by": by})).json()["rows"]
        assert [row["name"] for row in rows] == names, by
    assert (await http.get("/spend/report", params={"group_by": "moon"})).status_code == 400


@pytest.mark.parametrize(
    "asked", [{"page": "0"}, {"page_size": "1000"}, {"page": "x"}, {"start_date": "soon"}]
)
async def test_a_wrong_parameter_is_said(http, asked):
    """400, with what to write."""
    answer = await http.get("/spend/logs", params=asked)
    assert answer.status_code == 400
    assert next(iter(asked)) in answer.json()["error"]["message"]


async def test_half_a_call_is_none(house):
    """A client that hangs up before its body is whole has made no key."""
    app = app_of(house)
    sent = []

    async def receive():
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/key/generate",
        "query_string": b"",
        "headers": [(b"authorization", ALL["Authorization"].encode())],
    }
    await app(scope, receive, send)
    assert sent == []
    assert house.store.count_audit(AuditWanted()) == 0
