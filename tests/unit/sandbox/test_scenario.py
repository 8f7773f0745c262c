"""Which entry of a scenario a request meets, and how scripted states go."""

import pytest

from vidobs.core.calls import Operation
from vidobs.sandbox.body import Body
from vidobs.sandbox.jobs import NS, Failure, State, Status
from vidobs.sandbox.params import Wanted, wanted_create
from vidobs.sandbox.scenario import Player, ScriptedJob
from vidobs.sandbox.scripts import Script, Step, usual_steps

BORN_NS = 1_800_000_000 * NS


def wanted(prompt: str = "a cat", **fields) -> Wanted:
    """Return what somebody asks for."""
    return wanted_create(Body({"prompt": prompt, **fields}))


def at(script: Script, seconds: float) -> State:
    """Return the state some seconds after the creation."""
    return script.state(BORN_NS, BORN_NS + round(seconds * NS))


def test_entries_without_conditions_are_used_in_order():
    """Each is for one request, then the next has its turn, and then nobody."""
    jobs = [ScriptedJob(file_seconds=1), ScriptedJob(file_seconds=2, times=2)]
    player = Player(jobs)
    got = [player.take(wanted()) for _ in range(4)]
    assert [entry and entry.file_seconds for entry in got] == [1, 2, 2, None]
    assert Player(jobs).take(wanted()) is jobs[0]


def test_an_entry_waits_for_its_request():
    """What does not fit is passed over, and stays for the request that it is for."""
    dog, rest = ScriptedJob(like="*dog*"), ScriptedJob(times=None)
    player = Player([dog, rest])
    prompts = ["a cat", "a dog!", "a dog!", "a cat"]
    assert [player.take(wanted(prompt)) for prompt in prompts] == [rest, dog, rest, rest]


@pytest.mark.parametrize(
    ("entry", "fits"),
    [
        (ScriptedJob(prompt="a cat [1]"), True),
        (ScriptedJob(prompt="a cat"), False),
        (ScriptedJob(like="a cat"), False),
        (ScriptedJob(like="a*"), True),
        (ScriptedJob(like="A*"), False),
        (ScriptedJob(like="*[1]"), True),
        (ScriptedJob(like="? cat [?]"), True),
        (ScriptedJob(like="?cat [1]"), False),
        (ScriptedJob(like="*" + "a*" * 30), False),
        (ScriptedJob(operation=Operation.CREATE, model="sora-2"), True),
        (ScriptedJob(operation=Operation.EDIT), False),
        (ScriptedJob(model="sora-2-pro"), False),
    ],
    ids=repr,
)
def test_every_condition_must_hold(entry: ScriptedJob, fits: bool):
    """Prompts are compared exactly, patterns know `*` and `?` only and see the whole prompt."""
    assert entry.fits(wanted("a cat [1]")) is fits


def test_a_pattern_sees_all_lines():
    """A star stands for line ends too."""
    assert ScriptedJob(like="a*z").fits(wanted("a\nb\nz"))


def test_scripted_states_follow_one_another():
    """Each lasts as long as it says; progress is even, or what the state says."""
    script = Script(
        steps=(
            Step(status=Status.QUEUED, for_s=1),
            Step(status=Status.IN_PROGRESS, for_s=2),
            Step(status=Status.IN_PROGRESS, for_s=1, progress=7),
            Step(status=Status.COMPLETED),
        ),
        kept_s=60,
    )
    assert at(script, 0) == State(status=Status.QUEUED, progress=0)
    assert at(script, 1) == State(status=Status.IN_PROGRESS, progress=0)
    assert at(script, 2) == State(status=Status.IN_PROGRESS, progress=50)
    assert at(script, 3) == State(status=Status.IN_PROGRESS, progress=7)
    done = State(
        status=Status.COMPLETED,
        progress=100,
        completed_ns=BORN_NS + 4 * NS,
        expires_ns=BORN_NS + 64 * NS,
    )
    assert at(script, 4) == at(script, 9999) == done
    assert script.end(BORN_NS) == (BORN_NS + 4 * NS, Status.COMPLETED)
    assert at(script.scaled(0.5), 2).expires_ns == BORN_NS + 32 * NS


def test_a_scripted_failure():
    """A failed state keeps the progress before it, and says why."""
    failure = Failure("boom", "No.")
    script = Script(
        steps=(
            Step(status=Status.IN_PROGRESS, for_s=1, progress=42),
            Step(status=Status.FAILED, failure=failure),
        ),
        kept_s=60,
    )
    assert at(script, 1) == State(status=Status.FAILED, progress=42)
    assert script.failure == failure
    assert script.end(BORN_NS) == (BORN_NS + NS, Status.FAILED)


@pytest.mark.parametrize("status", [Status.CANCELLED, Status.IN_PROGRESS, Status.EXPIRED])
def test_a_script_without_an_end(status: Status):
    """A job may stay where it is, or end as no webhook says."""
    script = Script(steps=(Step(status=status),), kept_s=60)
    assert at(script, 9999) == State(status=status, progress=0)
    assert script.end(BORN_NS) is None
    assert script.failure is None


def test_a_script_may_go_backwards():
    """Servers that do what they must not can be scripted too."""
    script = Script(
        steps=(Step(status=Status.COMPLETED, for_s=1), Step(status=Status.QUEUED)), kept_s=60
    )
    assert at(script, 0.5).status is Status.COMPLETED
    assert at(script, 2).status is Status.QUEUED


def test_the_usual_steps_are_the_usual_course():
    """A recorded job without a script is replayed as it went."""
    script = Script(steps=usual_steps(), kept_s=86_400)
    assert at(script, 0.299).status is Status.QUEUED
    assert at(script, 1.799) == State(status=Status.IN_PROGRESS, progress=99)
    assert at(script, 1.8).status is Status.COMPLETED
