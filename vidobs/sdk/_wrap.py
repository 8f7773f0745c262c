"""`wrap(client)`: observe every video call of a client, and hand back the very same client."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from vidobs import runtime
from vidobs.core.errors import ConfigError, UnsupportedClientError, unknown_name
from vidobs.dialects.codecs import CODECS
from vidobs.dialects.variants import AUTO, variant_of
from vidobs.observer.limits import SpendLimit
from vidobs.sdk._httpx_funnel import AsyncHttpx, HttpxWatch, SyncHttpx
from vidobs.sdk._openai_client import WatchedClient
from vidobs.sdk._openai_funnel import AsyncFunnel, SyncFunnel
from vidobs.sdk._settings import RetryCreates, WrapSettings
from vidobs.sdk._streams import FLAVOURS
from vidobs.telemetry import http

if TYPE_CHECKING:
    from vidobs.dialects.rows import Variant

T = TypeVar("T")

_MARK = "_vidobs"
_MODES = tuple(mode.value for mode in RetryCreates)
_HTTPX = {"Client": SyncHttpx, "AsyncClient": AsyncHttpx}
_FUNNELS = {"SyncAPIClient": SyncFunnel, "AsyncAPIClient": AsyncFunnel}


def wrap(
    client: T,
    *,
    retry_creates: str = "safe",
    max_spend_usd: Decimal | float | str | None = None,
    provider: str | None = None,
    dialect: str | Variant | None = None,
) -> T:
    """Observe the video calls of a client; return the same object.

    Works for `OpenAI`, `AsyncOpenAI`, `AzureOpenAI` and `AsyncAzureOpenAI`, and for the copies that
    `with_options()` and `copy()` make; and for `httpx.Client` and `httpx.AsyncClient` that send
    such calls themselves. Wrapping twice changes the settings, nothing else.

    Args:
        client: the client. It is changed in place; `unwrap` changes it back.
        retry_creates: when a create may be sent again. `safe`: only when it was provably not
            accepted (the connection failed, 429, 503 with Retry-After); `idempotent`: the server
            honours `Idempotency-Key`, so as the SDK does; `sdk`: as the SDK does, on any server.
            An httpx client sends nothing again by itself.
        max_spend_usd: refuse, before anything is sent, a create whose quote would bring this
            client's spend in this process above so many US dollars.
        provider: the name to file jobs and look prices up under; by default that of the dialect.
        dialect: the variant of the protocol the server speaks, by name (docs/dialects.md) or as a
            row of your own; by default `azure` or `openai`, by the address and the client's class.
            For an httpx client also `gemini` or `runway`, whose own hosts are known anyway.

    Raises:
        UnsupportedClientError: `client` is no client of the openai SDK, nor of httpx.
        ConfigError: an argument, the environment or the configuration file cannot be used.
    """
    funnel_class = _httpx_class(client) or _funnel_class(client)
    settings = WrapSettings(
        retry_creates=retry_mode(retry_creates),
        limit=spend_limit(max_spend_usd),
        **_spoken(dialect, provider),
    )
    runtime.current()  # a configuration that cannot be used is said here, not within a call
    if issubclass(funnel_class, SyncHttpx | AsyncHttpx):
        _attach_httpx(client, funnel_class, settings)
    else:
        attach(client, funnel_class, settings)
    return client


def _spoken(dialect: str | Variant | None, provider: str | None) -> dict[str, Any]:
    """Return what the settings say of a server; raise `ConfigError` for an unknown dialect."""
    if dialect is None or dialect == AUTO:
        return {"provider": provider}
    if isinstance(dialect, str) and dialect in CODECS:
        return {"provider": provider, "dialect": dialect}
    variant = variant_of(dialect)
    return {
        "provider": provider or variant.provider,
        "dialect": variant.name,
        "joins_traces": variant.joins_traces,
    }


def unwrap(client: T) -> T:
    """Stop observing a client; return the same object. One that is not wrapped stays as it is."""
    watched = getattr(client, "__dict__", {}).get(_MARK)
    if watched is not None:
        watched.restore()
        delattr(client, _MARK)
        http.uninstrument(getattr(client, "_client", client))
    return client


def attach(client: Any, funnel_class: Any, settings: WrapSettings) -> None:
    """Put a funnel around the `request` of a client, and of the copies it makes."""
    already = vars(client).get(_MARK)
    if already is not None:
        already.settings = _changed(already.settings, settings)
        return
    watched = WatchedClient(client, settings, runtime.current)

    def copy(*args: Any, **kwargs: Any) -> Any:
        made = watched.copy(*args, **kwargs)
        attach(made, funnel_class, watched.settings)
        return made

    client.request = funnel_class(watched).request
    client.copy = client.with_options = copy
    setattr(client, _MARK, watched)


def _attach_httpx(client: Any, funnel_class: Any, settings: WrapSettings) -> None:
    already = vars(client).get(_MARK)
    if already is not None:
        already.settings = _changed(already.settings, settings)
        return
    watch = HttpxWatch(client, settings, runtime.current)
    client.send = funnel_class(watch).send
    setattr(client, _MARK, watch)


def _httpx_class(client: object) -> Any:
    """Return the funnel for a client of httpx or of its fork httpx2."""
    for base in type(client).__mro__:
        if base.__module__.partition(".")[0] in FLAVOURS and base.__name__ in _HTTPX:
            return _HTTPX[base.__name__]
    return None


def _changed(before: WrapSettings, after: WrapSettings) -> WrapSettings:
    """Return the settings of a client that is wrapped again; what it spent stays spent."""
    if before.limit is None or after.limit is None:
        return after
    before.limit.usd = after.limit.usd
    return msgspec.structs.replace(after, limit=before.limit)


def _funnel_class(client: object) -> Any:
    for base in type(client).__mro__:
        if base.__module__ == "openai._base_client" and base.__name__ in _FUNNELS:
            return _FUNNELS[base.__name__]
    given = client.__name__ if isinstance(client, type) else type(client).__name__
    hint = ""
    if isinstance(client, type):
        hint = f"; pass an instance: vidobs.wrap({given}())"
    elif type(client).__module__.startswith("openai."):
        hint = "; pass the client itself: vidobs.wrap(client)"
    msg = (
        f"cannot wrap {given!r}: vidobs.wrap takes a client of the openai SDK "
        "(OpenAI, AsyncOpenAI, AzureOpenAI, AsyncAzureOpenAI) or of httpx (Client, AsyncClient)"
        f"{hint}"
    )
    raise UnsupportedClientError(msg)


def retry_mode(given: str) -> RetryCreates:
    """Return the mode of a name; raise `ConfigError` when it is not known."""
    try:
        return RetryCreates(given)
    except ValueError:
        raise ConfigError(unknown_name("retry_creates", str(given), _MODES)) from None


def spend_limit(usd: Decimal | float | str | None) -> SpendLimit | None:
    """Return the limit of a client; raise `ConfigError` when it is no amount."""
    return None if usd is None else SpendLimit(_usd(usd))


def _usd(given: Decimal | float | str) -> Decimal:
    try:
        usd = Decimal(str(given))
    except InvalidOperation:
        usd = Decimal("NaN")
    if not usd.is_finite() or usd < 0:
        raise ConfigError(
            f"max_spend_usd={given!r} is no amount of US dollars; "
            "give a number such as 25 or '9.99'"
        )
    return usd
