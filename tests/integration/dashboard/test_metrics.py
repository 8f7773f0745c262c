"""`/metrics` of the dashboard over HTTP: who may scrape it, and in which format."""

import httpx
import pytest
from boards_of_failures import failing
from dashboard_kit import served
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain

TOKEN = "a-token-for-a-scraper"
OPEN = "application/openmetrics-text"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A dashboard with a fixed token, over a few failures."""
    with served(failing(tmp_path_factory.mktemp("scrape") / "ledger.db"), token=TOKEN) as started:
        yield started


def test_a_scraper_has_the_token_and_a_browser_a_session(server):
    """Nobody else reads what is spent, and nothing but GET is answered."""
    bearer = {"authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=server.root_url) as client:
        assert client.get("/metrics").status_code == 401
        assert client.get("/metrics", headers={"authorization": "Bearer x"}).status_code == 401
        assert client.get("/metrics", headers=bearer).status_code == 200
        assert client.post("/metrics", headers=bearer).status_code == 405
        assert client.get(server.url).status_code == 303
        assert client.get("/metrics").status_code == 200


@pytest.mark.parametrize(
    ("accept", "kind", "read"),
    [("", "text/plain", plain), (f"{OPEN}; version=1.0.0", OPEN, open_metrics)],
)
def test_both_formats(server, accept, kind, read):
    """As the scraper asks for; each series once, and the same numbers."""
    headers = {"authorization": f"Bearer {TOKEN}", "accept": accept}
    answer = httpx.get(f"{server.root_url}/metrics", headers=headers)
    samples = [sample for family in read(answer.text) for sample in family.samples]

    assert answer.headers["content-type"].startswith(kind)
    assert "accept" in answer.headers["vary"]
    keys = [(one.name, tuple(sorted(one.labels.items()))) for one in samples]
    assert len(set(keys)) == len(keys) > 100
    (failed,) = (
        one.value
        for one in samples
        if one.name == "vidobs_ledger_jobs" and one.labels == {"vidobs_job_state": "failed"}
    )
    assert failed == 5
