"""Parsing bodies: bracketed form names and JSON that cannot be trusted."""

import asyncio
import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import Request

from vidobs.sandbox.body import nest, parse_json, read_body
from vidobs.sandbox.creates import digest
from vidobs.sandbox.errors import ApiError

names = st.text("abc", min_size=1, max_size=3)
trees = st.recursive(
    st.text(max_size=5),
    lambda inner: st.dictionaries(names, inner, min_size=1, max_size=3),
    max_leaves=8,
)


def written(tree, prefix: str = ""):
    """Write nested fields as a form does."""
    if isinstance(tree, str):
        yield prefix, tree
        return
    for name, member in tree.items():
        yield from written(member, f"{prefix}[{name}]" if prefix else name)


def refused_with(parse: Callable[[], dict]) -> int | None:
    """Return the status that a body is refused with; any other error passes through."""
    try:
        parse()
    except ApiError as error:
        return error.status
    return None


def test_brackets_nest():
    """Objects, lists and lists of objects are written as the official SDK writes them."""
    pairs = [
        ("prompt", "a cat"),
        ("input_reference[image_url]", "https://example.com/a.png"),
        ("characters[][id]", "char_1"),
        ("characters[][id]", "char_2"),
        ("tags[]", "x"),
        ("tags[]", "y"),
    ]
    assert nest(pairs) == {
        "prompt": "a cat",
        "input_reference": {"image_url": "https://example.com/a.png"},
        "characters": [{"id": "char_1"}, {"id": "char_2"}],
        "tags": ["x", "y"],
    }


def test_members_of_one_list_entry_stay_together():
    """A list entry takes members until one comes again."""
    pairs = [("c[][id]", "1"), ("c[][name]", "one"), ("c[][id]", "2")]
    assert nest(pairs) == {"c": [{"id": "1", "name": "one"}, {"id": "2"}]}


@settings(deadline=None)
@given(st.dictionaries(names, trees, max_size=4))
def test_nested_fields_survive_a_form(fields: dict):
    """What was written with brackets is read back the same."""
    assert nest(written(fields)) == fields


@settings(deadline=None)
@given(st.lists(st.tuples(st.text("ab[]", max_size=8), st.text(max_size=2)), max_size=6))
def test_any_form_names_are_parsed_or_refused(pairs: list[tuple[str, str]]):
    """No field name, however odd, raises anything but the API's 400."""
    assert refused_with(lambda: nest(pairs)) in {None, 400}


fragments = st.sampled_from(
    [
        b"--b",
        b"--",
        b"\r\n",
        b"\r\n\r\n",
        b'content-disposition: form-data; name="a"',
        b'content-disposition: form-data; name="\xff[b]"; filename="c"',
        b"content-type: text/plain; charset=none",
        b":",
        b";",
        b"=",
        b"&",
        b"%ff",
        b"\x00",
        b"text",
    ]
)


@settings(deadline=None)
@given(
    st.sampled_from([b"multipart/form-data; boundary=b", b"application/x-www-form-urlencoded"]),
    st.lists(fragments, max_size=14),
)
def test_any_form_is_parsed_or_refused(content_type: bytes, parts: list[bytes]):
    """No form, however broken, raises anything but the API's 400."""
    assert refused_with(lambda: asyncio.run(read(content_type, b"".join(parts)))) in {None, 400}


async def read(content_type: bytes, raw: bytes) -> dict:
    """Read a body as the server does."""

    async def receive() -> dict:
        return {"type": "http.request", "body": raw, "more_body": False}

    headers = [(b"content-type", content_type)]
    request = Request({"type": "http", "method": "POST", "headers": headers}, receive)
    return (await read_body(request, 10_000)).fields


@pytest.mark.parametrize("name", ["", "[a]", "a[b", "a]b", "a[b]c", "a" + "[b]" * 8])
def test_a_malformed_name_is_refused(name: str):
    """Unbalanced brackets and deep nesting are a 400 that repeats the name."""
    with pytest.raises(ApiError) as refused:
        nest([(name, "x")])
    assert refused.value.param == name


@pytest.mark.parametrize("pair", [("a", "a[b]"), ("a", "a[]"), ("a[b]", "a[]"), ("a[]", "a[b]")])
def test_a_name_is_one_kind_of_thing(pair: tuple[str, str]):
    """A field cannot be a value and an object or a list at once."""
    with pytest.raises(ApiError, match="both as a value and as an object or list"):
        nest([(name, "x") for name in pair])


@settings(deadline=None)
@given(st.binary(max_size=40))
def test_any_bytes_are_parsed_or_refused(raw: bytes):
    """No body raises anything but the API's 400."""
    assert refused_with(lambda: parse_json(raw)) in {None, 400}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b'"a"',
        b'{"prompt": "\\ud800"}',
        b'{"\\ud800": 1}',
        b'{"a":' + b"[" * 70 + b"]" * 70 + b"}",
        b"[" * 100_000,
        b'{"prompt": "\xff"}',
    ],
    ids=["empty", "list", "text", "surrogate", "surrogate name", "deep", "very deep", "not utf-8"],
)
def test_unusable_json_is_refused(raw: bytes):
    """What could not be repeated in an answer, or is no object, is a 400."""
    with pytest.raises(ApiError) as refused:
        parse_json(raw)
    assert refused.value.status == 400


def test_a_form_and_json_say_the_same():
    """Numbers and booleans are text in a form; the digests do not tell them apart."""
    sent = json.loads('{"prompt": "a cat", "seconds": 8, "audio": true, "seed": null, "n": [1.5]}')
    form = nest([("prompt", "a cat"), ("seconds", "8"), ("audio", "true"), ("n[]", "1.5")])
    assert digest(sent) == digest(form)
    assert digest(sent) != digest({**form, "seconds": "4"})
