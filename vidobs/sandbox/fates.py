"""What becomes of one accepted request: by the scenario, else by the faults asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vidobs.sandbox.jobs import Course
from vidobs.sandbox.scenario import ScriptedJob
from vidobs.sandbox.scripts import Script

if TYPE_CHECKING:
    from vidobs.sandbox.backend import Backend
    from vidobs.sandbox.errors import ApiError
    from vidobs.sandbox.jobs import Plan
    from vidobs.sandbox.params import Wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """An error instead of a job, or the plan of the job; `entry` is how a scenario writes it."""

    entry: ScriptedJob
    refusal: ApiError | None
    plan: Plan


def fate_of(backend: Backend, wanted: Wanted, *, header: str | None) -> Fate:
    """Return what becomes of a request; raises the API's 400 for an unknown fault."""
    entry = backend.player.take(wanted)
    if entry is None:
        fault = backend.picker.pick(header=header, prompt=wanted.prompt)
        entry = ScriptedJob(fault=fault)
    return Fate(
        entry=entry,
        refusal=_refusal(entry, backend.settings.time_scale),
        plan=_plan(entry, backend.settings.time_scale),
    )


def _refusal(entry: ScriptedJob, time_scale: float) -> ApiError | None:
    if entry.refuse:
        return entry.refuse.error()
    return entry.fault.refuse(time_scale) if entry.fault and entry.fault.refuse else None


def _plan(entry: ScriptedJob, time_scale: float) -> Plan:
    usual = Course()
    kept_s = usual.kept_s if entry.kept_s is None else entry.kept_s
    if entry.states is not None:
        return Script(steps=entry.states, kept_s=kept_s).scaled(time_scale)
    course = replace(Course.scaled(time_scale), kept_s=kept_s * time_scale)
    return entry.fault.plan(course) if entry.fault and entry.fault.plan else course
