"""Calls written once for sync and async code: generators that ask for what they cannot do.

A call yields `Options` to have a request sent, `Pause` to wait, and `Next` for the next piece of a
streamed body. Whoever runs it sends the answer back in, or throws the `APIError` that it met;
anything else ends the call. At the end every streamed body is closed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import msgspec

from vidobs.core.api_errors import APIError
from vidobs.sdk.client._options import Body, Options

if TYPE_CHECKING:
    import httpx

    from vidobs.sdk.client._wire import AsyncWire, SyncWire

T = TypeVar("T")


class Pause(msgspec.Struct, frozen=True):
    """Wait so many seconds."""

    seconds: float


class Next(msgspec.Struct, frozen=True):
    """Read the next piece of a body; `None` comes back at its end."""

    body: Body


Step: TypeAlias = Options | Pause | Next
Call: TypeAlias = Generator[Step, Any, T]


def run(call: Call[T], wire: SyncWire) -> T:
    """Run a call to its end, blocking."""
    streams: list[httpx.Response] = []
    try:
        step = next(call)
        while True:
            try:
                answer = _take(step, wire, streams)
            except APIError as error:
                step = call.throw(error)
                continue
            step = call.send(answer)
    except StopIteration as done:
        result: T = done.value
        return result
    finally:
        for stream in streams:
            stream.close()


async def run_async(call: Call[T], wire: AsyncWire) -> T:
    """Run a call to its end, awaiting."""
    streams: list[httpx.Response] = []
    try:
        step = next(call)
        while True:
            try:
                answer = await _take_async(step, wire, streams)
            except APIError as error:
                step = call.throw(error)
                continue
            step = call.send(answer)
    except StopIteration as done:
        result: T = done.value
        return result
    finally:
        for stream in streams:
            await stream.aclose()


def _take(step: Step, wire: SyncWire, streams: list[httpx.Response]) -> object:
    if isinstance(step, Pause):
        time.sleep(step.seconds)
        return None
    if isinstance(step, Next):
        return wire.chunk(step.body)
    answer = wire.request(None, step)
    if step.stream:
        streams.append(answer)
    return answer


async def _take_async(step: Step, wire: AsyncWire, streams: list[httpx.Response]) -> object:
    if isinstance(step, Pause):
        await asyncio.sleep(step.seconds)
        return None
    if isinstance(step, Next):
        return await wire.chunk(step.body)
    answer = await wire.request(None, step)
    if step.stream:
        streams.append(answer)
    return answer
