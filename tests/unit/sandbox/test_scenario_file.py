"""Reading scenarios: what they may say, and what is said about a wrong one."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vidobs.core.calls import Operation
from vidobs.sandbox.fault_table import FAULTS
from vidobs.sandbox.jobs import Failure, Status
from vidobs.sandbox.scenario import Refusal, ScriptedJob
from vidobs.sandbox.scenario_file import JOB_KEYS, STATE_KEYS, parse_scenario, read_scenario
from vidobs.sandbox.scripts import Step

WHOLE = """\
jobs:
  - prompt: a cat
    states:
      - {status: queued, for_s: 1}
      - {status: in_progress, for_s: 2.5, progress: 30}
      - {status: failed, code: moderation_blocked, message: No.}
  - like: "*dog*"
    operation: remix
    model: sora-2
    times: always
    fault: slow_download
    kept_s: 60
    file_seconds: 3
  - refuse: {status: 403, code: not_verified, message: Verify first.}
    times: 2
"""


def parse(text: str) -> tuple[ScriptedJob, ...]:
    """Parse a scenario called s.yaml."""
    return parse_scenario(text.encode(), name="s.yaml")


def test_every_key():
    """A scenario with all there is becomes typed records."""
    assert parse(WHOLE) == (
        ScriptedJob(
            prompt="a cat",
            states=(
                Step(status=Status.QUEUED, for_s=1.0),
                Step(status=Status.IN_PROGRESS, for_s=2.5, progress=30),
                Step(status=Status.FAILED, failure=Failure("moderation_blocked", "No.")),
            ),
        ),
        ScriptedJob(
            like="*dog*",
            operation=Operation.REMIX,
            model="sora-2",
            times=None,
            fault=FAULTS["slow_download"],
            kept_s=60.0,
            file_seconds=3,
        ),
        ScriptedJob(
            refuse=Refusal(status=403, code="not_verified", message="Verify first."), times=2
        ),
    )
    assert all(key in WHOLE for key in (*JOB_KEYS, *STATE_KEYS))


@pytest.mark.parametrize("text", ["jobs:", "jobs: []"])
def test_no_jobs_at_all(text: str):
    """A recording of nothing can be replayed."""
    assert parse(text) == ()


def test_defaults():
    """An empty entry is for the next request, whatever it is, and changes nothing."""
    assert parse("jobs: [{}]") == (ScriptedJob(),)
    assert parse("jobs: [{states: [{status: failed}]}]")[0].states[0].failure == Failure(
        "server_error", "The video could not be generated."
    )


WRONG = [
    ("", 1, "the file is empty"),
    ("a: [", 1, "this is not YAML: "),
    ("jobs:\n  - prompt: 'a", 2, "this is not YAML: "),
    ("- prompt: a", 1, "a scenario is a mapping (key: value), got a list"),
    ("job: []", 1, "unknown key of a scenario 'job'; known: jobs; did you mean 'jobs'?"),
    ("{}", 1, "a scenario has a list 'jobs'"),
    ("jobs: 3", 1, "'jobs' is a list (lines that begin with -), got '3'"),
    ("jobs:\n- a cat", 2, "a job is a mapping (key: value), got 'a cat'"),
    ("jobs:\n- promt: a", 2, "did you mean 'prompt'?"),
    ("jobs:\n- 3: a", 2, "unknown key of a job '3'"),
    ("jobs:\n- [a]: a", 2, "unknown key of a job 'a list'"),
    ("jobs:\n- prompt: a\n  prompt: b", 3, "a job has the key 'prompt' twice"),
    ("jobs:\n- prompt: 3", 2, "expected a text, got '3'; put it in quotes"),
    ("jobs:\n- prompt:", 2, "expected a text, got nothing"),
    ("jobs:\n- prompt: [a]", 2, "expected a text, got a list"),
    ("jobs:\n- prompt: a\n  like: b", 3, "a job has either 'prompt' or 'like'"),
    ("jobs:\n- operation: list", 2, "unknown operation 'list'; known: create, edit, extend, remix"),
    ("jobs:\n- times: 0", 2, "expected a whole number from 1 to 1000000 or 'always', got '0'"),
    ("jobs:\n- times: true", 2, "got 'true'"),
    ("jobs:\n- fault: fial", 2, "did you mean 'fail'?"),
    ("jobs:\n- fault: 3", 2, "unknown fault '3'"),
    ("jobs:\n- refuse: 403", 2, "a refusal is a mapping (key: value), got '403'"),
    ("jobs:\n- refuse: {code: x}", 2, "a refusal has a 'status', such as 403"),
    ("jobs:\n- refuse: {status: 200}", 2, "a whole number from 400 to 599, got '200'"),
    ("jobs:\n- kept_s: 1\n  refuse: {status: 400}", 3, "what is refused has no fault, states"),
    ("jobs:\n- states: []", 2, "'states' has at least one state"),
    ("jobs:\n- states: [{status: queued, for_s: 1}]", 2, "the last state is for ever"),
    ("jobs:\n- states: [{}]", 2, "a state has a 'status'"),
    ("jobs:\n- states:\n  - status: done", 3, "unknown status 'done'; known: cancelled, completed"),
    ("jobs:\n- states:\n  - status: queued\n  - status: failed", 3, "every state but the last"),
    ("jobs:\n- states: [{status: queued, code: x}]", 2, "only a state 'failed' has 'code'"),
    ("jobs:\n- states: [{status: queued, progress: 101}]", 2, "from 0 to 100, got '101'"),
    ("jobs:\n- states: [{status: completed}]\n  fault: stuck", 2, "plans the states itself"),
    ("jobs:\n- kept_s: -1", 2, "expected a number from 0 to 3.1536e+08, got '-1'"),
    ("jobs:\n- kept_s: .nan", 2, "expected a number"),
    ("jobs:\n- file_seconds: 61", 2, "a whole number from 1 to 60, got '61'"),
    ("jobs:\n- file_seconds: 2001-99-99", 2, "got '2001-99-99'"),
    ("jobs:\n- file_seconds: !!python/none 3", 2, "got '3'"),
    ("jobs: &a\n- states: *a", 2, "unknown key of a state 'states'"),
]


@pytest.mark.parametrize(("text", "line", "problem"), WRONG, ids=lambda value: repr(value)[:40])
def test_what_is_wrong_is_said_with_its_line(text: str, line: int, problem: str):
    """The file's name, the line, what was found there and what was expected."""
    with pytest.raises(ValueError, match=rf"^s\.yaml:{line}: ") as refused:
        parse(text)
    assert problem in str(refused.value)


@settings(deadline=None)
@given(st.binary(max_size=200) | st.text("jobs:-{}[]&*!'\" \n\t0aé", max_size=60).map(str.encode))
@example(b"[" * 10_000)
@example(b"\xff\xfe")
@example(b"a: &a [*a, *a]")
def test_anything_is_parsed_or_refused(raw: bytes):
    """No file, however odd, raises anything but `ValueError` with the file's name."""
    try:
        parse_scenario(raw, name="s.yaml")
    except ValueError as error:
        assert str(error).startswith("s.yaml:")  # noqa: PT017 - only this error may be raised


def test_a_file(tmp_path):
    """A file is read; one that is not there is an `OSError`, one that is huge is refused."""
    path = tmp_path / "s.yaml"
    path.write_text(WHOLE, encoding="utf-8")
    assert read_scenario(path) == read_scenario(str(path)) == parse(WHOLE)
    with pytest.raises(FileNotFoundError):
        read_scenario(tmp_path / "none.yaml")
    with path.open("ab") as file:
        file.truncate(5 * 1024 * 1024)
    with pytest.raises(ValueError, match="at most"):
        read_scenario(path)
