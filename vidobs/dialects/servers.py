"""Who is at the other end of a client: the provider, the dialect it speaks, and its address."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_AZURE_HOST = re.compile(
    r"\.(?:openai|cognitiveservices|services\.ai)\.azure\.(?:com|us|cn)$", re.IGNORECASE
)
_DEFAULT_MODEL = "sora-2"
_AZURE_CLASSES = ("Azure", "AsyncAzure")
_PORTS = {"https": 443, "http": 80}


def provider_of(base_url: object, client_class_name: str = "") -> tuple[str, str]:
    """Return the provider and the dialect of an OpenAI client, from its address and its class."""
    host = address_of(base_url)[0] or ""
    if _AZURE_HOST.search(host) or client_class_name.startswith(_AZURE_CLASSES):
        return "azure", "azure"
    return "openai", "openai"


def default_model(provider: str, address: str | None) -> str | None:
    """Return the model of a create that names none; only the two themselves are known to have one.

    Whoever else speaks the protocol serves a model of its own, and its answer says which.
    """
    host = address or ""
    if provider == "openai" and host == "api.openai.com":
        return _DEFAULT_MODEL
    return _DEFAULT_MODEL if provider == "azure" and _AZURE_HOST.search(host) else None


def address_of(base_url: object) -> tuple[str | None, int | None]:
    """Return host and port of a URL; user names, paths and queries never count."""
    try:
        url = urlsplit(str(base_url))
        return url.hostname, url.port or _PORTS.get(url.scheme)
    except ValueError:  # not a URL
        return None, None
