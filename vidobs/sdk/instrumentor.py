"""Observe the openai SDK without a line of code: what `opentelemetry-instrument` finds.

https://opentelemetry.io/docs/zero-code/python/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import wrapt
from opentelemetry.instrumentation.instrumentor import (  # type: ignore[attr-defined]
    BaseInstrumentor,  # it is in `__all__`, which stands at the module's end
)
from opentelemetry.instrumentation.utils import unwrap as take_off

from vidobs import runtime
from vidobs._guard import Guard
from vidobs.sdk._wrap import wrap

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from types import ModuleType

_PACKAGE = "openai"
_CLIENTS = ("OpenAI", "AsyncOpenAI")  # those of Azure are made from them


class VidobsInstrumentor(BaseInstrumentor):  # type: ignore[misc]  # OpenTelemetry ships no types for it
    """Wraps every client of the openai SDK as it is made, as `vidobs.wrap(client)` does.

    Settings come from `VIDOBS_*` variables and `vidobs.yaml`. Spans go to the provider that the
    process has, whoever set it up: `opentelemetry-instrument`, `OTEL_CONFIG_FILE`, or the program.
    The SDK is not imported before the program does. Clients that were made before stay as they are,
    and so do those that exist when it is taken back.
    """

    def __init__(self) -> None:
        super().__init__()
        if not hasattr(self, "guard"):  # there is one object of the class, made anew by every call
            self.guard = Guard()
            self._wanted = False

    def instrumentation_dependencies(self) -> Collection[str]:
        """Return what it observes."""
        return ("openai >= 2.2, < 4",)

    def _instrument(self, **_: object) -> None:
        """Wrap the clients that are made from now on.

        Raises:
            ConfigError: the environment or the configuration file cannot be used.
        """
        runtime.current()  # said at the start, not within the program
        self._wanted = True
        wrapt.register_post_import_hook(self._patch, _PACKAGE)

    def _uninstrument(self, **_: object) -> None:
        """Leave the clients alone that are made from now on."""
        self._wanted = False
        for name in _CLIENTS:
            take_off(f"{_PACKAGE}.{name}", "__init__")

    def _patch(self, openai: ModuleType) -> None:
        if self._wanted:
            for name in _CLIENTS:
                wrapt.wrap_function_wrapper(openai, f"{name}.__init__", self._made)

    def _made(
        self, init: Callable[..., None], client: object, args: tuple[Any, ...], kwargs: Any
    ) -> None:
        init(*args, **kwargs)
        self.guard.run("instrumentor", wrap, client)
