"""vidobs' own client and functions, and raw httpx that sends the same requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from contenders import MODEL, Calls, watched

if TYPE_CHECKING:
    from collections.abc import Callable

    from contenders import Place

RAW, CLIENT, FUNCTIONS = "raw httpx", "vidobs.Client", "vidobs.video_generation ..."
_KEY = "sk-bench"
_ASKED = {"model": MODEL, "seconds": "4", "size": "720x1280"}


@dataclass(frozen=True, slots=True)
class Made:
    """A job, as far as the benchmark looks at it."""

    id: str


@dataclass(frozen=True, slots=True)
class Content:
    """A download."""

    data: Any

    def read(self) -> bytes:
        """Return its bytes."""
        return self.data


def raw_httpx(at: Place) -> Calls:
    """A program that calls the API by httpx alone, keeps its connection and looks at statuses."""
    import httpx

    headers = {"Authorization": f"Bearer {_KEY}"}
    kind = httpx.AsyncClient if at.is_async else httpx.Client
    http = kind(base_url=at.base_url, headers=headers)
    if at.is_async:
        return _awaiting_httpx(http)

    def create(prompt: str) -> Made:
        answer = http.post("/videos", json={"prompt": prompt, **_ASKED}).raise_for_status()
        return Made(answer.json()["id"])

    return Calls(
        create,
        lambda video_id: http.get(f"/videos/{video_id}").raise_for_status().json(),
        lambda video_id: http.get(f"/videos/{video_id}/content").raise_for_status(),
        lambda: None,
    )


def own_client(at: Place) -> Calls:
    """Our client, observed as it always is, with its ledger on disk."""
    flush, check = watched(at)
    import vidobs

    kind = vidobs.AsyncClient if at.is_async else vidobs.Client
    videos = kind(base_url=at.base_url, api_key=_KEY).videos

    def create(prompt: str) -> Any:
        return videos.create(prompt=prompt, **_ASKED)

    if not at.is_async:
        return Calls(
            create,
            videos.retrieve,
            lambda video_id: Content(videos.download(video_id).data),
            flush,
            check,
        )

    async def download(video_id: str) -> Content:
        return Content((await videos.download(video_id)).data)

    return Calls(create, videos.retrieve, download, flush, check)


def own_functions(at: Place) -> Calls:
    """The functions that stand in for LiteLLM's."""
    flush, check = watched(at)
    import vidobs

    where = {"api_base": at.base_url, "api_key": _KEY}
    prefix = "a" if at.is_async else ""
    generation: Callable[..., Any] = getattr(vidobs, f"{prefix}video_generation")
    status: Callable[..., Any] = getattr(vidobs, f"{prefix}video_status")

    def create(prompt: str) -> Any:
        return generation(prompt=prompt, **_ASKED, **where)

    def download(video_id: str) -> Content:
        return Content(vidobs.video_content(video_id, **where))

    async def download_async(video_id: str) -> Content:
        return Content(await vidobs.avideo_content(video_id, **where))

    return Calls(
        create,
        lambda video_id: status(video_id, **where),
        download_async if at.is_async else download,
        flush,
        check,
    )


def _awaiting_httpx(http: Any) -> Calls:
    async def create(prompt: str) -> Made:
        answer = await http.post("/videos", json={"prompt": prompt, **_ASKED})
        return Made(answer.raise_for_status().json()["id"])

    async def poll(video_id: str) -> Any:
        return (await http.get(f"/videos/{video_id}")).raise_for_status().json()

    async def download(video_id: str) -> Any:
        return (await http.get(f"/videos/{video_id}/content")).raise_for_status()

    return Calls(create, poll, download, lambda: None)


HERE: dict[str, Callable[[Place], Calls]] = {
    RAW: raw_httpx,
    CLIENT: own_client,
    FUNCTIONS: own_functions,
}
