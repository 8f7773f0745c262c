"""The description of the API tells of everything that the gateway serves, and of nothing else."""

import json

import pytest
from gateway_kit import entry, serving, settings_of, whole

from vidobs.gateway.app import OPEN
from vidobs.gateway.governance.fields import Fields
from vidobs.gateway.governance.routes import TABLE
from vidobs.gateway.hooks.paths import PATHS
from vidobs.gateway.routes import openapi, openapi_bodies, provider_events, table
from vidobs.gateway.routes.openapi_admin import ADMIN

METHODS = ("get", "head", "post", "put", "patch", "delete")
PLACES = {"video_id": "video_1", "character_id": "char_1", "endpoint_id": "whe_1"}
_WHOLE = openapi.Offer(frozenset((*TABLE, *PATHS, "/metrics", "/ui")))


def described(document):
    """Return methods and paths of a document."""
    return {(method, path) for path, item in document["paths"].items() for method in item}


def known():
    """Return methods and paths that the parts of the gateway say they have."""
    videos = {(method.lower(), path) for method, path in table.served()}
    admin = {(method.lower(), path) for path, (method, _) in TABLE.items()}
    hooks = {
        (method, f"{path}{more}")
        for path in PATHS
        for method, more in (
            ("post", ""), ("get", ""), ("get", "/{endpoint_id}"), ("delete", "/{endpoint_id}"),
            ("post", "/{endpoint_id}/rotate"),
        )
    }  # fmt: skip
    return {
        *videos,
        *((method, f"/v1{path}") for method, path in videos),
        *(("get", path) for path in (*OPEN, "/metrics", "/ui")),
        ("post", provider_events.PATH),
        *admin,
        *hooks,
    }


def test_what_is_described_is_what_is_served():
    """A new route without a description fails here, and so does one too many."""
    document = json.loads(openapi.description(_WHOLE).body)
    assert described(document) == known()


def test_the_command_serves_what_it_describes(sandbox, tmp_path):
    """Methods that are described are answered, others get a 405 in the envelope; all have an id."""
    with whole(sandbox, tmp_path) as http:
        document = http.get("/openapi.json").json()
        assert described(document) == known()
        for path, item in document["paths"].items():
            filled = path.format(**PLACES)
            for method in METHODS:
                answer = http.request(method, filled)
                if method in item or (method == "head" and answer.status_code != 405):
                    assert answer.status_code not in (405, 500, 501), (method, path)
                elif path != "/ui":  # described by itself
                    assert answer.status_code == 405, (method, path, answer.text)
                    assert method == "head" or "error" in answer.json(), (method, path)
                    assert answer.headers["allow"], (method, path)
                assert answer.headers["x-request-id"].startswith("req_"), (method, path)


def test_what_a_gateway_has_not_is_not_described(gateway):
    """Without keys, webhooks and pages there are only videos, models and its health."""
    with gateway.http(None) as http:
        document = http.get("/openapi.json").json()
        page = http.get("/docs")
    paths = {path for _, path in described(document)}
    assert paths == {
        *(path for _, path in known() if path.startswith(("/v1", "/videos", "/model"))
          and "webhook" not in path),
        *OPEN,
        provider_events.PATH,
    }  # fmt: skip
    assert document["security"] == [{"bearer": []}, {"litellm": []}, {"azure": []}]
    assert "/v1/videos/{video_id}/remix" in page.text
    assert "/key/generate" not in page.text
    assert "<script" not in page.text


def test_without_a_master_key_none_is_needed(sandbox, tmp_path):
    """The description says so."""
    content = settings_of(entry("my-sora", "openai/sora-2", sandbox.base_url), master_key=None)
    with serving(tmp_path, content) as gateway, gateway.http(None) as http:
        assert {} in http.get("/openapi.json").json()["security"]


def test_every_reference_leads_somewhere():
    """Schemas and answers that are named are there; operations have names of their own."""
    document = json.loads(openapi.description(_WHOLE).body)
    text = json.dumps(document)
    named = set()
    for piece in text.split('"$ref": "#/')[1:]:
        named.add(piece.partition('"')[0])
    assert named
    for name in named:
        found = document
        for part in name.split("/"):
            found = found[part]
    names = [one["operationId"] for item in document["paths"].values() for one in item.values()]
    assert len(names) == len(set(names))
    assert '"decimal"' not in text


@pytest.mark.parametrize("kind", sorted({one.body for one in ADMIN if one.body}, key=str))
def test_bodies_of_admins_have_fields_that_are_read(kind):
    """No field is described that the gateway would ignore."""
    assert set(kind.__struct_fields__) <= set(Fields.__struct_fields__)


def test_every_field_that_is_read_is_described():
    """The bodies of all calls together have each of them."""
    fields = {name for one in ADMIN if one.body for name in one.body.__struct_fields__}
    assert fields == set(Fields.__struct_fields__)
    assert openapi_bodies.NewKey in {one.body for one in ADMIN}


def test_a_whole_number_may_have_a_point(sandbox, tmp_path):
    """JSON knows one kind of numbers: `60.0` is taken for 60, and `0.5` for a mistake."""
    with whole(sandbox, tmp_path) as http:
        made = http.post("/key/generate", json={"rpm_limit": 60.0})
        wrong = http.post("/key/generate", json={"rpm_limit": 0.5})
    assert (made.status_code, made.text.count('"rpm_limit":60,')) == (200, 1)
    assert wrong.status_code == 400
    assert "rpm_limit: got 0.5" in wrong.json()["error"]["message"]
