"""Applications that are made when somebody asks for them first."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from vidobs.gateway.seams import App, Receive, Scope, Send


class Late:
    """An ASGI application that `make` makes for the first request; that is to be a short matter."""

    def __init__(self, make: Callable[[], App]) -> None:
        self._make = make
        self._app: App | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if self._app is None:
            self._app = self._make()
        await self._app(scope, receive, send)
