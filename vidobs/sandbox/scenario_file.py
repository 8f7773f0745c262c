"""Reading a scenario from YAML, with the line of whatever is wrong in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vidobs.core.calls import Operation
from vidobs.sandbox.fault_table import FAULTS
from vidobs.sandbox.jobs import Failure, Status
from vidobs.sandbox.params import MAX_SECONDS
from vidobs.sandbox.scenario import Refusal, ScriptedJob
from vidobs.sandbox.scripts import Step
from vidobs.sandbox.yaml_place import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_BYTES = 4 * 1024 * 1024
OPERATIONS = (Operation.CREATE, Operation.REMIX, Operation.EDIT, Operation.EXTEND)
LONGEST_S = 10 * 365 * 86_400.0


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a scenario: what it says, and how its value is read."""

    summary: str
    read: Callable[[Place], Any]


def read_scenario(path: Path | str) -> tuple[ScriptedJob, ...]:
    """Return the jobs of a scenario file; raises `ValueError` that says the line, and `OSError`."""
    file = Path(path)
    if file.stat().st_size > MAX_BYTES:
        raise ValueError(f"{path}: a scenario has at most {MAX_BYTES} bytes")
    return parse_scenario(file.read_bytes(), name=str(path))


def parse_scenario(raw: bytes, *, name: str) -> tuple[ScriptedJob, ...]:
    """Return the jobs of a scenario; raises `ValueError` that says the line."""
    top = Place.parse(raw, name)
    members = top.members("a scenario", ["jobs"])
    if "jobs" not in members:
        raise top.refuse("a scenario has a list 'jobs'")
    return tuple(_job(place) for place in members["jobs"].items("jobs"))


def _job(place: Place) -> ScriptedJob:
    members = place.members("a job", JOB_KEYS)
    job = ScriptedJob(**_values(members, JOB_KEYS))
    if job.prompt is not None and job.like is not None:
        raise members["like"].refuse("a job has either 'prompt' or 'like'")
    if job.refuse and len(members.keys() & {"fault", "states", "kept_s", "file_seconds"}):
        raise members["refuse"].refuse("what is refused has no fault, states or file")
    if job.states is not None and job.fault and job.fault.plan:
        raise members["states"].refuse(
            f"the fault {job.fault.name!r} plans the states itself; leave one of them out"
        )
    return job


def _values(members: Mapping[str, Place], keys: Mapping[str, Key]) -> dict[str, Any]:
    return {name: keys[name].read(place) for name, place in members.items()}


def _times(place: Place) -> int | None:
    if place.scalar() == "always":
        return None
    return place.whole(1, 1_000_000, also="or 'always'")


def _operation(place: Place) -> Operation:
    return Operation(place.name("operation", [str(operation) for operation in OPERATIONS]))


def _refusal(place: Place) -> Refusal:
    members = place.members("a refusal", REFUSAL_KEYS)
    if "status" not in members:
        raise place.refuse("a refusal has a 'status', such as 403")
    return Refusal(**_values(members, REFUSAL_KEYS))


def _states(place: Place) -> tuple[Step, ...]:
    places = place.items("states")
    if not places:
        raise place.refuse("'states' has at least one state")
    return tuple(_step(step, is_last=step is places[-1]) for step in places)


def _step(place: Place, *, is_last: bool) -> Step:
    members = place.members("a state", STATE_KEYS)
    values = _values(members, STATE_KEYS)
    if "status" not in values:
        raise place.refuse("a state has a 'status'")
    if is_last and "for_s" in values:
        raise members["for_s"].refuse("the last state is for ever, so it has no 'for_s'")
    if not is_last and "for_s" not in values:
        raise place.refuse("every state but the last one says 'for_s', how many seconds it lasts")
    code, message = values.pop("code", None), values.pop("message", None)
    if values["status"] is Status.FAILED:
        told = message or "The video could not be generated."
        values["failure"] = Failure(code or "server_error", told)
    elif code or message:
        raise place.refuse("only a state 'failed' has 'code' and 'message'")
    return Step(**values)


STATE_KEYS: Mapping[str, Key] = {
    "status": Key(
        f"one of {', '.join(f'`{status}`' for status in Status)}",
        lambda place: Status(place.name("status", [str(status) for status in Status])),
    ),
    "for_s": Key(
        "how many seconds it lasts, times the time scale; every state but the last one has it",
        lambda place: place.number(0, LONGEST_S),
    ),
    "progress": Key(
        "stay at this percentage; `in_progress` otherwise moves from 0 to 99",
        lambda place: place.whole(0, 100),
    ),
    "code": Key("for `failed`: the code of the error", lambda place: place.text()),
    "message": Key("for `failed`: the text of the error", lambda place: place.text()),
}

REFUSAL_KEYS: Mapping[str, Key] = {
    "status": Key("the HTTP status, 400 to 599", lambda place: place.whole(400, 599)),
    "code": Key("the code of the error", lambda place: place.text()),
    "message": Key("the text of the error", lambda place: place.text()),
}

JOB_KEYS: Mapping[str, Key] = {
    "prompt": Key("for requests with exactly this prompt", lambda place: place.text()),
    "like": Key(
        "for requests with such a prompt: `*` is anything, `?` one character",
        lambda place: place.text(),
    ),
    "operation": Key(
        f"for requests of this kind: {', '.join(f'`{kind}`' for kind in OPERATIONS)}", _operation
    ),
    "model": Key("for requests with this model", lambda place: place.text()),
    "times": Key("how many requests it is for, or `always`; 1 when left out", _times),
    "fault": Key(
        "the fault that they meet, from the table above",
        lambda place: FAULTS[place.name("fault", FAULTS)],
    ),
    "refuse": Key("an HTTP error instead of a job: `status`, `code`, `message`", _refusal),
    "states": Key("the states of the job, one after another, see below", _states),
    "kept_s": Key(
        "how many seconds after its completion the files expire, times the time scale",
        lambda place: place.number(0, LONGEST_S),
    ),
    "file_seconds": Key(
        "how long the video file is, whatever was asked for",
        lambda place: place.whole(1, MAX_SECONDS),
    ),
}
