"""What vidobs keeps beside a wrapped openai client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from vidobs._guard import Guard
from vidobs.dialects import openai as dialect
from vidobs.observer import attribution
from vidobs.sdk import _openai_answers as answers
from vidobs.sdk import _openai_requests as requests
from vidobs.sdk._openai_errors import Private

if TYPE_CHECKING:
    from collections.abc import Callable

    from vidobs.core.calls import VideoCall
    from vidobs.core.jobs import TraceRef
    from vidobs.dialects.openai import CallContext, Route
    from vidobs.runtime import Runtime
    from vidobs.sdk._settings import WrapSettings


REPLACED = ("request", "copy", "with_options")


class WatchedClient:
    """A client, the settings it was wrapped with, and the originals of what was replaced."""

    def __init__(
        self, client: Any, settings: WrapSettings, current: Callable[[], Runtime | None]
    ) -> None:
        self.client = client
        self.settings = settings
        self._current = current
        self._guard = Guard()  # before there is a runtime with one
        self._replaced = {name: vars(client)[name] for name in REPLACED if name in vars(client)}
        self.request = client.request
        self.copy = client.copy
        self.instrumented = False  # HTTP spans of ours are on it
        self._context: tuple[tuple[object, ...], CallContext] | None = None
        self._shapes: dict[type, answers.Shape] = {}

    def runtime(self) -> Runtime | None:
        """Return the runtime; `None` while vidobs is switched off, or cannot be set up."""
        return self._guard.run("configuration", self._current)

    def restore(self) -> None:
        """Give the client back what it had of its own before it was wrapped."""
        for name in REPLACED:
            delattr(self.client, name)
        vars(self.client).update(self._replaced)

    def context(self, runtime: Runtime) -> CallContext:
        """Return what is the same for every call of this client, as it is set now."""
        client, settings = self.client, self.settings
        base_url = client.base_url
        known = self._context
        if known is not None:
            its_runtime, its_settings, its_url = known[0]
            if its_runtime is runtime and its_settings is settings and its_url is base_url:
                return known[1]
        made = runtime.call_context(
            base_url=str(base_url),
            client=type(client).__name__,
            provider=settings.provider,
            dialect=settings.dialect,
        )
        self._context = ((runtime, settings, base_url), made)
        return made

    def private(self, prompt: object) -> Private:
        """Return what a text about a call of this client must not quote."""
        key = getattr(self.client, "api_key", None)
        return Private(
            prompt if isinstance(prompt, str) else None, key if isinstance(key, str) else None
        )

    def private_of(self, runtime: Runtime, video_id: str | None) -> Private:
        """Return what a text about a job must not quote; its prompt where this process made it."""
        provider = self.context(runtime).provider
        return self.private(runtime.observer.prompts.get((provider, video_id or "")))

    def trace_of(self, runtime: Runtime, route: Route) -> TraceRef | None:
        """Return the trace that a request about a job carries; `None` where it carries none."""
        if not self.settings.joins_traces or route.video_id is None:
            return None
        job = runtime.observer.job_of(self.context(runtime).provider, route.video_id)
        return None if job is None else job.trace

    def in_trace(self, runtime: Runtime, route: Route, options: Any) -> Any:
        """Return a request about a job, with its trace where the server's spans join it."""
        trace = runtime.guard.run("trace", self.trace_of, runtime, route)
        return options if trace is None else requests.traced(options, trace)

    def instrument(self, runtime: Runtime) -> None:
        """Put HTTP spans on the client, once there is somebody who receives them."""
        self.instrumented = runtime.instrument(self.client)

    def read(
        self, runtime: Runtime, route: Route, options: Any, key: str | None = None
    ) -> VideoCall:
        """Return the call behind a request of the SDK, stripped by the capture policy."""
        call = dialect.read_call(
            route,
            fields_of(options),
            options.files,
            options.params,
            context=self.context(runtime),
            idempotency_key=key,
            attribution=attribution.current(),
        )
        left_out = getattr(options, "unsupported", ())  # the openai SDK's have none
        if not left_out:
            return call
        request = msgspec.structs.replace(call.request, unsupported=left_out)
        return msgspec.structs.replace(call, request=request)

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
