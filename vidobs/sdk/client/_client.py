"""`Client` and `AsyncClient`: videos from any server of the protocol, observed as they are made."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from vidobs import runtime
from vidobs.dialects.variants import AUTO
from vidobs.sdk._openai_funnel import AsyncFunnel, SyncFunnel
from vidobs.sdk._settings import RetryCreates, WrapSettings
from vidobs.sdk._wrap import attach, retry_mode, spend_limit
from vidobs.sdk.client._async_videos import AsyncVideos
from vidobs.sdk.client._server import Key, Server, server_of
from vidobs.sdk.client._videos import Videos
from vidobs.sdk.client._wire import MAX_RETRIES, AsyncWire, SyncWire

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal
    from types import TracebackType
    from typing import Self

    import httpx

    from vidobs.dialects.rows import Variant


class Client:
    """A blocking client of a video server. Safe to share between threads; close it, or use `with`.

    Args:
        base_url: the server, such as `https://host/v1`; else the dialect's variable, such as
            `OPENAI_BASE_URL`.
        api_key: the key, or a function that returns a token; else the dialect's variable.
        dialect: how the server wants to be talked to, by name (docs/dialects.md) or as a row of
            your own; `auto` goes by the address, which tells Azure from the rest.
        provider: the name to file jobs and look prices up under; else the dialect's.
        max_retries: how often a request is sent again where that is safe.
        retry_creates: when a create may be: as in `vidobs.wrap`.
        max_spend_usd: refuse a create that would bring this client's spend above so much.
        headers: sent with every request.
        query: sent with every request.
        http_client: an `httpx.Client` to send through; it stays yours to close.

    Raises:
        ConfigError: an argument or the environment cannot be used.
        AuthenticationError: there is no key.
    """

    def __init__(
        self,
        *,
        base_url: str | None = None,
        api_key: Key = None,
        dialect: str | Variant = AUTO,
        provider: str | None = None,
        max_retries: int = MAX_RETRIES,
        retry_creates: str = RetryCreates.SAFE.value,
        max_spend_usd: Decimal | float | str | None = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        http_client: httpx.Client | None = None,
    ) -> None:
        server = server_of(
            base_url=base_url, api_key=api_key, dialect=dialect, provider=provider,
            environ=os.environ, headers=headers, query=query,
        )  # fmt: skip
        self._wire = SyncWire(server, http_client, max_retries=max_retries)
        attach(self._wire, SyncFunnel, _settings(server, retry_creates, max_spend_usd))
        runtime.current()  # a configuration that cannot be used is said here
        self.videos = Videos(self._wire)

    @property
    def server(self) -> Server:
        """Where requests go."""
        return self._wire.server

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class AsyncClient:
    """The awaiting one, with the same arguments; `http_client` is an `httpx.AsyncClient`."""

    def __init__(
        self,
        *,
        base_url: str | None = None,
        api_key: Key = None,
        dialect: str | Variant = AUTO,
        provider: str | None = None,
        max_retries: int = MAX_RETRIES,
        retry_creates: str = RetryCreates.SAFE.value,
        max_spend_usd: Decimal | float | str | None = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        http_client: httpx.AsyncClient | None = None,
    ) -> None:
        server = server_of(
            base_url=base_url, api_key=api_key, dialect=dialect, provider=provider,
            environ=os.environ, headers=headers, query=query,
        )  # fmt: skip
        self._wire = AsyncWire(server, http_client, max_retries=max_retries)
        attach(self._wire, AsyncFunnel, _settings(server, retry_creates, max_spend_usd))
        runtime.current()
        self.videos = AsyncVideos(self._wire)

    @property
    def server(self) -> Server:
        """Where requests go."""
        return self._wire.server

    async def close(self) -> None:
        """Close the connections."""
        await self._wire.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()


def _settings(
    server: Server, retry_creates: str, max_spend_usd: Decimal | float | str | None
) -> WrapSettings:
    return WrapSettings(
        retry_creates=retry_mode(retry_creates),
        limit=spend_limit(max_spend_usd),
        provider=server.provider,
        dialect=server.variant.name,
        joins_traces=server.variant.joins_traces,
    )
