"""One request of our client, in the shape that the funnels around it read, and a streamed body."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

Files = list[tuple[str, object]]


@dataclass(slots=True)
class Options:
    """What to send. `url` is the path behind the base address; `json_data` are the fields."""

    method: str
    url: str
    params: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    json_data: Mapping[str, object] | None = None
    extra_json: Mapping[str, object] | None = None
    files: Files = field(default_factory=list)
    timeout: float | httpx.Timeout | None = None
    stream: bool = False  # the body is left unread, for the caller to stream
    idempotency_key: str | None = None
    max_retries: int | None = None
    unsupported: tuple[str, ...] = ()  # parameters that no server takes

    def __copy__(self) -> Options:
        """Return another with the same members; quicker than what `copy.copy` does by itself."""
        return Options(
            self.method, self.url, self.params, self.headers, self.json_data, self.extra_json,
            self.files, self.timeout, self.stream, self.idempotency_key, self.max_retries,
            self.unsupported,
        )  # fmt: skip

    def get_max_retries(self, default: int) -> int:
        """Return how often this request may be sent again."""
        return default if self.max_retries is None else self.max_retries


@dataclass(slots=True)
class Body:
    """The body of an answer that is read piece by piece."""

    response: httpx.Response
    pieces: Any = None  # the iterator over it, sync or async, once it has begun
