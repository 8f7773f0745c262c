"""What the gateway says of itself."""

import json

from gateway_kit import entry, serving, settings_of


def test_health_needs_no_key(gateway):
    """Live as long as it answers; ready while the ledger works; LiteLLM's names too."""
    with gateway.http(None) as http:
        for path in ("/health", "/health/live", "/health/liveliness"):
            assert http.get(path).json() == {"status": "ok"}
        for path in ("/health/ready", "/health/readiness"):
            told = http.get(path)
            assert (told.status_code, told.json()["ledger"]) == (200, "ok")
        gateway.app.draining = True
        assert http.get("/health/ready").status_code == 503


def test_models_are_named_without_keys_or_addresses(gateway):
    """OpenAI's list, and LiteLLM's."""
    with gateway.http() as http:
        models = http.get("/v1/models").json()
        assert [model["id"] for model in models["data"]] == ["my-sora"]
        told = http.get("/model/info")
        (info,) = told.json()["data"]
        assert info["litellm_params"] == {"model": "openai/sora-2", "weight": 1.0}
        assert "127.0.0.1" not in told.text
        assert "sk-" not in told.text


def test_the_description_names_every_route(gateway):
    """Each path of it is answered, and what comes back fits its schema's required members."""
    with gateway.http() as http, gateway.http(None) as anybody:
        told = anybody.get("/openapi.json").json()
        assert "openapi.json" in anybody.get("/docs").text
        assert told["openapi"] == "3.1.0"
        made = http.post("/v1/videos", json={"model": "my-sora", "prompt": "a cat"}).json()
        required = told["components"]["schemas"]["Video"]["required"]
        assert set(required) <= made.keys()
        for path, methods in told["paths"].items():
            filled = path.replace("{video_id}", made["id"]).replace("{character_id}", "nobody")
            for method in methods:
                answer = http.request(method, filled, params={"video_id": made["id"]})
                assert answer.status_code != 405, (method, path)
                is_json = answer.content and "json" in answer.headers["content-type"]
                body = answer.json() if is_json else {}
                assert (body.get("error") or {}).get("message") != "there is no such route"
            if "delete" in methods:
                made = http.post("/v1/videos", json={"model": "my-sora", "prompt": "a"}).json()


def test_each_answer_has_an_id(gateway):
    """Errors too; no two are alike."""
    with gateway.http() as http:
        ids = {
            http.get(path).headers["x-request-id"] for path in ("/v1/models", "/v1/x", "/health")
        }
    assert len(ids) == 3


def test_routes_of_others_are_reached(sandbox, tmp_path):
    """Whole paths and beginnings of paths are answered by whoever was plugged in."""

    async def app(scope, receive, send):
        del receive
        body = json.dumps(scope["path"]).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    content = settings_of(entry("my-sora", "openai/sora-2", sandbox.base_url))
    parts = {"extra_routes": {"/key/info": app}, "mounts": {"/ui": app}}
    with serving(tmp_path, content, parts=parts) as gateway, gateway.http() as http:
        for path in ("/key/info", "/ui", "/ui/jobs"):
            assert http.get(path).json() == path
        assert http.get("/uix").status_code == 404
        assert http.get("/key/infos").status_code == 404
