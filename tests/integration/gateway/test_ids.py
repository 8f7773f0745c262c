"""Ids pin the server and the owner, on every route."""

from gateway_kit import MASTER, entry, serving, settings_of

from vidobs.dialects.litellm_ids import packed
from vidobs.gateway.seams import Principal, Refusal, Role
from vidobs.gateway.videos.ids import Signer
from vidobs.testing import Sandbox


class TwoKeys:
    """Two virtual keys and a master."""

    def principal(self, token, _):
        """Return who has a key."""
        if token == MASTER:
            return Principal(role=Role.MASTER, owner="master")
        if token in ("one", "two"):
            return Principal(role=Role.KEY, owner=f"key-{token}", team_id="red", user_id="ann")
        raise Refusal(401, "no such key", code="invalid_api_key")


def make(http, model="my-sora"):
    """Make a video; return its id."""
    made = http.post("/v1/videos", json={"model": model, "prompt": "a cat", "seconds": "4"})
    assert made.status_code == 200, made.text
    return made.json()["id"]


def test_two_servers_of_one_model_are_told_apart(tmp_path):
    """Each later call reaches the server that made the video, though both call the model alike."""
    with Sandbox(time_scale=0.02) as a, Sandbox(time_scale=0.02) as b:
        content = settings_of(
            entry("sora-a", "openai/sora-2", a.base_url),
            entry("sora-b", "openai/sora-2", b.base_url),
        )
        with serving(tmp_path, content) as gateway, gateway.client() as client:
            for model, home in (("sora-a", a), ("sora-b", b)):
                made = client.videos.create_and_poll(model=model, prompt="a cat", seconds="4")
                assert (made.status, made.model) == ("completed", model)
                assert client.videos.download_content(made.id).read()[4:8] == b"ftyp"
                assert client.videos.remix(made.id, prompt="a dog").model == model
                assert len(home.jobs) == 2


def test_weights_share_the_creates_out(tmp_path):
    """Two servers of one name both get some, and every video is found again."""
    with Sandbox(time_scale=0.02) as a, Sandbox(time_scale=0.02) as b:
        content = settings_of(
            entry("my-sora", "openai/sora-2", a.base_url),
            entry("my-sora", "openai/sora-2", b.base_url),
        )
        with serving(tmp_path, content) as gateway, gateway.http() as http:
            ids = [make(http) for _ in range(24)]
            assert all(http.get(f"/v1/videos/{its_id}").status_code == 200 for its_id in ids)
            assert a.jobs
            assert b.jobs
            assert len(a.jobs) + len(b.jobs) == 24


def test_a_video_of_another_key_is_not_there(sandbox, tmp_path):
    """Status, file, remix, deletion and list: 404 or nothing for another key, all for a master."""
    content = settings_of(entry("my-sora", "openai/sora-2", sandbox.base_url))
    with (
        serving(tmp_path, content, parts={"keys": TwoKeys()}) as gateway,
        gateway.http("one") as one,
        gateway.http("two") as two,
        gateway.http() as master,
    ):
        its_id = make(one)
        for method, path in (
            ("GET", f"/v1/videos/{its_id}"),
            ("GET", f"/v1/videos/{its_id}/content"),
            ("POST", f"/v1/videos/{its_id}/remix"),
            ("DELETE", f"/v1/videos/{its_id}"),
            ("GET", f"/v1/videos/status?video_id={its_id}"),
        ):
            json = {"prompt": "a dog"} if method == "POST" else None
            assert two.request(method, path, json=json).status_code == 404, path
        assert two.get("/v1/videos").json()["data"] == []
        assert [video["id"] for video in one.get("/v1/videos").json()["data"]] == [its_id]
        assert master.get(f"/v1/videos/{its_id}").status_code == 200
        (job,) = gateway.jobs()
        assert (job.user, job.tags["key"], job.tags["team"]) == ("ann", "key-one", "red")
        raw = sandbox.jobs[0].id
        for foreign in (raw, packed("openai", "sora-2", raw)):
            assert two.get(f"/v1/videos/{foreign}").status_code == 404
            assert one.get(f"/v1/videos/{foreign}").json()["id"] == its_id


def test_ids_of_litellm_are_understood(sandbox, tmp_path):
    """Who moves here goes on with the ids of before; the answer has the new one."""
    content = settings_of(entry("my-sora", "openai/sora-2", sandbox.base_url))
    with serving(tmp_path, content) as gateway, gateway.http() as http:
        its_id = make(http)
        raw = sandbox.jobs[0].id
        for old in (packed("openai", "sora-2", raw), packed("openai", None, raw)):
            assert http.get(f"/v1/videos/{old}").json()["id"] == its_id
        assert http.get(f"/v1/videos/{packed('azure', 'sora-2', raw)}").status_code == 404
        plain = {"custom-llm-provider": "openai"}
        assert http.get(f"/v1/videos/{raw}", headers=plain).json()["id"] == its_id


def test_a_changed_id_is_no_id():
    """Every single character counts, and so does the key."""
    signer = Signer(b"k" * 32)
    its_id = signer.seal("d1", "me", "video_123")
    found = signer.unseal(its_id)
    assert (found.deployment, found.raw) == ("d1", "video_123")
    assert found.owner == signer.owner_of("me") != signer.owner_of("you")
    assert Signer(b"j" * 32).unseal(its_id) is None
    for place in range(len("video_"), len(its_id)):
        other = "A" if its_id[place] != "A" else "B"
        assert signer.unseal(its_id[:place] + other + its_id[place + 1 :]) is None
    assert signer.unseal(its_id.replace("video_", "character_")) is None


def test_a_path_never_leads_elsewhere(gateway, sandbox):
    """What is no id is not found, and nothing but a video's path is ever asked for."""
    with gateway.http() as http:
        for path in (
            "..%2f..%2fetc%2fpasswd",
            "%2e%2e/content",
            "%2e",
            "a%00b",
            "a" * 5000,
            "video_%ff",
        ):
            assert http.get(f"/v1/videos/{path}").status_code in (404, 405), path
    assert all(each.path.startswith("/v1/videos/") for each in sandbox.requests)
