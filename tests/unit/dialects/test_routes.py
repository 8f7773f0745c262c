import pytest

from vidobs.core.calls import Operation
from vidobs.dialects.openai import Route, address_of, provider_of, route


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("post", "/videos", Route(Operation.CREATE)),
        ("get", "/videos", Route(Operation.LIST)),
        ("get", "/videos?after=video_1&limit=2", Route(Operation.LIST)),
        ("get", "/videos/video_1", Route(Operation.RETRIEVE, "video_1")),
        ("get", "/videos/video_1/", Route(Operation.RETRIEVE, "video_1")),
        ("delete", "/videos/video_1", Route(Operation.DELETE, "video_1")),
        ("get", "/videos/video_1/content", Route(Operation.DOWNLOAD, "video_1")),
        ("post", "/videos/video_1/remix", Route(Operation.REMIX, "video_1")),
        ("post", "/videos/edits", Route(Operation.EDIT)),
        ("post", "/videos/extensions", Route(Operation.EXTEND)),
        ("post", "/videos/characters", Route(Operation.CHARACTER)),
        ("post", "/videos/sync", Route(Operation.CREATE)),
        ("get", "/videos/characters/char_1", Route(Operation.GET_CHARACTER, "char_1")),
        ("get", "/videos/a%2Fb%20%C3%A4", Route(Operation.RETRIEVE, "a/b ä")),
        (
            "get",
            "/videos/video_1/content?variant=thumbnail&x=y",
            Route(Operation.DOWNLOAD, "video_1", "thumbnail"),
        ),
    ],
)
@pytest.mark.parametrize(
    "prefix",
    [
        "",
        "/v1",
        "/openai/v1",
        "https://api.openai.com/v1",
        "https://r.openai.azure.com/openai/v1",
        "https://r.openai.azure.com/openai",
        "http://localhost:8000/api/v3",
    ],
)
def test_video_calls_are_recognised(prefix, method, path, expected):
    """Relative to the base, under a version, and as absolute URLs; in any case of the method."""
    assert route(method, prefix + path) == expected
    assert route(method.upper(), prefix + path) == expected


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("post", "/chat/completions"),
        ("get", "/models"),
        ("post", "/videos/generations"),
        ("post", "/videos/text2video"),
        ("get", "/videos/text2video/task_1"),
        ("get", "/videos/sync"),
        ("get", "/videos/edits"),
        ("get", "/videos/characters"),
        ("put", "/videos/video_1"),
        ("delete", "/videos"),
        ("post", "/videos/video_1/content"),
        ("get", "/videos/video_1/content/extra"),
        ("get", "/videos//content"),
        ("get", "/videosphere"),
        ("get", "/videos_1"),
        ("get", "/files/videos/video_1"),
        ("get", "/fine-tuning/videos"),
        ("get", "https://cdn.example/videos/cat.mp4"),
        ("get", "https://cdn.example/out/videos/cat.mp4"),
        ("get", "https://cdn.example/x?next=/v1/videos/video_1"),
        ("get", ""),
    ],
)
def test_everything_else_is_no_video_call(method, path):
    """Look-alikes of other providers and plain files go straight through."""
    assert route(method, path) is None


@pytest.mark.parametrize(
    ("base_url", "client", "expected"),
    [
        ("https://api.openai.com/v1/", "OpenAI", "openai"),
        ("http://127.0.0.1:8000/v1", "AsyncOpenAI", "openai"),
        ("https://res.openai.azure.com/openai/v1/", "OpenAI", "azure"),
        ("https://res.cognitiveservices.azure.com/openai/v1", "OpenAI", "azure"),
        ("https://res.services.ai.azure.com/openai/v1", "OpenAI", "azure"),
        ("https://RES.OpenAI.Azure.US:443/openai/v1", "OpenAI", "azure"),
        ("http://127.0.0.1:8000/openai", "AzureOpenAI", "azure"),
        ("http://127.0.0.1:8000/openai", "AsyncAzureOpenAI", "azure"),
        ("https://openai.azure.com.example.org/v1", "OpenAI", "openai"),
        ("not a url", "OpenAI", "openai"),
        ("http://[broken", "OpenAI", "openai"),
    ],
)
def test_the_provider_is_told_by_host_or_class(base_url, client, expected):
    """Azure is Azure through either client; everything else is OpenAI until told otherwise."""
    assert provider_of(base_url, client) == (expected, expected)


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        ("https://user:canary@api.openai.com/v1?key=canary", ("api.openai.com", 443)),
        ("http://127.0.0.1:8000/v1", ("127.0.0.1", 8000)),
        ("http://[::1]/v1", ("::1", 80)),
        ("http://h:99999/", (None, None)),
        ("nothing", (None, None)),
    ],
)
def test_an_address_is_host_and_port(base_url, expected):
    """User names, paths and queries are no part of it."""
    assert address_of(base_url) == expected
