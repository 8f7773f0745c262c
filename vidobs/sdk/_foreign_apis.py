"""The APIs with a codec of their own that an httpx client talks to, and the files they told of."""

from __future__ import annotations

import re
from functools import cache, lru_cache, partial
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from vidobs.core.calls import Operation
from vidobs.dialects.codec import Codec, Request
from vidobs.dialects.codecs import CODECS, MOST_HOSTS, codec_at
from vidobs.dialects.routes import Route
from vidobs.sdk._foreign_calls import AskingForeign, Fetching, Making
from vidobs.sdk._httpx_bodies import json_of
from vidobs.sdk._openai_client import WatchedClient

if TYPE_CHECKING:
    from collections.abc import Callable

    from vidobs.runtime import Runtime
    from vidobs.sdk._settings import WrapSettings

    Origins = Callable[[Any, WrapSettings], WatchedClient]

MOST_FILES = 1000  # whose addresses one client remembers
_MOST_BODY_BYTES = 32 << 20  # pictures stand in it as base64
_VERSION = re.compile(r"^/v\d\w*(?=/)")  # an SDK may ask another version of the API for a file


class _Known(msgspec.Struct, frozen=True):
    """A file of a job: which one, and who told of it."""

    watched: WatchedClient
    codec: Codec
    video_id: str


class ForeignApis:
    """Finds out which requests of one httpx client are calls of such an API."""

    def __init__(self, origins: Origins) -> None:
        self._origins = origins  # what is kept for the host of a URL
        self._files: dict[tuple[str, str], _Known] = {}
        self._lock = Lock()

    def begin(
        self, runtime: Runtime, request: Any, settings: WrapSettings
    ) -> Making | AskingForeign | Fetching | None:
        """Look at a request; `None` where it is no video call of such an API."""
        host = request.url.host
        codec = _codec(settings, host)
        if codec is None and not self._files:
            return None
        sent = Request(request.method, _path(request.url), cache(partial(_fields, request)))
        known = self._files.get(_place(host, sent.path)) if request.method == "GET" else None
        if known is not None:
            route = Route(Operation.DOWNLOAD, known.video_id)
            return Fetching(known.watched, runtime, known.codec, route=route, request=sent)
        found = None if codec is None else codec.route(sent)
        if codec is None or found is None:
            return None
        watched = self._origins(request.url, _filed(settings, codec, host))
        kind = Making if found.operation.creates_job else AskingForeign
        finished = partial(self._finished, watched, codec)
        return kind(watched, runtime, codec, route=found, request=sent, finished=finished)

    def _finished(
        self, watched: WatchedClient, codec: Codec, video_id: str, urls: tuple[str, ...]
    ) -> None:
        """Remember where the files of a job are: never the query, where signatures stand."""
        for url in urls:
            try:
                found = urlsplit(url)
                place = _place(found.hostname or "", found.path)
            except ValueError:  # not a URL
                continue
            with self._lock:
                self._files.pop(place, None)
                if len(self._files) >= MOST_FILES:
                    del self._files[next(iter(self._files))]
                self._files[place] = _Known(watched, codec, video_id)


def _codec(settings: WrapSettings, host: str) -> Codec | None:
    """Return the codec that was asked for, else the one that the host is known for."""
    return codec_at(host) if settings.dialect is None else CODECS.get(settings.dialect)


@lru_cache(MOST_HOSTS)
def _filed(settings: WrapSettings, codec: Codec, host: str) -> WrapSettings:
    """Return the settings with the provider that jobs at a host are filed under."""
    provider = settings.provider or codec.provider_at(host)
    return msgspec.structs.replace(settings, provider=provider, dialect=codec.name)


def _path(url: Any) -> str:
    """Return the path of a URL as it is sent, without the query, where keys stand."""
    path: bytes = url.raw_path
    return path.partition(b"?")[0].decode("ascii", "replace")


def _place(host: str, path: str) -> tuple[str, str]:
    return host.lower(), _VERSION.sub("", path)


def _fields(request: Any) -> dict[str, Any]:
    return json_of(request, most_bytes=_MOST_BODY_BYTES) or {}
