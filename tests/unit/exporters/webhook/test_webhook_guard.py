"""Which addresses a webhook may be sent to: every other is refused before it is dialled."""

import re
import socket
import sys
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_network

import pytest
from exporter_kit import an_event
from hypothesis import example, given
from hypothesis import strategies as st
from sink_kit import Sink

from vidobs import AddressKind as Kind
from vidobs import ConfigError, ExportError, address_kind, address_of
from vidobs_exporters._http import Http
from vidobs_exporters.webhook import WebhookExporter
from vidobs_exporters.webhook.guard import guard

PUBLIC = ("8.8.8.8", "93.184.215.14", "192.31.196.1", "2606:2800:21f:cb07:6820:80da:af6b:8b2c")
SPECIAL = {
    Kind.LOOPBACK: ("127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1", "::ffff:7f00:1"),
    Kind.PRIVATE: ("10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fd12::1", "fec0::1"),
    Kind.METADATA: ("169.254.169.254", "::ffff:169.254.169.254", "fd00:ec2::254", "168.63.129.16"),
    Kind.LINK_LOCAL: ("169.254.0.1", "fe80::1", "fe80::1%eth0", "febf::1"),
    Kind.SHARED: ("100.64.0.1", "100.127.255.255"),
    Kind.UNSPECIFIED: ("0.0.0.0", "0.1.2.3", "::"),  # noqa: S104 - nothing is bound
    Kind.MULTICAST: ("224.0.0.1", "239.255.255.255", "ff02::1"),
    Kind.NAT64: ("64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1"),
    Kind.SIX_TO_FOUR: ("2002:7f00:1::", "2002:808:808::1", "192.88.99.1"),
    Kind.TEREDO: ("2001:0:4136:e378:8000:63bf:3fff:fdd2",),
    Kind.DOCUMENTATION: ("192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"),
    Kind.BENCHMARKING: ("198.18.0.1", "198.19.255.255", "2001:2::1"),
    Kind.RESERVED: ("192.0.0.1", "240.0.0.1", "255.255.255.255", "::7f00:1", "100::1", "4000::1"),
}
EACH = [(text, kind) for kind, texts in SPECIAL.items() for text in texts]


@pytest.mark.parametrize("text", PUBLIC)
def test_a_public_address_is_allowed(text):
    """That is where webhooks go."""
    assert address_kind(address_of(text)) is None
    assert guard("webhook", False, plain_http=False).objection(text) is None


@pytest.mark.parametrize(("text", "kind"), EACH, ids=[text for text, _ in EACH])
def test_a_special_address_is_not(text, kind):
    """The objection names address and kind, and how to allow it."""
    closed = guard("webhook", False, plain_http=False)

    assert address_kind(address_of(text)) is kind
    address = address_of(text)
    ours = kind in {Kind.LOOPBACK, Kind.PRIVATE}
    assert closed.objection(text) == (
        f"at {address}, which is {kind}; if that is meant, set allow_private: "
        f"{'true or allow_private: ' if ours else ''}['{address}']"
    )


@pytest.mark.parametrize(("text", "kind"), EACH, ids=[text for text, _ in EACH])
def test_true_opens_this_machine_and_ones_own_networks(text, kind):
    """It does not open what hands out credentials, or what leads nobody knows where."""
    opened = guard("webhook", True, plain_http=False)

    assert (opened.objection(text) is None) is (kind in {Kind.LOOPBACK, Kind.PRIVATE})


@pytest.mark.parametrize(("text", "kind"), EACH, ids=[text for text, _ in EACH])
def test_what_the_remedy_says_helps(text, kind):
    """The address in the text, written into the option, allows that address, and no other."""
    said = guard("webhook", False, plain_http=False).objection(text)
    listed = said.rpartition("['")[2].removesuffix("']")

    opened = guard("webhook", [listed], plain_http=False)

    assert opened.objection(text) is None, kind
    assert opened.objection("127.0.0.9")


def test_a_list_opens_only_its_networks():
    """Loopback and other private networks stay closed."""
    opened = guard("webhook", ["10.1.0.0/16", "fd12::/32"], plain_http=False)

    allowed = {"10.1.2.3", "::ffff:10.1.2.3", "fd12::9"}
    asked = allowed | {"10.2.0.1", "127.0.0.1", "::1", "fd13::1"}
    assert {text for text in asked if opened.objection(text) is None} == allowed


@pytest.mark.parametrize(
    ("allow_private", "open_to"),
    [(True, {"127.0.0.1", "10.0.0.1"}), (["10.0.0.0/8"], {"10.0.0.1"}), (False, set())],
)
def test_plain_http_is_for_ones_own_networks(allow_private, open_to):
    """What goes to a public address could be read on the way."""
    plain = guard("webhook", allow_private, plain_http=True)

    assert {
        text for text in ("127.0.0.1", "10.0.0.1", "8.8.8.8") if plain.objection(text) is None
    } == open_to
    assert plain.objection("8.8.8.8") == (
        "at 8.8.8.8, which is public; use https://, or set allow_http: true"
    )


# What `ipaddress` takes for public, and we do not: it leads elsewhere, or is given to nobody yet.
STRICTER = [
    ip_network(text)
    for text in (
        *("64:ff9b::/96", "2002::/16", "192.88.99.0/24", "168.63.129.16/32", "fec0::/10"),
        *("3fff::/20", "2001::/23", "192.0.0.0/24"),
    )
]
NETWORKS = [
    ip_network(text)
    for text in (
        *("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15"),
        *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4"),
    )
]
EDGES = [at for net in NETWORKS for at in (net[0] - 1, net[0], net[-1])]
EDGES += [net[-1] + 1 for net in NETWORKS]


def known_to_be_public(address):
    """What the standard library says of an address."""
    return address.is_global and not (
        address.is_multicast
        or address.is_reserved
        or address.is_loopback
        or address.is_link_local
        or address.is_private
        or address.is_unspecified
    )


@given(st.ip_addresses(v=4) | st.ip_addresses(v=6) | st.sampled_from(EDGES))
@example(IPv6Address("2000::1"))
@example(IPv6Address("fe00::1"))
@example(IPv4Address("100.100.100.200"))
def test_it_agrees_with_the_standard_library(address):
    """What is allowed is public there, too; what is refused is not, or is known to be special."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    given_out = isinstance(address, IPv4Address) or address in IPv6Network("2000::/3")

    if address_kind(address) is None:
        assert known_to_be_public(address)
        assert given_out
    else:
        special = any(address in network for network in STRICTER)
        assert special or not given_out or not known_to_be_public(address)


# -- on the wire -----------------------------------------------------------------------------------

FORMS = [
    *("127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1"),
    *("[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0.0.0.0", "0", "[::]"),  # noqa: S104
]


@pytest.mark.parametrize("host", FORMS)
def test_this_machine_is_not_called_by_any_name(host):
    """However the address is written, the server that listens there hears nothing."""

    def call(url):
        WebhookExporter(url=url, allow_http=True).export([an_event()])

    with Sink() as sink, pytest.raises((ConfigError, ExportError)) as caught:
        call(f"http://{host}:{sink.port}/")

    refused = r"which is (loopback|unspecified)" if host != "0177.0.0.1" else "url cannot be used"
    assert re.search(refused, str(caught.value))
    assert sink.requests == []


def test_a_refusal_names_the_host_and_the_option():
    """Whether it is the URL that is wrong or a name server for a while, nobody knows."""
    http = Http(
        "webhook/shop",
        check=guard("webhook/shop", False, plain_http=False),
        resolve=lambda *_: ["93.184.215.14", "10.0.0.7"],
    )

    with pytest.raises(ExportError) as caught:
        http.send("POST", "https://hooks.example.com/x")

    assert str(caught.value) == (
        "exporter 'webhook/shop': hooks.example.com is at 10.0.0.7, which is private; if that is "
        "meant, set allow_private: true or allow_private: ['10.0.0.7']"
    )
    assert caught.value.retryable is None


@pytest.fixture
def inner():
    """A server at 127.0.0.2, which stands for a place that must not be called."""
    if sys.platform != "linux":
        pytest.skip("only Linux has all of 127.0.0.0/8 without further ado")
    with socket.create_server(("127.0.0.2", 0)) as listening:
        listening.settimeout(0)
        yield listening


def test_only_the_answer_that_was_checked_is_dialled(inner):
    """A name server that says something else the second time is not asked a second time."""
    port = inner.getsockname()[1]
    with socket.create_server(("127.0.0.1", port)) as outer:
        outer.settimeout(10)
        answers = [["127.0.0.1"], ["127.0.0.2"]]
        http = Http(
            "webhook",
            timeout_s=0.2,
            check=guard("webhook", ["127.0.0.1"], plain_http=True),  # stands for a public address
            resolve=lambda *_: answers.pop(0),
        )
        url = f"http://rebinding.example.com:{port}/"

        with pytest.raises(ExportError, match=r"no answer .* ReadTimeout"):
            http.send("POST", url)
        with pytest.raises(ExportError, match=r"is at 127\.0\.0\.2, which is loopback"):
            http.send("POST", url)

        outer.accept()[0].close()
    with pytest.raises(BlockingIOError):
        inner.accept()
    assert answers == []


def test_a_redirect_to_a_private_address_is_not_followed(inner):
    """The receiver may send us anywhere; we do not go."""
    host, port = inner.getsockname()
    with Sink() as sink:
        sink.redirects(f"http://{host}:{port}/latest/meta-data/")
        exporter = WebhookExporter(url=sink.url, allow_private=True)
        with pytest.raises(ExportError, match="answered 307; redirects are not followed"):
            exporter.export([an_event()])
        exporter.close()

    with pytest.raises(BlockingIOError):
        inner.accept()
