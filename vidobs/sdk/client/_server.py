"""Where our client sends requests, and how it says who it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias
from urllib.parse import urlsplit

import httpx
import msgspec

from vidobs.core.api_errors import AuthenticationError
from vidobs.core.errors import ConfigError
from vidobs.dialects.rows import Variant
from vidobs.dialects.variants import AUTO, variant_of

Key: TypeAlias = "str | Callable[[], str] | None"

_NO_KEY = "none"  # what servers without keys are sent: some refuse an empty header
_SCHEMES = ("http", "https")


class BearerToken(msgspec.Struct, frozen=True):
    """A token that stays the same, as a key that goes as `Authorization: Bearer`."""

    token: str

    def __call__(self) -> str:
        """Return it."""
        return self.token

    def __repr__(self) -> str:
        return "BearerToken(...)"  # never the token


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """One server: its address up to `/videos`, its dialect, and what its requests carry."""

    base_url: str
    variant: Variant
    provider: str
    key: Key = None
    headers: Mapping[str, str] = {}
    query: Mapping[str, str] = {}

    def __repr__(self) -> str:
        return f"Server({self.base_url!r}, dialect={self.variant.name!r})"  # never the key

    def auth(self) -> dict[str, str]:
        """Return the headers that say who is asking; a token provider is asked each time."""
        key = self.key() if callable(self.key) else self.key
        if self.variant.key_header is None or callable(self.key):
            return {"Authorization": f"Bearer {key or _NO_KEY}", **self._behind()}
        return {self.variant.key_header: key or _NO_KEY, **self._behind()}

    def _behind(self) -> dict[str, str]:
        """Return the header that names the provider behind a gateway, where one was named."""
        header = self.variant.provider_header
        named = header is not None and self.provider != self.variant.provider
        return {header: self.provider} if header is not None and named else {}


def server_of(
    *,
    base_url: str | None,
    api_key: Key,
    dialect: str | Variant,
    provider: str | None,
    environ: Mapping[str, str],
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
) -> Server:
    """Put an address together from arguments and the variables of the dialect.

    Raises:
        ConfigError: there is no address, or it is none.
        AuthenticationError: there is no key.
    """
    variant = variant_of(dialect, base_url)
    if base_url is None:
        base_url = _first(variant.base_env, environ) or variant.default_base
        if dialect == AUTO:
            variant = variant_of(dialect, base_url)
    if base_url is None:
        raise ConfigError(
            f"no address of a {variant.name} server: give base_url, or set {variant.base_env[0]}"
        )
    key = api_key or (_key_in(variant, environ) if api_key is None else None)
    if key is None and not variant.keyless:
        raise AuthenticationError(
            f"no API key for {variant.name}: give api_key, or set {variant.key_env[0]}",
            status_code=401,
            provider=provider or variant.provider,
        )
    return Server(
        base_url=_address(base_url, variant),
        variant=variant,
        provider=provider or variant.provider,
        key=key,
        headers=dict(headers or {}),
        query=dict(query or {}),
    )


def _key_in(variant: Variant, environ: Mapping[str, str]) -> Key:
    """Return the key of the environment, or a function that returns the token there."""
    key = _first(variant.key_env, environ)
    token = None if key is not None else _first(variant.token_env, environ)
    return key if token is None else BearerToken(token)


def _first(names: tuple[str, ...], environ: Mapping[str, str]) -> str | None:
    return next((environ[name] for name in names if environ.get(name)), None)


def _address(given: str, variant: Variant) -> str:
    """Return a base address; one that names only a host gets the path of the dialect."""
    try:
        parts = urlsplit(str(given).strip())
        _ = parts.port, httpx.URL(parts.geturl())  # both are lenient, each in its own way
    except (ValueError, httpx.InvalidURL):
        raise ConfigError("base_url is no address; write https://host/v1") from None
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise ConfigError("base_url must not hold a user, a query or a fragment")
    if parts.scheme not in _SCHEMES or not parts.hostname or " " in parts.netloc:
        raise ConfigError(f"base_url {given!r} is no address; write https://host/v1")
    path = parts.path.rstrip("/")
    if not path or (variant.api_path_always and not path.endswith(variant.api_path)):
        path += variant.api_path
    return f"{parts.scheme}://{parts.netloc}{path}"
