"""What vidobs keeps beside a wrapped openai client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vidobs.dialects import openai as dialect
from vidobs.observer import attribution
from vidobs.sdk import _openai_answers as answers

if TYPE_CHECKING:
    from collections.abc import Callable

    from vidobs.core.calls import VideoCall
    from vidobs.dialects.openai import CallContext, Route
    from vidobs.runtime import Runtime
    from vidobs.sdk._settings import WrapSettings


class WatchedClient:
    """A client, the settings it was wrapped with, and the originals of what was replaced."""

    def __init__(
        self, client: Any, settings: WrapSettings, current: Callable[[], Runtime | None]
    ) -> None:
        self.client = client
        self.settings = settings
        self.current = current  # the runtime, `None` while vidobs is switched off
        self.request = client.request
        self.copy = client.copy
        self.instrumented = False  # HTTP spans of ours are on it
        self._context: tuple[Runtime, CallContext] | None = None
        self._shapes: dict[type, answers.Shape] = {}

    def context(self, runtime: Runtime) -> CallContext:
        """Return what is the same for every call of this client."""
        if self._context is None or self._context[0] is not runtime:
            made = runtime.call_context(
                base_url=str(self.client.base_url),
                client=type(self.client).__name__,
                provider=self.settings.provider,
                dialect=self.settings.dialect,
            )
            self._context = (runtime, made)
        return self._context[1]

    def instrument(self, runtime: Runtime) -> None:
        """Put HTTP spans on the client, once there is somebody who receives them."""
        self.instrumented = runtime.instrument(self.client)

    def read(
        self, runtime: Runtime, route: Route, options: Any, key: str | None = None
    ) -> VideoCall:
        """Return the call behind a request of the SDK, stripped by the capture policy."""
        return dialect.read_call(
            route,
            fields_of(options),
            options.files,
            options.params,
            context=self.context(runtime),
            idempotency_key=key,
            attribution=attribution.current(),
        )

    def shape(self, result: Any) -> answers.Shape:
        """Classify a result by its type, which is looked at once."""
        kind = type(result)
        found = self._shapes.get(kind)
        if found is None:
            found = self._shapes[kind] = answers.shape_of(kind)
        return found


def fields_of(options: Any) -> dict[str, Any]:
    """Return the fields of a request's body, the caller's `extra_body` among them."""
    body = options.json_data if isinstance(options.json_data, dict) else {}
    extra = options.extra_json
    return {**body, **extra} if isinstance(extra, dict) and extra else body
