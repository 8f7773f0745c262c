"""A key goes to the server that it belongs to, and nowhere else."""

import pytest

from vidobs.core.api_errors import AuthenticationError
from vidobs.core.errors import ConfigError
from vidobs.ledger.open_jobs import Place
from vidobs.sdk.asking._servers import Refusal, Servers, place_at

OPENAI = Place("openai", "openai", "api.openai.com", 443)
OWN = Place("acme", "openai", "video.acme.example", 8443)
AZURE = Place("azure", "azure", "res.openai.azure.com", 443)
KEYS = {
    "OPENAI_API_KEY": "sk-openai",
    "AZURE_OPENAI_API_KEY": "azure-key",
    "AZURE_OPENAI_ENDPOINT": "https://res.openai.azure.com",
}


def test_the_server_of_a_job():
    """Address and key come from the variables of its dialect, the provider from the job."""
    own = {**KEYS, "OPENAI_BASE_URL": "https://video.acme.example:8443/v1"}

    openai = Servers(KEYS).at(OPENAI)
    acme = Servers(own).at(OWN)
    azure = Servers(KEYS).at(AZURE)

    assert (openai.base_url, openai.key) == ("https://api.openai.com/v1", "sk-openai")
    assert (acme.base_url, acme.provider) == ("https://video.acme.example:8443/v1", "acme")
    assert (azure.base_url, azure.auth()) == (
        "https://res.openai.azure.com/openai/v1",
        {"api-key": "azure-key"},
    )
    assert [place_at(each) for each in (openai, acme, azure)] == [OPENAI, OWN, AZURE]


@pytest.mark.parametrize(
    "place",
    [
        Place("openai", "openai", "video.acme.example", 443),
        Place("openai", "openai", "api.openai.com", 8443),
        Place("openai", "openai", "api.openai.com.evil.example", 443),
        Place("openai", "openai"),
    ],
    ids=["host", "port", "longer", "none"],
)
def test_a_key_goes_nowhere_else(place):
    """Another host or port is another server."""
    refusal = Servers(KEYS).at(place)

    assert isinstance(refusal, Refusal)
    assert refusal.why == (
        f"it was made at {place.address}:{place.port}, and the key at hand is for "
        "api.openai.com:443 (the default)"
    )
    assert refusal.fix == (
        f"set OPENAI_BASE_URL to the address of {place.address}:{place.port}, "
        "and OPENAI_API_KEY to its key"
    )
    assert "sk-openai" not in str(refusal)


def test_a_base_url_stands_in_for_the_variable():
    """Jobs of another server are still not asked about there."""
    servers = Servers(KEYS, base_url="https://video.acme.example:8443")

    assert servers.at(OWN).base_url == "https://video.acme.example:8443/v1"
    assert "(--base-url)" in servers.at(OPENAI).why
    assert servers.named(None).key == "sk-openai"
    assert servers.named("acme").provider == "acme"


def test_what_is_missing_is_named():
    """No key, no address: the text says which variable."""
    assert "no API key for openai" in Servers({}).at(OPENAI).why
    assert "no address of a azure server" in Servers({}).at(AZURE).why
    assert Servers({}).at(AZURE).fix.startswith("set AZURE_OPENAI_API_BASE to the address")
    with pytest.raises(AuthenticationError):
        Servers({}).named("openai")
    with pytest.raises(ConfigError, match="is no address"):
        Servers(KEYS, base_url="acme").named(None)


def test_a_job_of_no_dialect_of_ours():
    """Jobs that are followed by hand are asked about by hand."""
    refusal = Servers(KEYS).at(Place("runway", "manual"))

    assert refusal == Refusal(
        "no client of vidobs speaks to runway (manual)",
        "ask with the provider's own SDK, and tell vidobs.job(provider=..., id=...)",
    )
