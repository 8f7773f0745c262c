"""Writing down what clients asked for and what became of it, as a scenario that can be replayed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from vidobs.sandbox.jobs import NS
from vidobs.sandbox.scripts import usual_steps

if TYPE_CHECKING:
    from pathlib import Path

    from vidobs.sandbox.params import Wanted
    from vidobs.sandbox.records import JsonValue
    from vidobs.sandbox.scenario import ScriptedJob
    from vidobs.sandbox.scripts import Step

MARK = "# Recorded by the vidobs sandbox"
_HEADER = f"{MARK}; replay it with `vidobs sandbox --scenario FILE`.\njobs:\n"


class Recording:
    """A file to which each request that makes a video is added as it comes.

    Raises `ValueError` when there is a file that was not recorded, and `OSError`.
    """

    def __init__(self, path: Path, *, started_ns: int) -> None:
        check_recordable(path)
        self._started_ns = started_ns
        self._file = path.open("w", encoding="utf-8")
        self._write(_HEADER)

    def add(self, wanted: Wanted, entry: ScriptedJob, *, now_ns: int) -> None:
        """Write down one request, and what becomes of it."""
        after_s = (now_ns - self._started_ns) / NS
        asked = f"{wanted.model!r}, {wanted.seconds} s, {wanted.size}"
        text = yaml.safe_dump([_as_yaml(wanted, entry)], sort_keys=False, allow_unicode=True)
        self._write(f"# after {after_s:.3f} s: {asked}\n{text}")

    def close(self) -> None:
        """Close the file. Idempotent."""
        self._file.close()

    def _write(self, text: str) -> None:
        self._file.write(text)
        self._file.flush()


def check_recordable(path: Path) -> None:
    """Raise `ValueError` for a file that holds something else than a recording."""
    if not path.exists():
        return
    with path.open("rb") as file:
        start = file.read(len(MARK))
    if start not in {b"", MARK.encode()}:
        raise ValueError(f"{path} exists and is no recording; name another file to record into")


def _as_yaml(wanted: Wanted, entry: ScriptedJob) -> dict[str, JsonValue]:
    job: dict[str, JsonValue] = {"operation": str(wanted.operation), "prompt": wanted.prompt}
    if entry.fault:
        job["fault"] = entry.fault.name
    if entry.refuse:
        refuse: dict[str, JsonValue] = {"status": entry.refuse.status, "code": entry.refuse.code}
        job["refuse"] = _given(refuse | {"message": entry.refuse.message})
    elif not (entry.fault and (entry.fault.plan or entry.fault.refuse)):
        job["states"] = [_step(step) for step in entry.states or usual_steps()]
    return job | _given({"kept_s": entry.kept_s, "file_seconds": entry.file_seconds})


def _step(step: Step) -> JsonValue:
    return _given(
        {
            "status": str(step.status),
            "for_s": step.for_s,
            "progress": step.progress,
            "code": step.failure.code if step.failure else None,
            "message": step.failure.message if step.failure else None,
        }
    )


def _given(members: dict[str, JsonValue]) -> dict[str, JsonValue]:
    return {name: value for name, value in members.items() if value is not None}
