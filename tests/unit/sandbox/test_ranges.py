"""Parts of a file, as RFC 9110 defines them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidobs.sandbox.content import Part, wanted_part
from vidobs.sandbox.errors import ApiError


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes=0-0", Part(0, 1)),
        ("bytes=2-4", Part(2, 5)),
        ("bytes=2-", Part(2, 10)),
        ("bytes=-3", Part(7, 10)),
        ("bytes=-99", Part(0, 10)),
        ("bytes=9-99", Part(9, 10)),
        ("bytes= 2 - 4", Part(2, 5)),
        (None, None),
        ("", None),
        ("bytes=-", None),
        ("bytes=4-2", None),
        ("bytes=0-1,3-4", None),
        ("lines=0-1", None),
        ("bytes=a-b", None),
    ],
)
def test_a_range_of_ten_bytes(header: str | None, part: Part | None):
    """A single range is served; what is malformed or multiple means the whole file."""
    assert wanted_part(header, 10) == part


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=99-100", "bytes=-0"])
def test_a_range_outside_the_file(header: str):
    """A range without a byte in the file is a 416 that tells the size."""
    with pytest.raises(ApiError) as refused:
        wanted_part(header, 10)
    assert (refused.value.status, refused.value.headers) == (416, {"content-range": "bytes */10"})


@given(st.binary(min_size=1, max_size=50), st.integers(0, 60), st.integers(0, 60))
def test_a_range_is_a_slice(data: bytes, first: int, last: int):
    """`bytes=a-b` is `data[a : b + 1]`, whenever that is not empty."""
    expected = data[first : last + 1]
    try:
        part = wanted_part(f"bytes={first}-{last}", len(data))
    except ApiError:
        assert expected == b""
        return
    if part is None:
        assert last < first
    else:
        assert data[part.start : part.end] == expected
