"""The one function through which the openai SDK sends every request, with vidobs around it.

`client.request` sees every call: `create`, the polls inside `create_and_poll`, raw and streaming
responses, downloads. Everything of vidobs runs behind the guard; the SDK's results and exceptions
pass through untouched. The sync and the async funnel take the same steps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vidobs.core.calls import Operation
from vidobs.dialects import openai as dialect
from vidobs.sdk import _openai_creates as creates
from vidobs.sdk import _openai_downloads as downloads
from vidobs.sdk._openai_polls import Asking

if TYPE_CHECKING:
    from vidobs.dialects.openai import Route
    from vidobs.runtime import Runtime
    from vidobs.sdk._openai_client import WatchedClient


class SyncFunnel:
    """`request` of a sync client."""

    def __init__(self, watched: WatchedClient) -> None:
        self.watched = watched

    def request(self, cast_to: Any, options: Any, **kwargs: Any) -> Any:
        """Send a request as the SDK does, and observe it when it is a video call."""
        runtime = self.watched.runtime()
        if runtime is None:
            return self.watched.request(cast_to, options, **kwargs)
        route = runtime.guard.run("route", dialect.route, options.method, options.url)
        if route is None:
            return self.watched.request(cast_to, options, **kwargs)
        if route.operation.creates_job:
            return self._create(runtime, route, cast_to, options, kwargs)
        if self.watched.settings.joins_traces:
            options = self.watched.in_trace(runtime, route, options)
        if route.operation is Operation.DOWNLOAD:
            return self._download(runtime, route, cast_to, options, kwargs)
        return self._ask(runtime, route, cast_to, options, kwargs)

    def _create(
        self, runtime: Runtime, route: Route, cast_to: Any, options: Any, kwargs: dict[str, Any]
    ) -> Any:
        watched, guard = self.watched, runtime.guard
        sending = guard.run("create", creates.begin, watched, runtime, route, options)
        if sending is None:
            return watched.request(cast_to, options, **kwargs)
        creates.admit(watched, runtime, sending)
        while True:
            try:
                if sending.refused is not None:
                    creates.pause(watched, sending)
                    sending.refused = None
                result = watched.request(cast_to, sending.options, **kwargs)
            except BaseException as error:
                if guard.run("retry", creates.again, watched, sending, error):
                    continue
                guard.run("create", creates.raised, sending, error)
                raise
            guard.run("create", creates.answered, watched, runtime, sending, result)
            return result

    def _download(
        self, runtime: Runtime, route: Route, cast_to: Any, options: Any, kwargs: dict[str, Any]
    ) -> Any:
        watched, guard = self.watched, runtime.guard
        seen = guard.run("download", downloads.begin, watched, runtime, route, options)
        try:
            result = watched.request(cast_to, options, **kwargs)
        except BaseException as error:
            if seen is not None:
                guard.run("download", downloads.raised, watched, runtime, seen, error)
            raise
        if seen is not None:
            guard.run("download", downloads.answered, watched, runtime, seen, result)
        return result

    def _ask(
        self, runtime: Runtime, route: Route, cast_to: Any, options: Any, kwargs: dict[str, Any]
    ) -> Any:
        watched, guard = self.watched, runtime.guard
        asking = guard.run("poll", Asking, watched, runtime, route, options)
        try:
            with runtime.quiet(instrumented=watched.instrumented):
                result = watched.request(cast_to, options, **kwargs)
        except BaseException as error:
            if asking is not None:
                guard.run("poll", asking.raised, error)
            raise
        if asking is not None:
            guard.run("poll", asking.answered, result)
        return result


class AsyncFunnel:
    """`request` of an async client: the same steps, awaiting the SDK."""

    def __init__(self, watched: WatchedClient) -> None:
        self.watched = watched

    async def request(self, cast_to: Any, options: Any, **kwargs: Any) -> Any:
        """Send a request as the SDK does, and observe it when it is a video call."""
        runtime = self.watched.runtime()
        if runtime is None:
            return await self.watched.request(cast_to, options, **kwargs)
        route = runtime.guard.run("route", dialect.route, options.method, options.url)
        if route is None:
            return await self.watched.request(cast_to, options, **kwargs)
        if route.operation.creates_job:
            return await self._create(runtime, route, cast_to, options, kwargs)
        if self.watched.settings.joins_traces:
            options = self.watched.in_trace(runtime, route, options)
        if route.operation is Operation.DOWNLOAD:
            return await self._download(runtime, route, cast_to, options, kwargs)
        return await self._ask(runtime, route, cast_to, options, kwargs)

    async def _create(
        self, runtime: Runtime, route: Route, cast_to: Any, options: Any, kwargs: dict[str, Any]
    ) -> Any:
        watched, guard = self.watched, runtime.guard
        sending = guard.run("create", creates.begin, watched, runtime, route, options)
        if sending is None:
            return await watched.request(cast_to, options, **kwargs)
        creates.admit(watched, runtime, sending)
        while True:
            try:
                if sending.refused is not None:
                    await creates.pause(watched, sending)
                    sending.refused = None
                result = await watched.request(cast_to, sending.options, **kwargs)
            except BaseException as error:
                if guard.run("retry", creates.again, watched, sending, error):
                    continue
                guard.run("create", creates.raised, sending, error)
                raise
            guard.run("create", creates.answered, watched, runtime, sending, result)
            return result

    async def _download(
        self, runtime: Runtime, route: Route, cast_to: Any, options: Any, kwargs: dict[str, Any]
    ) -> Any:
        watched, guard = self.watched, runtime.guard
        seen = guard.run("download", downloads.begin, watched, runtime, route, options)
        try:
            result = await watched.request(cast_to, options, **kwargs)
        except BaseException as error:
            if seen is not None:
                guard.run("download", downloads.raised, watched, runtime, seen, error)
            raise
        if seen is not None:
            guard.run("download", downloads.answered, watched, runtime, seen, result)
        return result

    async def _ask(
        self, runtime: Runtime, route: Route, cast_to: Any, options: Any, kwargs: dict[str, Any]
    ) -> Any:
        watched, guard = self.watched, runtime.guard
        asking = guard.run("poll", Asking, watched, runtime, route, options)
        try:
            with runtime.quiet(instrumented=watched.instrumented):
                result = await watched.request(cast_to, options, **kwargs)
        except BaseException as error:
            if asking is not None:
                guard.run("poll", asking.raised, error)
            raise
        if asking is not None:
            guard.run("poll", asking.answered, result)
        return result
