"""Forms are read as they come, in whatever pieces."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vidobs.gateway.seams import Refusal
from vidobs.gateway.upstream.forms import Form
from vidobs.gateway.wire import forms


async def pieces(body, size):
    """Cut a body into pieces."""
    for start in range(0, len(body), size):
        yield body[start : start + size]


def read(body, content_type, *, size=7, most_bytes=10_000):
    """Read a form; return its fields, and of its files name, type and content."""

    async def reading():
        pairs, uploads = await forms.read(
            pieces(body, size), content_type.encode(), most_bytes=most_bytes
        )
        found = [(u.field, u.filename, u.content_type, u.content.read()) for u in uploads]
        for upload in uploads:
            upload.close()
        return pairs, found

    return asyncio.run(reading())


@settings(max_examples=30, deadline=None)
@given(
    fields=st.lists(
        st.tuples(st.from_regex(r"[a-z]{1,8}(\[[a-z]*\])?", fullmatch=True), st.text())
    ),
    content=st.binary(max_size=200),
    size=st.integers(1, 300),
)
def test_what_is_sent_on_is_what_came(fields, content, size):
    """A form that is read and written again is the same, also when it is sent twice."""

    async def sent_twice():
        boundary = "b" * 20
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="f"; filename="a.bin"\r\n'
        body = f"{head}Content-Type: image/png\r\n\r\n".encode() + content
        body += f"\r\n--{boundary}--\r\n".encode()
        kind = f"multipart/form-data; boundary={boundary}".encode()
        _, uploads = await forms.read(pieces(body, size), kind, most_bytes=10_000)
        written = []
        for _ in range(2):
            form = Form(fields, uploads)
            written.append((b"".join(form.pieces()), form.content_type))
            assert form.size_bytes == len(written[-1][0])
        for upload in uploads:
            upload.close()
        return written

    for body, content_type in asyncio.run(sent_twice()):
        pairs, found = read(body, content_type, size=size, most_bytes=1_000_000)
        assert list(pairs) == fields
        assert found == [("f", "a.bin", "image/png", content)]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--b\r\n",
        b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1',
        b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--b',
        b"--b\r\nContent-Disposition: form-data\r\n\r\n1\r\n--b--\r\n",
        b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xff\r\n--b--\r\n',
        b"--b\r\n" + b"X: 1\r\n" * 50 + b"\r\n1\r\n--b--\r\n",
    ],
)
def test_broken_forms_are_refused(body):
    """With 400, whatever is wrong, and no file stays open."""
    with pytest.raises(Refusal) as refused:
        read(body, "multipart/form-data; boundary=b")
    assert refused.value.status == 400


def test_fields_take_only_so_much_memory():
    """Files go to disk; fields do not, so they have a limit of their own."""
    part = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"x" * 600 + b"\r\n"
    with pytest.raises(Refusal) as refused:
        read(part * 2 + b"--b--\r\n", "multipart/form-data; boundary=b", most_bytes=1000)
    assert refused.value.status == 413


def test_parts_are_counted():
    """A thousand and no more."""
    part = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n'
    with pytest.raises(Refusal):
        read(part * 1001 + b"--b--\r\n", "multipart/form-data; boundary=b", size=10_000)
