"""A create's key, retries and files, prepared on a copy of what the caller asked for."""

import io

import openai
import pytest
from openai._models import FinalRequestOptions

from vidobs.sdk import _openai_requests as requests


def options(**fields):
    """Return the SDK's own description of a create."""
    return FinalRequestOptions.construct(method="post", url="/videos", **fields)


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({}, None),
        ({"headers": {"x-other": "1"}}, None),
        ({"headers": {"iDeMpOtEnCy-KeY": "mine"}}, "mine"),
        ({"headers": {"Idempotency-Key": openai.Omit()}}, None),
        ({"idempotency_key": "mine"}, "mine"),
    ],
)
def test_the_callers_key(fields, key):
    """In any case, as a header or as the option that the SDK itself sends nowhere."""
    assert requests.given_key(options(**fields)) == key


def test_the_callers_request_is_not_changed():
    """The key and the retries go on a copy."""
    given = options(headers={"idempotency-key": "mine", "x-other": "1"}, max_retries=5)
    made = requests.prepared(given, key="mine", own_retries=True)
    assert (given.max_retries, dict(given.headers)) == (
        5,
        {"idempotency-key": "mine", "x-other": "1"},
    )
    assert made.max_retries == 0
    assert made.headers == {"x-other": "1", "Idempotency-Key": "mine"}
    again = requests.counted(made, retries=2)
    assert again.headers["x-stainless-retry-count"] == "2"
    assert "x-stainless-retry-count" not in made.headers


def test_the_sdk_keeps_its_retries():
    """Where vidobs does not send again itself, `max_retries` stays."""
    assert requests.prepared(options(max_retries=5), key="k", own_retries=False).max_retries == 5


class Unseekable(io.RawIOBase):
    """A pipe."""

    def readable(self):
        """It can be read."""
        return True


@pytest.mark.parametrize("shape", [dict, list], ids=["mapping", "pairs"])
def test_files_go_back_to_where_they_stood(shape):
    """Not to their start: the caller may have read a header already."""
    file = io.BytesIO(b"0123456789")
    file.seek(3)
    files = shape({"plain": file, "named": ("a.png", file, "image/png"), "bytes": b"x"}.items())
    rewind = requests.Rewind(files)
    file.read()
    assert rewind.rewind()
    assert file.tell() == 3


@pytest.mark.parametrize("content", [Unseekable(), iter([b"x"]), object()])
def test_what_cannot_go_back(content):
    """Pipes, iterators and whatever else has no place to go back to."""
    assert not requests.Rewind([("a", ("a.png", content))]).rewind()


def test_a_file_that_was_closed_meanwhile():
    """It cannot be sent again."""
    file = io.BytesIO(b"x")
    rewind = requests.Rewind({"a": file})
    file.close()
    assert not rewind.rewind()


def test_no_files():
    """Nothing to put back is fine."""
    assert requests.Rewind(None).rewind()
