"""Our client for one server, watched by the runtime that it is given."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import httpx
import msgspec

from vidobs.sdk._openai_client import WatchedClient
from vidobs.sdk._openai_funnel import SyncFunnel
from vidobs.sdk._settings import WrapSettings
from vidobs.sdk.client import _calls as calls
from vidobs.sdk.client import _downloads as downloads
from vidobs.sdk.client._answers import poll_after_s
from vidobs.sdk.client._calls import Extras
from vidobs.sdk.client._results import Video, VideoContent, VideoPage
from vidobs.sdk.client._steps import run
from vidobs.sdk.client._wire import SyncWire

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from pathlib import Path

    from vidobs.runtime import Runtime
    from vidobs.sdk.client._options import Body
    from vidobs.sdk.client._server import Server

TIMEOUT_S = 30.0
PAGE = 100  # videos of a list at once


class Told(msgspec.Struct, frozen=True):
    """What a server said of a video, and in how many seconds to ask again, where it said that."""

    video: Video
    after_s: float | None = None


class Asker:
    """Asks one server. Every method raises `APIError`. Close it, or the connections stay."""

    def __init__(
        self,
        server: Server,
        watcher: Runtime | None,
        *,
        timeout_s: float = TIMEOUT_S,
        retries: int = 1,
    ) -> None:
        """Make a client. Without a watcher nobody sees its calls."""
        self.server = server
        self._http = httpx.Client(verify=_trusted())
        self._wire = _PausingWire(server, None, ours=self._http, max_retries=retries)
        self._extras = Extras(timeout=timeout_s)
        if watcher is not None:
            _watch(self._wire, watcher)

    def retrieve(self, video_id: str) -> Told:
        """Ask how a video is doing."""
        video, headers = run(calls.poll(self.server, video_id, extras=self._extras), self._wire)
        return Told(video, poll_after_s(headers))

    def page(self, after: str | None = None) -> VideoPage:
        """List videos, the newest first; `after` is the last one of the page before."""
        call = calls.page(self.server, after=after, limit=PAGE, order="desc", extras=self._extras)
        return run(call, self._wire)

    def download(self, video_id: str, path: Path, between: Callable[[], None]) -> VideoContent:
        """Download a video to a file, going on with a part that is there already."""
        self._wire.between = between
        return run(downloads.to_file(video_id, path, variant=None, extras=self._extras), self._wire)

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()
        self._http.close()


class _PausingWire(SyncWire):
    """A wire that asks before each piece of a body whether to go on."""

    between: Callable[[], None] = staticmethod(lambda: None)

    def chunk(self, body: Body) -> bytes | None:
        """Read the next piece of a streamed body; `None` at its end."""
        self.between()
        return super().chunk(body)


@cache
def _trusted() -> ssl.SSLContext:
    """Whom to trust; to read the certificates takes longer than most questions."""
    return httpx.create_ssl_context()


def _watch(wire: Any, runtime: Runtime) -> None:
    """Let one runtime see the calls; `wrap` would ask for the one of the process each time."""
    server: Server = wire.server
    settings = WrapSettings(
        provider=server.provider,
        dialect=server.variant.name,
        joins_traces=server.variant.joins_traces,
    )
    wire.request = SyncFunnel(WatchedClient(wire, settings, lambda: runtime)).request
