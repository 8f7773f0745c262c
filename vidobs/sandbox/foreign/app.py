"""The applications by the names of their dialects."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from starlette.applications import Starlette

from vidobs.sandbox.foreign import gemini, runway
from vidobs.sandbox.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.routing import Route
    from starlette.types import ASGIApp

    from vidobs.sandbox.backend import Backend

ROUTES: Mapping[str, Callable[[Backend], list[Route]]] = MappingProxyType(
    {"gemini": gemini.routes, "runway": runway.routes}
)


def build_foreign_app(backend: Backend, dialect: str) -> ASGIApp:
    """Return the ASGI application of one sandbox that speaks another API."""
    app = Starlette(routes=ROUTES[dialect](backend))
    app.router.redirect_slashes = False
    return Recorder(app, backend.journal, backend.settings.clock)
