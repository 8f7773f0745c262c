"""Which request is answered by what."""

import pytest

from vidobs.gateway.routes import characters, content, videos
from vidobs.gateway.routes.table import find
from vidobs.gateway.seams import Refusal
from vidobs.gateway.wire.asked import path_of, token_of


@pytest.mark.parametrize(
    ("method", "path", "handler", "video_id"),
    [
        ("GET", "/videos", videos.list_videos, None),
        ("GET", "/videos/", videos.list_videos, None),
        ("GET", "/videos/video_1", videos.retrieve, "video_1"),
        ("GET", "/videos/video_1/", videos.retrieve, "video_1"),
        ("DELETE", "/videos/video_1", videos.delete, "video_1"),
        ("GET", "/videos/video_1/content", content.content, "video_1"),
        ("GET", "/videos/status", videos.retrieve, None),
        ("GET", "/videos/retrieval", content.content, None),
        ("POST", "/videos/characters", characters.create_character, None),
        ("GET", "/videos/characters/character_1", characters.get_character, "character_1"),
    ],
)
def test_fixed_names_win_over_ids(method, path, handler, video_id):
    """`status` is no id, and neither is `characters`."""
    found = find(method, path)
    assert (found.handler, found.video_id) == (handler, video_id)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PUT", "/videos", 405),
        ("POST", "/videos/video_1", 405),
        ("DELETE", "/videos/generations", 405),
        ("GET", "/videos/edits", 405),
        ("POST", "/videos/characters/character_1", 405),
        ("POST", "/videos/video_1/content", 405),
        ("GET", "/videos/edits/content", 404),
        ("GET", "/videos/video_1/other", 404),
        ("GET", "/videos/characters/a/b", 404),
        ("GET", "/images", 404),
        ("GET", "/videosa", 404),
    ],
)
def test_what_there_is_not_is_said(method, path, status):
    """405 where the path is right, 404 where it is not."""
    with pytest.raises(Refusal) as refused:
        find(method, path)
    assert refused.value.status == status
    assert ("allow" in refused.value.headers) == (status == 405)


@pytest.mark.parametrize(
    ("path", "plain"),
    [
        ("/v1/videos", "/videos"),
        ("/videos/a", "/videos/a"),
        ("/openai/v1/videos/a", "/videos/a"),
        ("/v1/v1/videos", "/v1/videos"),
        ("/v1videos", "/v1videos"),
    ],
)
def test_versions_may_be_left_out(path, plain):
    """OpenAI's and Azure's prefixes, once."""
    assert path_of({"path": path}) == plain


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ({}, None),
        ({b"authorization": b"Bearer sk-1"}, "sk-1"),
        ({b"authorization": b"bearer  sk-1 "}, "sk-1"),
        ({b"authorization": b"Basic sk-1"}, None),
        ({b"authorization": b"Bearer "}, None),
        ({b"api-key": b"sk-2", b"authorization": b"Bearer sk-1"}, "sk-2"),
        ({b"x-litellm-api-key": b"Bearer sk-3", b"api-key": b"sk-2"}, "sk-3"),
    ],
)
def test_keys_are_found_where_clients_put_them(headers, token):
    """LiteLLM's header counts most, then Azure's, then the bearer."""
    assert token_of(headers) == token
