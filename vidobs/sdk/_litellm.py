"""`litellm.callbacks = [vidobs.litellm_logger()]`: video calls through LiteLLM are observed."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import Any

from vidobs import runtime
from vidobs.core.errors import MissingExtraError
from vidobs.sdk._litellm_bridge import Bridge


def litellm_logger() -> Any:
    """Return a logger that observes the video calls of LiteLLM.

    ```python
    litellm.callbacks = [vidobs.litellm_logger()]
    ```

    It is a `CustomLogger` of LiteLLM's, for `litellm.callbacks` of the SDK and of the proxy: jobs,
    cost, spans and events are those of a wrapped client. It changes no call and raises nothing into
    one. docs/litellm.md says what LiteLLM lets it see.

    Raises:
        MissingExtraError: LiteLLM is not installed.
        ConfigError: the environment or the configuration file cannot be used.
    """
    try:
        parent = import_module("litellm.integrations.custom_logger").CustomLogger
    except ImportError as error:
        raise MissingExtraError("litellm", "vidobs.litellm_logger()") from error
    runtime.current()  # a configuration that cannot be used is said here, not within a call
    logger: Any = type("VidobsLogger", (Hooks, parent), {"__doc__": Hooks.__doc__})()
    logger.bridge = Bridge(runtime.current)
    return logger


class Hooks:
    """Hands LiteLLM's hooks on to vidobs. LiteLLM calls them by keyword."""

    bridge: Bridge

    def log_pre_api_call(self, model: object, messages: object, kwargs: Any) -> None:  # noqa: ARG002
        """LiteLLM is about to send a request."""
        self.bridge.sending(kwargs)

    def log_success_event(
        self, kwargs: Any, response_obj: object, start_time: object, end_time: object
    ) -> None:
        """A sync call returned."""
        self.bridge.answered(kwargs, response_obj, (start_time, end_time))

    def log_failure_event(
        self,
        kwargs: Any,
        response_obj: object,  # noqa: ARG002 - there is none
        start_time: object,
        end_time: object,
    ) -> None:
        """A call raised, sync or async."""
        self.bridge.raised(kwargs, (start_time, end_time))

    async def async_log_success_event(
        self, kwargs: Any, response_obj: object, start_time: object, end_time: object
    ) -> None:
        """An async call returned."""
        times = (start_time, end_time)
        if isinstance(response_obj, bytes):  # a whole video, which takes time to look through
            await asyncio.to_thread(self.bridge.answered, kwargs, response_obj, times)
        else:
            self.bridge.answered(kwargs, response_obj, times)

    async def async_log_failure_event(
        self,
        kwargs: Any,
        response_obj: object,  # noqa: ARG002 - there is none
        start_time: object,
        end_time: object,
    ) -> None:
        """An async call raised."""
        self.bridge.raised(kwargs, (start_time, end_time))

    async def async_post_call_failure_deployment_hook(
        self,
        request_data: Any,
        exception: Exception,
        call_type: object,  # noqa: ARG002 - only creates have something under way
        fallback_depth: int | None = None,  # noqa: ARG002 - each attempt is one
    ) -> None:
        """One attempt of a call raised."""
        self.bridge.attempt_raised(request_data.get("litellm_call_id"), exception)
