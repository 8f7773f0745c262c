"""The functions of the public face: `configure`, `on`, `flush`, `shutdown`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from vidobs import config, runtime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from vidobs.core.events import VideoEvent

_F = TypeVar("_F", bound="Callable[[VideoEvent], Any]")


def configure(
    *,
    config_file: str | Path | None = None,
    callbacks: Iterable[str | object] | None = None,
    **settings: object,
) -> None:
    """Set vidobs up for this process; called again, it replaces what was set.

    What is not given here comes from `VIDOBS_*` variables, then from `vidobs.yaml`, then from the
    defaults; docs/settings.md lists every setting.

    Args:
        config_file: a YAML file to read instead of `VIDOBS_CONFIG` or `vidobs.yaml`.
        callbacks: exporters by name (`"console"`, `"jsonl"`, `"type/name"`), exporter objects, and
            functions that take an event.
        settings: any other setting by its name, such as `ledger`, `capture` or `otel`.

    Raises:
        ConfigError: a setting is unknown or cannot be used; the text says where and what to do.
    """
    given: dict[str, object] = dict(settings)
    if callbacks is not None:
        given["callbacks"] = tuple(callbacks) if not isinstance(callbacks, str) else callbacks
    path = Path(config_file) if config_file is not None else None
    runtime.configure(config.load(given, yaml_path=path))


def on(pattern: str) -> Callable[[_F], _F]:
    """Tell a function, sync or async, of every event that fits a pattern.

    ```python
    @vidobs.on("video.completed")
    def done(event):
        print(event.job.model, event.job.cost.usd)
    ```

    The function runs on a thread of its own, once for each event that this very process recorded,
    right after the commit. What it raises is logged and goes no further. A pattern is the name of
    an event, a family such as `video.*`, or `*`.

    Raises:
        ConfigError: no event fits the pattern.
    """

    def subscribe(function: _F) -> _F:
        runtime.on(pattern, function)
        return function

    return subscribe


def flush(timeout: float = 2.0) -> int:
    """Wait up to `timeout` seconds until everything is written and delivered.

    Returns how many writes and events are left: 0 when all is done. May be called at any time.
    """
    return runtime.flush(timeout)


def shutdown(timeout: float = 2.0) -> int:
    """Flush, stop vidobs' threads and close the ledger, within `timeout` seconds.

    Returns how many events are left for the next start. Runs at exit by itself; twice is once.
    """
    return runtime.shutdown(timeout)
