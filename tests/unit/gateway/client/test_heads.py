"""What requests look like on the wire, and what never gets there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidobs.gateway.client.addresses import Origin, as_target, read_url
from vidobs.gateway.client.answers import UNFIT, CallError
from vidobs.gateway.client.heads import Heads


def refused(method="GET", target="/", headers=None, usual=None):
    """Return why a head is not written."""
    with pytest.raises(CallError) as caught:
        Heads("host", usual or {}).head(method, target, headers)
    assert (caught.value.kind, caught.value.sent) == (UNFIT, False)
    return str(caught.value)


def test_a_head():
    """The usual headers, those of the request, and how long its body is."""
    heads = Heads("host:81", {"Accept": "a/b", "Authorization": "Bearer 100%s"})

    for _ in range(2):
        written = heads.head("POST", "/v1/a?b=%20c", {"Content-Type": "d/e"}, size_bytes=12)
        assert written == (
            b"POST /v1/a?b=%20c HTTP/1.1\r\nHost: host:81\r\nAccept-Encoding: identity\r\n"
            b"Accept: a/b\r\nAuthorization: Bearer 100%s\r\nContent-Type: d/e\r\n"
            b"Content-Length: 12\r\n\r\n"
        )


def test_a_header_stands_there_once():
    """That of the request counts before the usual one, in whatever case."""
    heads = Heads("host", {"accept": "usual", "Accept": "later", "user-agent": "x"})

    written = heads.head("GET", "/", {"ACCEPT": "wanted", "Host": "other"})

    assert written == (
        b"GET / HTTP/1.1\r\nAccept-Encoding: identity\r\nuser-agent: x\r\nACCEPT: wanted\r\n"
        b"Host: other\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("method", "size", "length"),
    [("GET", None, None), ("DELETE", None, None), ("POST", None, b"0"), ("PUT", 0, b"0"),
     ("DELETE", 3, b"3")],
)  # fmt: skip
def test_the_length_of_a_body(method, size, length):
    """Said where there is one, or should be."""
    written = Heads("host", {}).head(method, "/", size_bytes=size)

    said = written.partition(b"Content-Length: ")[2].partition(b"\r\n")[0]
    assert said == (length or b"")


@pytest.mark.parametrize("bad", ["\r", "\n", "\0", "\x7f", "\x1b", "€"])
def test_nothing_can_be_slipped_in(bad):
    """Neither into a value, nor into a name, the path or the method; the value is not repeated."""
    assert "secret" not in refused(headers={"X": f"secret{bad}a"})
    assert "secret" not in refused(usual={"X": f"secret{bad}a"})
    refused(headers={f"X{bad}": "a"})
    refused(usual={f"X{bad}": "a"})
    refused(target=f"/{bad}")


@pytest.mark.parametrize("name", ["", "a b", "a:", "a\t", "(a)"])
def test_names_are_tokens(name):
    """A colon or a space in a name would make another header of it."""
    refused(headers={name: "a"})


def test_a_path_has_no_spaces():
    """Else its end would be read as the version."""
    refused(target="/a HTTP/1.1")


def test_values_may_be_latin():
    """Tabs, and letters of Latin-1, are sent as they are."""
    written = Heads("host", {}).head("GET", "/", {"X": "a\tü"})

    assert b"X: a\t\xfc\r\n" in written


@given(st.text(max_size=30), st.text(max_size=30))
def test_a_head_has_as_many_lines_as_headers(value, target):
    """Whatever is put into it, if it is written at all."""
    try:
        written = Heads("host", {}).head("GET", target, {"X": value})
    except CallError:
        return

    assert len(written.split(b"\r\n")) == 6
    assert written.count(b"\r") == written.count(b"\n") == 5


@pytest.mark.parametrize(
    ("text", "origin", "authority", "target"),
    [
        ("http://Host", Origin("host", 80, None), "host", "/"),
        ("https://host:443/a?b=c#d", Origin("host", 443, "host"), "host", "/a?b=c"),
        ("http://host:8080/a%20b", Origin("host", 8080, None), "host:8080", "/a%20b"),
        ("http://[::1]:81/", Origin("::1", 81, None), "[::1]:81", "/"),
        ("https://bücher.example/ü?ü=1", Origin("xn--bcher-kva.example", 443,
         "xn--bcher-kva.example"), "xn--bcher-kva.example", "/%C3%BC?%C3%BC=1"),
        ("http://host/a b\\c", Origin("host", 80, None), "host", "/a%20b%5Cc"),
        ("http://host?a", Origin("host", 80, None), "host", "/?a"),
    ],
)  # fmt: skip
def test_addresses(text, origin, authority, target):
    """Where to connect to, and what to ask for."""
    url = read_url(text)

    assert (url.origin, url.authority, url.target) == (origin, authority, target)


@pytest.mark.parametrize(
    "text",
    ["", "host", "//host/", "ftp://host/", "http://", "http:///a", "http://u@host/",
     "http://u:p@host/", "http://host\\@other/", "http://host:99999/", "http://host:a/",
     "http://[::1/", "http://ho st/", "http://host/\r\nX: a", "http://ho\nst/", "http://host/\0",
     "http://" + "ü" * 80 + "/"],
)  # fmt: skip
def test_what_is_no_address(text):
    """Never guessed at."""
    with pytest.raises(ValueError, match=r"."):
        read_url(text)


def test_an_address_in_the_place_of_the_name():
    """It is dialled; the certificate is still that of the name."""
    assert read_url("https://host/").at("10.0.0.1") == Origin("10.0.0.1", 443, "host", "host")
    assert read_url("http://host/").at("10.0.0.1") == Origin("10.0.0.1", 80, None, "host")


def test_what_is_encoded_stays_so():
    """And only what could not be sent is encoded."""
    assert as_target("a=b&c=%2F/[]\"'") == "a=b&c=%2F/[]\"'"
    assert as_target(b"a=\xff b") == "a=%FF%20b"
