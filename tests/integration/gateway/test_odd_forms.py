"""Forms with names that no programmer chose reach the server as they were."""

import pytest

_BOUNDARY = "a-boundary"


def form(*parts):
    """Return a form of parts, each of whose headers are as they are given."""
    lines = [
        b"--%b\r\n%b\r\n\r\n%b\r\n" % (_BOUNDARY.encode(), headers.encode(), value)
        for headers, value in (('Content-Disposition: form-data; name="prompt"', b"x"), *parts)
    ]
    return {
        "content": b"".join(lines) + b"--%b--\r\n" % _BOUNDARY.encode(),
        "headers": {"content-type": f"multipart/form-data; boundary={_BOUNDARY}"},
    }


@pytest.mark.parametrize(
    ("name", "arrives"),
    [("häh", "häh"), ("a b", "a b"), ("\x05", "%05"), ("a\x7f", "a%7F")],
)
def test_a_field_arrives_with_its_name(gateway, sandbox, name, arrives):
    """Letters beyond ASCII as they are; what cannot stand in a header is escaped."""
    sent = form((f'Content-Disposition: form-data; name="{name}"', b"v"))
    with gateway.http() as http:
        assert http.post("/v1/videos", **sent).status_code == 200
    assert sandbox.requests[-1].fields == {"prompt": "x", arrives: "v", "model": "sora-2"}


@pytest.mark.parametrize(
    ("filename", "kind", "arrives"),
    [
        ("Kätzchen 1.png", "image/png", ("Kätzchen 1.png", "image/png")),
        ("a\x05.png", "image/\x05png", ("a%05.png", "application/octet-stream")),
        ("a.png", "", ("a.png", "application/octet-stream")),
    ],
)
def test_a_file_arrives_with_its_name(gateway, sandbox, filename, kind, arrives):
    """And with its type, where that is one."""
    named = f'Content-Disposition: form-data; name="input_reference"; filename="{filename}"'
    sent = form((f"{named}\r\nContent-Type: {kind}", b"\x89PNG"))
    with gateway.http() as http:
        assert http.post("/v1/videos", **sent).status_code == 200
    file = sandbox.requests[-1].fields["input_reference"]
    assert (file["filename"], file["content_type"]) == arrives
