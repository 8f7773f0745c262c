"""The JSON twins: each answer is what OpenAPI says, and each page is there, filled or empty."""

import re
from datetime import UTC, datetime, timedelta
from itertools import product

import httpx
import jsonschema
import pytest
from boards_of_failures import fail, hostile
from dashboard_kit import past, served

from vidobs.core.jobs import Reason
from vidobs.dashboard.openapi import described
from vidobs.dashboard.registry import PAGES

TOKEN = "a-token-for-the-tests"
HEADERS = {"authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module", params=["empty", "filled", "hostile"])
def site(request, tmp_path_factory):
    """A dashboard, and the parts of paths that lead to something there."""
    folder = tmp_path_factory.mktemp(request.param)
    ledger, job_id = folder / "ledger.db", None
    if request.param == "filled":
        with past(ledger) as made:
            made.days(4, a_day=6)
            made.running(ago_s=90, progress=30)
            job_id = fail(made, ago=timedelta(hours=1), reason=Reason.TIMEOUT)
    elif request.param == "hostile":
        job_id = hostile(ledger, now=datetime.now(UTC))
    with (
        served(ledger, token=TOKEN) as server,
        httpx.Client(base_url=server.root_url, headers=HEADERS) as client,
    ):
        parts = {}
        if job_id is not None:
            errors = client.get("/api/failures").json()["errors"]
            parts = {"job_id": job_id, "fingerprint": errors[0]["fingerprint"]}
        yield client, parts


@pytest.fixture(scope="module")
def document():
    """What `/api/openapi.json` answers."""
    return described()


def path_of(page, parts):
    """Return the address of a page that is there, `None` where there is none."""
    names = re.findall(r"{(\w+)}", page.path)
    if not set(names) <= set(parts):
        return None
    return page.path.format(**parts)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_page_is_there_and_its_twin_is_as_described(site, document, page):
    """HTML of one heading, and JSON of its schema; where there is nothing, both say 404."""
    client, parts = site
    path = path_of(page, parts)
    wanted = path or page.path.format(job_id="job_" + "0" * 32, fingerprint="0" * 16)
    api = "/api/overview" if wanted == "/" else f"/api{wanted}"

    html, twin = client.get(wanted), client.get(api)

    assert html.status_code == twin.status_code == (404 if path is None else 200), html.text[-500:]
    assert html.headers["content-type"] == "text/html; charset=utf-8"
    assert html.text.count("<h1") == 1
    assert twin.headers["content-type"] == "application/json"
    answers = document["paths"][page.api_path]["get"]["responses"]
    schema = answers[str(twin.status_code)]["content"]["application/json"]["schema"]
    validator = jsonschema.Draft202012Validator(
        {**schema, "components": document["components"]},
        format_checker=jsonschema.FormatChecker(),
    )
    problems = [
        f"{list(one.absolute_path)}: {one.message[:200]}"
        for one in validator.iter_errors(twin.json())
    ]
    assert problems == []


def test_the_description_is_openapi(document):
    """References lead somewhere, every parameter of a path is described, names are unique."""
    assert document["openapi"].startswith("3.1.")
    operations = [one["get"] for one in document["paths"].values()]
    assert len({one["operationId"] for one in operations}) == len(operations) == len(PAGES)
    schemas = document["components"]["schemas"]
    for name in re.findall(r"#/components/schemas/([\w.-]+)", str(document)):
        assert name in schemas
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)
    for path, item in document["paths"].items():
        described_parts = {one["name"] for one in item["get"]["parameters"] if one["in"] == "path"}
        assert described_parts == set(re.findall(r"{(\w+)}", path))
        assert set(item["get"]["responses"]) == {"200", "400", "404", "503"}


def test_the_description_is_served(site, document):
    """As it is made from the structs."""
    client, _ = site
    answer = client.get("/api/openapi.json")

    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json()["paths"]) == set(document["paths"])


HARD = ["9" * 3000, "9999-12-31T23:59:59", "%ff%00%fe"]
STRANGE = [
    *(
        *HARD,
        "x" * 3000,
        "-1",
        "1e9",
        "' OR 1=1 --",
        "\u202e",
        "[]",
        "NaN",
        "=",
        "a:b:c",
        "{{7*7}}",
    ),
    *("0001-01-01", "1969-12-31", "9999-12-31", "0001-01-01T00:00:00%2B14:00"),
    *("1" * 19, "9007199254740993"),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_strange_parameters_are_no_fault_of_the_server(site, page):
    """Very long, of another kind, not even text: never a 500."""
    ask_strangely(site, page, HARD)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_stranger_parameters_are_no_fault_of_the_server(site, page):
    """All that comes to mind, for the pages and for their twins."""
    ask_strangely(site, page, STRANGE, twins=("", "/api"))


def ask_strangely(site, page, values, twins=("/api",)):
    """Give each parameter of a page each value; nothing may break."""
    client, parts = site
    path = path_of(page, parts) or page.path.format(job_id="x", fingerprint="x")
    asked = [one.name for one in page.parameters if one.where == "query"]
    for name, value, twin in product(asked, values, twins):
        query = f"{name}={value}" if "%" in value else str(httpx.QueryParams({name: value}))
        address = f"{twin}{'/overview' if twin and path == '/' else path}?{query}"
        answer = client.get(address)
        assert answer.status_code in (200, 303, 400, 404), f"{address[:200]}: {answer.text[:300]}"
        assert len(answer.content) < 2_000_000
