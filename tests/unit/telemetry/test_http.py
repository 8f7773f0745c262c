"""What is kept of a URL."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidobs.telemetry.http import bare_url


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://host/v1/videos?key=AIza", "https://host/v1/videos"),
        ("https://me:secret@host:8443/v1#top", "https://host:8443/v1"),
        ("https://host?token=1", "https://host"),
        ("https://host#token=1", "https://host"),
        ("https://host/a@b/c", "https://host/a@b/c"),
        ("https://a@b@host/", "https://host/"),
        ("http://[::1]:80/v1", "http://[::1]:80/v1"),
        ("/v1/videos?key=1", "/v1/videos"),
        ("", ""),
    ],
)
def test_scheme_host_and_path_are_kept(given, kept):
    """And nothing else."""
    assert bare_url(given) == kept


@given(st.text())
def test_no_url_is_too_odd(text):
    """It never raises, never adds anything, and cutting twice is cutting once."""
    kept = bare_url(text)
    assert "?" not in kept
    assert "#" not in kept
    assert bare_url(kept) == kept
