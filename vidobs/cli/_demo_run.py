"""The demo's work: every scene at once through the wrapped SDK, each in a thread of its own."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import vidobs
from vidobs.cli._demo_scenes import TAG, Scene
from vidobs.core.errors import ConfigError, MissingExtraError
from vidobs.core.jobs import JobState
from vidobs.core.scrub import scrub, scrub_exception

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import openai
    from openai.types import Video

    from vidobs.core.events import VideoEvent
    from vidobs.core.jobs import Job

PREFLIGHT_S = 10.0


class Take:
    """A scene under way. Its thread makes it; callbacks tell it where its job stands."""

    def __init__(self, scene: Scene, folder: Path) -> None:
        self.scene = scene
        self.file = folder / f"{scene.name}.mp4"
        self.job: Job | None = None
        self.future: Future[None] | None = None

    @property
    def error(self) -> BaseException | None:
        """What ended the thread, once it has ended."""
        done = self.future is not None and self.future.done() and not self.future.cancelled()
        return self.future.exception() if self.future is not None and done else None

    def said(self) -> str | None:
        """What went wrong, in the words of the provider, else of the exception."""
        if self.job is not None and self.job.error is not None:
            return self.job.error.message or self.job.error.code
        return None if self.error is None else scrub_exception(self.error, self.scene.text)


class Studio:
    """Makes the takes with one client, which is wrapped here."""

    def __init__(self, client: openai.OpenAI, takes: Sequence[Take]) -> None:
        self._client = vidobs.wrap(client)
        self._takes = {take.scene.name: take for take in takes}
        self._ids: dict[str, str] = {}  # of the finished videos, by scene
        self._threads = ThreadPoolExecutor(len(takes), thread_name_prefix="vidobs-demo")

    def note(self, event: VideoEvent) -> Take | None:
        """Take down what an event says; return the take it is about."""
        take = self._takes.get(event.job.tags.get(TAG, ""))
        if take is not None:
            take.job = event.job
        return take

    def make_all(self) -> None:
        """Make every take; return when the last one ended, well or not."""
        for take in self._takes.values():
            take.future = self._threads.submit(self._make, take)
        wait([take.future for take in self._takes.values() if take.future is not None])
        self._threads.shutdown()

    def stop(self) -> None:
        """Give up. Threads that wait in the SDK are left there, and are no longer observed."""
        vidobs.unwrap(self._client)
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _make(self, take: Take) -> None:
        scene = take.scene
        with vidobs.context(user=scene.user, tags={TAG: scene.name, **scene.tags}):
            video = self._video(scene)
            if video.status == JobState.COMPLETED.value:
                self._ids[scene.name] = video.id
                self._download(video.id, take.file)

    def _video(self, scene: Scene) -> Video:
        videos = self._client.videos
        if scene.remix_of is None:
            return videos.create_and_poll(
                model=scene.model, prompt=scene.text, seconds=scene.seconds, size=scene.size
            )
        source = self._takes[scene.remix_of].future
        if source is not None:
            source.result()
        remix = videos.remix(self._ids[scene.remix_of], prompt=scene.text)
        return videos.poll(remix.id)

    def _download(self, video_id: str, file: Path) -> None:
        """Stream the file to disk; a half of one never has its name."""
        part = file.with_suffix(".part")
        with self._client.videos.with_streaming_response.download_content(video_id) as body:
            body.stream_to_file(part)
        part.replace(file)


def open_client(base_url: str, api_key: str, *, extra: str, loopback: bool) -> openai.OpenAI:
    """Return a client of the official SDK.

    Raises:
        MissingExtraError: the SDK is not installed.
    """
    try:
        import openai
    except ImportError:
        raise MissingExtraError(extra, "vidobs demo") from None
    if loopback:  # no proxy of the environment's stands between us and our own process
        direct = openai.DefaultHttpxClient(trust_env=False)
        return openai.OpenAI(base_url=base_url, api_key=api_key, http_client=direct)
    return openai.OpenAI(base_url=base_url, api_key=api_key)


def check_url(base_url: str) -> None:
    """Raise `ConfigError` for what is no base URL."""
    try:
        url = urlsplit(base_url)
        fine = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        fine = False
    if not fine:
        raise ConfigError(
            f"--base-url: got {scrub(base_url)!r}; write it like http://127.0.0.1:8000/v1"
        )


def check_server(client: openai.OpenAI) -> None:
    """Ask a server one free question, so that a wrong URL or key shows before anything is made.

    Raises:
        ConfigError: nobody is there, the key is refused, or it is a web page.
    """
    import openai

    asking = client.with_options(max_retries=0, timeout=PREFLIGHT_S)
    try:
        answer = asking.videos.with_raw_response.list(limit=1)
    except openai.APIStatusError as error:
        if error.status_code in (401, 403):
            raise ConfigError(_wrong(error, client)) from None
        return  # a server need not list videos
    except openai.APIConnectionError as error:
        raise ConfigError(_wrong(error, client)) from None
    if "html" in answer.headers.get("content-type", ""):
        raise ConfigError(f"{_place(client)} answers with a web page; {_END_IN_V1}")


def check_takes(takes: Sequence[Take], client: openai.OpenAI) -> None:
    """Raise `ConfigError` when every take failed because the server is not what was expected."""
    import openai

    setup = (openai.APIConnectionError, openai.AuthenticationError, openai.NotFoundError)
    errors = [take.error for take in takes]
    if all(isinstance(error, setup) for error in errors):
        raise ConfigError(_wrong(errors[0], client))


_END_IN_V1 = "check --base-url, which usually ends in /v1"


def _wrong(error: BaseException | None, client: openai.OpenAI) -> str:
    """What is wrong with the server or with what it was given, and what to do."""
    status = getattr(error, "status_code", None)
    if status in (401, 403):
        return (
            f"{_place(client)} refused the API key ({status}); "
            "give the right one with --api-key or OPENAI_API_KEY"
        )
    if status is not None:
        return f"{_place(client)} has no videos ({status}); {_END_IN_V1}, and --model"
    cause = None if error is None else error.__cause__ or error
    why = "" if cause is None else f" ({scrub_exception(cause)})"
    return (
        f"cannot reach {_place(client)}{why}; check --base-url, or start a server of your own "
        "with: vidobs sandbox"
    )


def _place(client: openai.OpenAI) -> str:
    return scrub(str(client.base_url).rstrip("/"))
