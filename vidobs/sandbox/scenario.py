"""A scenario: what shall become of the next jobs, written beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from vidobs.sandbox.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vidobs.core.calls import Operation
    from vidobs.sandbox.fault_table import Fault
    from vidobs.sandbox.params import Wanted
    from vidobs.sandbox.scripts import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An HTTP error instead of a job."""

    status: int
    code: str | None = None
    message: str = "The request was refused by the scenario."

    def error(self) -> ApiError:
        """Return the API's error."""
        kind = "server_error" if self.status >= 500 else "invalid_request_error"  # noqa: PLR2004
        return ApiError(self.status, self.message, code=self.code, kind=kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedJob:
    """One entry of a scenario: which requests it is for, and what becomes of them.

    A member that is `None` asks for nothing or changes nothing; `times` is then without a limit.
    """

    prompt: str | None = None
    like: str | None = None
    operation: Operation | None = None
    model: str | None = None
    times: int | None = 1
    fault: Fault | None = None
    refuse: Refusal | None = None
    states: tuple[Step, ...] | None = None
    kept_s: float | None = None
    file_seconds: int | None = None

    def fits(self, wanted: Wanted) -> bool:
        """Whether the entry is for such a request."""
        return (
            self.prompt in {None, wanted.prompt}
            and self.operation in {None, wanted.operation}
            and self.model in {None, wanted.model}
            and (self.like is None or _is_like(wanted.prompt, self.like))
        )


def _is_like(text: str, pattern: str) -> bool:
    """Tell whether a whole text fits a pattern, in which `*` is anything and `?` one character."""
    return fnmatchcase(text, pattern.replace("[", "[[]"))


class Player:
    """Hands out the entries of a scenario: the first that fits and is not used up."""

    def __init__(self, jobs: Iterable[ScriptedJob]) -> None:
        self._left: list[tuple[ScriptedJob, int | None]] = [(job, job.times) for job in jobs]

    def take(self, wanted: Wanted) -> ScriptedJob | None:
        """Return the entry for a request; `None` leaves it to the usual way."""
        for place, (job, left) in enumerate(self._left):
            if job.fits(wanted):
                if left == 1:
                    del self._left[place]
                elif left is not None:
                    self._left[place] = job, left - 1
                return job
        return None
