"""`client.videos` of the blocking client: the calls of the protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vidobs.sdk.client import _calls as calls
from vidobs.sdk.client import _downloads as downloads
from vidobs.sdk.client import _waiting as waiting
from vidobs.sdk.client._calls import NO_EXTRAS, Extras
from vidobs.sdk.client._steps import run

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator
    from decimal import Decimal

    from vidobs.sdk.client._inputs import Upload
    from vidobs.sdk.client._results import (
        Character,
        Video,
        VideoContent,
        VideoDeleted,
        VideoPage,
    )
    from vidobs.sdk.client._wire import SyncWire


class Videos:
    """The calls of a blocking client. Each raises `vidobs.exceptions.APIError`."""

    def __init__(self, wire: SyncWire) -> None:
        self._wire = wire
        self.characters = Characters(wire)

    def create(
        self,
        *,
        prompt: str,
        model: str | None = None,
        seconds: float | str | Decimal | None = None,
        size: str | None = None,
        input_reference: Upload | None = None,
        user: str | None = None,
        extras: Extras = NO_EXTRAS,
        **fields: object,
    ) -> Video:
        """Create a video; it is queued, not finished. `fields` go along as they are."""
        given = calls.create_fields(
            fields, prompt=prompt, model=model, seconds=seconds, size=size, user=user
        )
        return run(
            calls.create(self._wire.server, given, input_reference=input_reference, extras=extras),
            self._wire,
        )

    def retrieve(self, video_id: str, *, extras: Extras = NO_EXTRAS) -> Video:
        """Ask how a video is doing."""
        return run(calls.retrieve(self._wire.server, video_id, extras=extras), self._wire)

    def wait(
        self,
        video_id: str,
        *,
        timeout: float = waiting.WAIT_S,
        poll_interval: float | None = None,
        on_progress: Callable[[Video], object] | None = None,
        raise_on_failure: bool = True,
        extras: Extras = NO_EXTRAS,
    ) -> Video:
        """Poll until the job ends, at the server's pace; after a restart simply call it again.

        Raises:
            APIError: the job failed, unless `raise_on_failure` is false; the class tells why.
            Timeout: it did not end within `timeout` seconds. It goes on.
        """
        call = waiting.wait(
            self._wire.server,
            video_id,
            timeout=timeout,
            poll_interval=poll_interval,
            on_progress=on_progress,
            raise_on_failure=raise_on_failure,
            extras=extras,
        )
        return run(call, self._wire)

    def download(
        self,
        video_id: str,
        *,
        file: str | os.PathLike[str] | None = None,
        variant: str | None = None,
        extras: Extras = NO_EXTRAS,
    ) -> VideoContent:
        """Download an asset into memory, or in pieces to a file that appears when it is whole.

        A body that breaks off is asked for from there on; so is one that an earlier call left.
        """
        if file is None:
            return run(downloads.to_memory(video_id, variant=variant, extras=extras), self._wire)
        return run(downloads.to_file(video_id, file, variant=variant, extras=extras), self._wire)

    def list(
        self,
        *,
        after: str | None = None,
        limit: int | None = None,
        order: str | None = None,
        extras: Extras = NO_EXTRAS,
    ) -> Iterator[Video]:
        """Yield videos, fetching page after page."""
        while True:
            page = self.page(after=after, limit=limit, order=order, extras=extras)
            yield from page.data
            if not page.has_more or page.last_id in (None, after):
                return
            after = page.last_id

    def page(
        self,
        *,
        after: str | None = None,
        limit: int | None = None,
        order: str | None = None,
        extras: Extras = NO_EXTRAS,
    ) -> VideoPage:
        """Return one page of the list."""
        call = calls.page(self._wire.server, after=after, limit=limit, order=order, extras=extras)
        return run(call, self._wire)

    def delete(self, video_id: str, *, extras: Extras = NO_EXTRAS) -> VideoDeleted:
        """Delete a video, running or finished, with its assets."""
        return run(calls.delete(self._wire.server, video_id, extras=extras), self._wire)

    def cancel(self, video_id: str, *, extras: Extras = NO_EXTRAS) -> Video:
        """Stop a job that has not ended, on servers that can; its files and its record go too.

        Raises:
            ConfigError: the server's dialect has no way to.
            ConflictError: the job has ended.
        """
        return run(calls.cancel(self._wire.server, video_id, extras=extras), self._wire)

    def remix(
        self, video_id: str, *, prompt: str, extras: Extras = NO_EXTRAS, **fields: object
    ) -> Video:
        """Make another video from a finished one."""
        given = {"prompt": prompt, **fields}
        return run(calls.remix(self._wire.server, video_id, given, extras=extras), self._wire)

    def edit(
        self, *, video: Upload, prompt: str, extras: Extras = NO_EXTRAS, **fields: object
    ) -> Video:
        """Edit a video: an id, or a file in any form that `input_reference` takes."""
        given = {"prompt": prompt, **fields}
        call = calls.derive(self._wire.server, "edits", given, video=video, extras=extras)
        return run(call, self._wire)

    def extend(
        self,
        *,
        video: Upload,
        prompt: str,
        seconds: float | str | Decimal | None = None,
        extras: Extras = NO_EXTRAS,
        **fields: object,
    ) -> Video:
        """Make a longer video from one: an id, or a file."""
        given = {"prompt": prompt, "seconds": calls.seconds_of(seconds), **fields}
        call = calls.derive(self._wire.server, "extensions", given, video=video, extras=extras)
        return run(call, self._wire)


class Characters:
    """`client.videos.characters`."""

    def __init__(self, wire: SyncWire) -> None:
        self._wire = wire

    def create(self, *, name: str, video: Upload, extras: Extras = NO_EXTRAS) -> Character:
        """Make a reusable character from a video."""
        call = calls.create_character(self._wire.server, name, video, extras=extras)
        return run(call, self._wire)

    def retrieve(self, character_id: str, *, extras: Extras = NO_EXTRAS) -> Character:
        """Look a character up."""
        call = calls.get_character(self._wire.server, character_id, extras=extras)
        return run(call, self._wire)
