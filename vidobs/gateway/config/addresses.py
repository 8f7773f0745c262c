"""Where a deployment is, and by which key: its own, or what the environment has for its kind."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from vidobs.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vidobs.dialects.rows import Variant

_SCHEMES = ("http", "https")


def base_url(given: str | None, variant: Variant, environ: Mapping[str, str], where: str) -> str:
    """Return the address up to `/videos`; one that names only a host gets the dialect's path.

    Raises:
        ConfigError: there is none, or it is none.
    """
    found = given or _first(variant.base_env, environ) or variant.default_base
    if found is None:
        raise ConfigError(
            f"{where}: no address: give litellm_params.api_base, or set {variant.base_env[0]}"
        )
    try:
        parts = urlsplit(found.strip())
        _ = parts.port
    except ValueError:
        raise ConfigError(f"{where}: api_base is no address; write https://host/v1") from None
    if parts.scheme not in _SCHEMES or not parts.hostname or "@" in parts.netloc:
        raise ConfigError(f"{where}: api_base is no address; write https://host/v1")
    if parts.query or parts.fragment:
        raise ConfigError(f"{where}: api_base must not hold a query or a fragment")
    path = parts.path.rstrip("/")
    if not path or (variant.api_path_always and not path.endswith(variant.api_path)):
        path += variant.api_path
    return f"{parts.scheme}://{parts.netloc}{path}"


def key_of(
    given: str | None, variant: Variant, environ: Mapping[str, str], where: str
) -> tuple[str | None, bool]:
    """Return the key, and whether it is a token that goes as a bearer.

    Raises:
        ConfigError: there is none, and the servers of the dialect want one.
    """
    key = given or _first(variant.key_env, environ)
    if key is not None:
        return key, variant.key_header is None
    token = _first(variant.token_env, environ)
    if token is None and not variant.keyless:
        raise ConfigError(
            f"{where}: no API key; give litellm_params.api_key, or set {variant.key_env[0]}"
        )
    return token, True


def _first(names: tuple[str, ...], environ: Mapping[str, str]) -> str | None:
    return next((environ[name] for name in names if environ.get(name)), None)
