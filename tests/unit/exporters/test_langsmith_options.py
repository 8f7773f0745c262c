"""What LangSmith's exporter is told, by options and variables, and what it says of answers."""

import pytest
from exporter_kit import an_event
from langsmith_kit import KEY, LangSmith, exporters
from sink_kit import Sink
from story_kit import story

from vidobs import ConfigError, ExportError
from vidobs_exporters.langsmith import LangSmithExporter

VARIABLES = (
    *("LANGSMITH_API_KEY", "LANGCHAIN_API_KEY", "LANGSMITH_PROJECT", "LANGCHAIN_PROJECT"),
    *("LANGSMITH_WORKSPACE_ID", "LANGCHAIN_WORKSPACE_ID", "LANGSMITH_TENANT_ID"),
    *("LANGSMITH_ENDPOINT", "LANGCHAIN_ENDPOINT", "LANGSMITH_BASE_URL"),
)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    """Nothing of the shell's LangSmith is used."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def exporter_of():
    """Return what makes exporters to a server."""
    with exporters() as make:
        yield make


def test_without_a_key_there_is_no_exporter():
    """The error names the variable and the option."""
    with pytest.raises(ConfigError) as caught:
        LangSmithExporter("langsmith/eu")

    assert str(caught.value) == (
        "exporter 'langsmith/eu': no API key; set LANGSMITH_API_KEY, or 'api_key' under "
        "'exporters: langsmith/eu:'"
    )


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("api_key", "lsv2_a\nb", "api_key holds a line break"),
        ("api_key", "lsv2 a", "holds a blank"),
        ("api_key", 7, "api_key is int; give text"),
        ("project", "a\x1b[2J", "project holds a line break or another control character"),
        ("url", "smith.example", "url is no address to send to"),
        ("url", "https://smith.example?key=1", "url is no address to send to"),
        ("url", "http://[", "url is no address to send to"),
        ("url", "https://me:secret@smith.example", "url is no address to send to"),
        ("media", "video", "media is 'video'; write one of: none, thumbnail"),
    ],
)
def test_an_option_that_cannot_be_is_refused(option, value, said):
    """At once, and without quoting a key."""
    with pytest.raises(ConfigError) as caught:
        LangSmithExporter(**({"api_key": KEY} | {option: value}))

    assert said in str(caught.value)
    assert "lsv2_a" not in str(caught.value)


@pytest.mark.parametrize(
    ("variables", "project", "workspace"),
    [
        ({"LANGSMITH_API_KEY": KEY}, "default", None),
        ({"LANGCHAIN_API_KEY": KEY, "LANGCHAIN_PROJECT": "old"}, "old", None),
        (
            {
                "LANGSMITH_API_KEY": f" {KEY}\n",
                "LANGCHAIN_API_KEY": "other",
                "LANGSMITH_PROJECT": "new",
                "LANGCHAIN_PROJECT": "old",
                "LANGSMITH_WORKSPACE_ID": "w-1",
            },
            "new",
            "w-1",
        ),
        ({"LANGSMITH_API_KEY": KEY, "LANGSMITH_TENANT_ID": "t-1"}, "default", "t-1"),
    ],
)
def test_the_usual_variables_are_read(monkeypatch, exporter_of, variables, project, workspace):
    """Those of LangSmith's client, of LangChain and of LiteLLM."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    with LangSmith() as server:  # which wants the key
        exporter_of(server, api_key=None).export(story()[:1])

    [request] = server.requests
    assert request.headers.get("x-tenant-id") == workspace
    assert {run["session_name"] for run in server.runs.values()} == {project}


@pytest.mark.parametrize(
    ("variable", "behind", "path"),
    [
        ("LANGSMITH_ENDPOINT", "", "/runs/multipart"),
        ("LANGSMITH_ENDPOINT", "/api/v1/", "/api/v1/runs/multipart"),
        ("LANGCHAIN_ENDPOINT", "", "/runs/multipart"),
        ("LANGSMITH_BASE_URL", "", "/api/v1/runs/multipart"),
        ("LANGSMITH_BASE_URL", "/api/v1", "/api/v1/runs/multipart"),
    ],
)
def test_the_address_comes_from_a_variable(exporter_of, monkeypatch, variable, behind, path):
    """LiteLLM's holds the host alone, and `/api/v1` comes behind it, as there."""
    with Sink() as server:
        monkeypatch.setenv(variable, server.url + behind)

        exporter_of(server, url=None).export(story()[:1])

    assert [request.path for request in server.requests] == [path]


def test_a_check_says_what_langsmith_answered(exporter_of):
    """One event goes there, and one line comes back."""
    with LangSmith() as server:
        said = exporter_of(server, project="films").check(an_event())

    assert said == f"{server.url} answered 202; project 'films'"
    assert len(server.runs) == 1


def test_a_refused_key_is_explained(exporter_of):
    """401 and 403 say what to look at; of a key of an organization also what is missing."""
    with LangSmith(org_key=True) as server:
        with pytest.raises(ExportError) as wrong:
            exporter_of(server, api_key="lsv2_wrong").check(an_event())
        with pytest.raises(ExportError) as homeless:
            exporter_of(server).check(an_event())
        exporter_of(server, workspace="w-1").check(an_event())

    assert wrong.value.retryable is homeless.value.retryable is None
    assert str(wrong.value).endswith('answered 401: {"detail":"Invalid token"}; check its key')
    assert str(homeless.value).endswith(
        'answered 403: {"error":"org_scoped_key_requires_workspace"}; check its key; '
        "a key of a whole organization needs 'workspace' too, or LANGSMITH_WORKSPACE_ID "
        "(it is sent as X-Tenant-Id)"
    )
