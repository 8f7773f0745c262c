"""Idempotency: one key, one job."""

import asyncio

import httpx

KEY = {"authorization": "Bearer sk-test"}


def test_a_repeated_key_replays(http, sandbox, clock):
    """The same key and parameters answer as the first time, whatever the encoding, with no job."""
    key = {"idempotency-key": "k1"}
    first = http.post("/videos", json={"prompt": "a cat", "seconds": 8}, headers=key)
    clock.move(5)
    parts = {"prompt": (None, "a cat"), "seconds": (None, "8")}
    again = http.post("/videos", files=parts, headers=key)
    assert (again.status_code, again.json()) == (200, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert [(job.idempotency_key, job.replays) for job in sandbox.jobs] == [("k1", 1)]
    assert [request.idempotency_key for request in sandbox.requests] == ["k1", "k1"]


def test_a_key_belongs_to_its_parameters(error_of, http, sandbox, finished):
    """The same key with other parameters, or another operation, is a 400 that names them."""
    key = {"idempotency-key": "k1"}
    http.post("/videos", json={"prompt": "a cat", "seconds": "8"}, headers=key)
    other = http.post("/videos", json={"prompt": "a cat", "seconds": "4"}, headers=key)
    assert error_of(other) == (400, "seconds", "idempotency_key_reused")
    remix = http.post(f"/videos/{finished}/remix", json={"prompt": "a cat"}, headers=key)
    assert error_of(remix)[2] == "idempotency_key_reused"
    assert "seconds, the operation, the source" in remix.json()["error"]["message"]
    assert len(sandbox.jobs) == 2


def test_a_key_is_kept_for_a_day(http, sandbox, clock):
    """Until 24 hours after the first request a key replays; then it makes a job of its own."""
    body = {"json": {"prompt": "a cat"}, "headers": {"idempotency-key": "k1"}}
    first = http.post("/videos", **body).json()["id"]
    clock.move(86_399)
    assert http.post("/videos", **body).json()["id"] == first
    clock.move(1)
    second = http.post("/videos", **body).json()["id"]
    assert second != first
    assert http.post("/videos", **body).json()["id"] == second
    assert [job.replays for job in sandbox.jobs] == [1, 1]


def test_requests_at_once_with_one_key_make_one_job(sandbox):
    """Thirty creates with one key, all at the same time: one job, one answer."""

    async def create_all() -> list[str]:
        key = KEY | {"idempotency-key": "k1"}
        async with httpx.AsyncClient(base_url=sandbox.base_url, headers=key) as http:
            creates = [http.post("/videos", json={"prompt": "a cat"}) for _ in range(30)]
            return [answer.json()["id"] for answer in await asyncio.gather(*creates)]

    assert len(set(asyncio.run(create_all()))) == 1
    assert [job.replays for job in sandbox.jobs] == [29]
