"""Who is at the other end, and which model a create gets that names none."""

import pytest

from vidobs.dialects.servers import address_of, default_model, provider_of


@pytest.mark.parametrize(
    ("provider", "address", "model"),
    [
        ("openai", "api.openai.com", "sora-2"),
        ("azure", "mine.openai.azure.com", "sora-2"),
        ("openai", "127.0.0.1", None),  # a server of its own has a model of its own
        ("openai", "gateway.example", None),
        ("azure", "gateway.example", None),
        ("mine", "api.openai.com", None),
        ("openai", None, None),
    ],
)
def test_the_model_of_a_create_without_one(provider, address, model):
    """Only OpenAI and Azure document one; to price anybody else's video by it would be wrong."""
    assert default_model(provider, address) == model


@pytest.mark.parametrize(
    ("url", "client", "provider"),
    [
        ("https://api.openai.com/v1/", "OpenAI", "openai"),
        ("https://mine.openai.azure.com/openai/v1/", "OpenAI", "azure"),
        ("http://127.0.0.1:8000/openai", "AsyncAzureOpenAI", "azure"),
        ("http://127.0.0.1:8000/v1", "OpenAI", "openai"),
    ],
)
def test_the_provider(url, client, provider):
    """By the host, else by the client's class."""
    assert provider_of(url, client)[0] == provider


def test_an_address_has_no_secrets():
    """Users, passwords and queries are not part of it."""
    assert address_of("http://me:secret@host:81/v1?key=x") == ("host", 81)
    assert address_of("https://host/v1") == ("host", 443)
