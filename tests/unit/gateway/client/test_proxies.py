"""Which proxy the environment names, and for which servers."""

import urllib.request

import pytest

from vidobs.core.errors import ConfigError
from vidobs.gateway.client.addresses import Origin, read_url
from vidobs.gateway.client.proxies import Proxies

PROXY = "http://proxy:3128"
HTTP, HTTPS = read_url("http://host/").origin, read_url("https://host/").origin


def led(environ, origin=HTTPS):
    """Return the address of the proxy."""
    found = Proxies(environ).to(origin)
    return None if found is None else found.address


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"HTTP_PROXY": "http://a:1", "HTTPS_PROXY": "http://b:2"},
        {"HTTPS_PROXY": "http://a:1", "https_proxy": "http://b:2"},
        {"HTTPS_PROXY": "http://a:1", "https_proxy": ""},
        {"HTTP_PROXY": "http://a:1", "REQUEST_METHOD": "GET"},
        {"HTTP_PROXY": "http://a:1", "http_proxy": "http://b:2", "REQUEST_METHOD": "GET"},
        {"HTTPS_PROXY": "http://a:1", "REQUEST_METHOD": "GET"},
    ],
)
def test_the_variables_are_read_as_by_the_standard_library(monkeypatch, environ):
    """Lower case first, and nothing that a client of a CGI script could have sent."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    known = urllib.request.getproxies_environment()

    for scheme, origin in (("http", HTTP), ("https", HTTPS)):
        said = led(environ, origin)
        assert said == (known[scheme].removeprefix("http://") if scheme in known else None)


def test_one_proxy_for_all():
    """Unless there is one for the scheme."""
    environ = {"ALL_PROXY": PROXY, "HTTP_PROXY": "other:81"}

    assert (led(environ, HTTP), led(environ)) == ("other:81", "proxy:3128")


@pytest.mark.parametrize(
    ("url", "address", "tls_name", "authorization"),
    [
        ("proxy:3128", "proxy:3128", None, None),
        (" http://proxy/ ", "proxy:80", None, None),
        ("https://proxy", "proxy:443", "proxy", None),
        ("http://[::1]:8080", "[::1]:8080", None, None),
        ("http://me:p%40s%3As%20@proxy:1", "proxy:1", None, "Basic bWU6cEBzOnMg"),
        ("me@proxy:1", "proxy:1", None, "Basic bWU6"),
        ("http://m%C3%BC:x@proxy:1", "proxy:1", None, "Basic bcO8Ong="),
    ],
)
def test_the_address_of_a_proxy(url, address, tls_name, authorization):
    """With the user's name and password, decoded, and without a scheme it is http."""
    found = Proxies({"HTTPS_PROXY": url}).to(HTTPS)

    assert (found.address, found.origin.tls_name) == (address, tls_name)
    assert found.authorization == authorization


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"ALL_PROXY": "socks5://me:secret@proxy:1080"},
         ("ALL_PROXY is a proxy of socks5://, which is not spoken; name an HTTP proxy in "
          "HTTPS_PROXY and HTTP_PROXY, or set NO_PROXY=* to use none")),
        ({"https_proxy": "http://me:secret@:1"},
         "https_proxy is no address of a proxy; write http://host:port"),
        ({"HTTP_PROXY": "http://me:secret@proxy:port"},
         "HTTP_PROXY is no address of a proxy; write http://host:port"),
    ],
)  # fmt: skip
def test_what_is_no_http_proxy(environ, said):
    """It is refused, and never passed by silently; the password is not repeated."""
    with pytest.raises(ConfigError) as caught:
        Proxies(environ)

    assert str(caught.value) == said


@pytest.mark.parametrize(
    "environ",
    [
        {"ALL_PROXY": "socks://proxy", "HTTP_PROXY": PROXY, "HTTPS_PROXY": PROXY},
        {"ALL_PROXY": "socks://proxy", "NO_PROXY": "a, *"},
    ],
)
def test_what_is_not_used_is_not_refused(environ):
    """Desktops set all of the variables."""
    Proxies(environ)


@pytest.mark.parametrize(
    ("exempt", "url", "direct"),
    [
        ("*", "https://host/", True),
        ("a,*", "https://host/", True),
        ("", "https://host/", False),
        (" , ", "https://host/", False),
        ("host", "https://host/", True),
        ("HOST", "https://host/", True),
        ("host", "https://a.host/", True),
        ("host", "https://myhost/", False),
        (".corp.example", "https://a.corp.example/", True),
        (".corp.example", "https://corp.example/", True),
        ("*.corp.example", "https://a.corp.example/", True),
        ("a, corp.example", "https://corp.example/", True),
        ("host:443", "https://host/", True),
        ("host:80", "https://host/", False),
        ("host:8443", "https://host:8443/", True),
        ("http://host", "https://host/", False),
        ("https://host", "https://host/", True),
        ("all://host:443", "https://host/", True),
        ("localhost", "https://127.0.0.1/", False),
        ("127.0.0.1", "https://127.0.0.1/", True),
        ("127.0.0.1:1", "https://127.0.0.1/", False),
        ("10.0.0.0/8", "https://10.1.2.3/", True),
        ("10.0.0.1/8", "https://10.1.2.3/", True),
        ("10.0.0.0/8", "https://11.1.2.3/", False),
        ("10.0.0.0/8", "https://[fd00::1]/", False),
        ("10.0.0.0/8", "https://host/", False),
        ("::1", "https://[::1]/", True),
        ("[::1]", "https://[::1]/", True),
        ("[::1]:444", "https://[::1]/", False),
        ("fd00::/8", "https://[fd00::1]/", True),
        ("localhost", "https://localhost/", True),
        ("other", "https://localhost/", False),
    ],
)
def test_what_is_reached_directly(exempt, url, direct):
    """`NO_PROXY`: names and what is below them, addresses, networks and ports."""
    said = led({"HTTPS_PROXY": PROXY, "NO_PROXY": exempt}, read_url(url).origin)

    assert (said is None) == direct


def test_an_address_that_was_looked_at_is_known_by_its_name():
    """As it stands in the URL, whatever is dialled."""
    environ = {"HTTPS_PROXY": PROXY, "NO_PROXY": "host,10.0.0.0/8"}

    assert led(environ, read_url("https://host/").at("192.0.2.1")) is None
    assert led(environ, Origin("10.0.0.1", 443, "other", "other")) == "proxy:3128"
