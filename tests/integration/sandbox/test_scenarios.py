"""Scenarios: scripted jobs, recorded and replayed."""

import io

import av
import httpx
import openai
import pytest

from vidobs.sandbox.scenario_file import read_scenario
from vidobs.testing import Sandbox

KEY = {"authorization": "Bearer sk-test"}

SCENARIO = """\
jobs:
  - like: "*flood*"
    times: always
    refuse: {status: 429, code: rate_limit_exceeded}
  - states:
      - {status: in_progress, for_s: 3, progress: 12}
      - {status: failed, code: gpu_lost, message: The GPU is gone.}
  - states: [{status: cancelled}]
  - fault: error_after_accept
  - operation: create
    states: [{status: completed}]
    file_seconds: 1
    kept_s: 10
"""


@pytest.fixture
def scenario(tmp_path):
    """A file with a scenario."""
    path = tmp_path / "scenario.yaml"
    path.write_text(SCENARIO, encoding="utf-8")
    return path


def http_of(sandbox: Sandbox) -> httpx.Client:
    """Return plain HTTP with a key."""
    return httpx.Client(base_url=sandbox.base_url, headers=KEY, timeout=20)


def act(http: httpx.Client, clock) -> list[object]:
    """Do what a client does, and return all that it can see."""
    seen: list[object] = []
    ids: list[str] = []
    for prompt in (
        "a cat",
        "a flood",
        "a dog [[fault:fail]]",
        "a cow",
        "a pig: [x] *'#\n€",
        "last",
    ):
        answer = http.post("/videos", json={"prompt": prompt, "size": "160x96"})
        seen.append(answer.status_code)
        if answer.status_code == 200:
            ids.append(answer.json()["id"])
    for seconds in (0.1, 1, 2, 5, 10):
        clock.move(seconds)
        for video_id in ids:
            video = http.get(f"/videos/{video_id}").json()
            content = http.get(f"/videos/{video_id}/content")
            seen.append((video["status"], video["progress"], video["error"], content.status_code))
    return seen


def test_a_scenario_decides(scenario, clock):
    """Each request meets the first entry that fits; a tag in its prompt then does nothing."""
    with Sandbox(clock=clock, scenario=scenario) as sandbox, http_of(sandbox) as http:
        seen = act(http, clock)
        prompts = [(job.prompt, str(job.status), job.fault) for job in sandbox.jobs]
    error = {"code": "gpu_lost", "message": "The GPU is gone."}
    assert seen[:6] == [200, 429, 200, 500, 200, 200]
    assert prompts == [
        ("a cat", "failed", None),
        ("a dog [[fault:fail]]", "cancelled", None),
        ("a cow", "completed", "error_after_accept"),
        ("a pig: [x] *'#\n€", "completed", None),
        ("last", "completed", None),
    ]
    polls = list(zip(*[iter(seen[6:])] * 4, strict=True))
    cat, dog, pig, last = zip(*polls, strict=True)
    assert cat == (
        *[("in_progress", 12, None, 404)] * 2,
        *[("failed", 12, error, 404)] * 3,
    )
    assert dog == (("cancelled", 0, None, 404),) * 5
    assert pig == (*[("completed", 100, None, 200)] * 4, ("completed", 100, None, 404))
    assert [state[0] for state in last] == ["queued", "in_progress", *["completed"] * 3]


def test_a_scripted_file(scenario, clock):
    """The file is as long as the scenario says, whatever was asked for."""
    with Sandbox(clock=clock, scenario=scenario) as sandbox, http_of(sandbox) as http:
        made = [http.post("/videos", json={"prompt": "a", "size": "64x64"}) for _ in range(4)]
        assert [answer.status_code for answer in made] == [200, 200, 500, 200]
        video = made[-1].json()
        data = http.get(f"/videos/{video['id']}/content").content
    assert video["seconds"] == "4"
    with av.open(io.BytesIO(data)) as container:
        assert container.duration / av.time_base == pytest.approx(1, abs=0.05)


def test_what_was_recorded_replays_the_same(scenario, clock, tmp_path):
    """A client that does the same again sees the same, from the recording alone."""
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    faults = ["rate_limit:0.5"]
    runs = []
    for options in (
        {"scenario": scenario, "record": first, "faults": faults},
        {"scenario": first, "record": second},
        {"scenario": second},
    ):
        with Sandbox(clock=clock, **options) as sandbox, http_of(sandbox) as http:
            runs.append(act(http, clock))
    assert runs[0] == runs[1] == runs[2]
    assert read_scenario(first) == read_scenario(second)
    prompts = [job.prompt for job in read_scenario(first)]
    assert prompts == [
        "a cat",
        "a flood",
        "a dog [[fault:fail]]",
        "a cow",
        "a pig: [x] *'#\n€",
        "last",
    ]


def test_faults_are_recorded(tmp_path, clock):
    """A recording is there at once, says when and what was asked for, and names the faults."""
    path = tmp_path / "recorded.yaml"
    with Sandbox(clock=clock, record=path) as sandbox:
        assert read_scenario(path) == ()
        sdk = openai.OpenAI(base_url=sandbox.base_url, api_key="sk-canary", max_retries=0)
        sdk.videos.create(prompt="a [[fault:stuck]]")
        clock.move(2)
        with pytest.raises(openai.RateLimitError):
            sdk.videos.create(
                prompt="b", seconds="8", extra_headers={"x-sandbox-fault": "rate_limit"}
            )
        with pytest.raises(openai.BadRequestError):
            sdk.videos.create(prompt="c", size="1x1")
        jobs = read_scenario(path)
    assert [(job.prompt, job.fault and job.fault.name, job.states) for job in jobs] == [
        ("a [[fault:stuck]]", "stuck", None),
        ("b", "rate_limit", None),
    ]
    text = path.read_text(encoding="utf-8")
    assert "# after 2.000 s: 'sora-2', 8 s, 720x1280\n" in text
    assert "canary" not in text


def test_a_recording_overwrites_recordings_only(tmp_path):
    """An older recording is replaced; any other file is left alone."""
    path, other = tmp_path / "recorded.yaml", tmp_path / "mine.yaml"
    other.write_text("jobs: []", encoding="utf-8")
    with pytest.raises(ValueError, match="exists and is no recording"):
        Sandbox(record=other)
    for _ in range(2):
        with Sandbox(record=path) as sandbox:
            httpx.post(f"{sandbox.base_url}/videos", json={"prompt": "a"}, headers=KEY)
    assert len(read_scenario(path)) == 1
    assert other.read_text(encoding="utf-8") == "jobs: []"


def test_a_wrong_scenario_is_refused_before_the_start(tmp_path):
    """The constructor says the file and the line."""
    path = tmp_path / "s.yaml"
    path.write_text("jobs:\n  - fault: fial\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"s\.yaml:2: unknown fault 'fial'; .*did you mean 'fail'"):
        Sandbox(scenario=path)
    with pytest.raises(FileNotFoundError):
        Sandbox(scenario=tmp_path / "none.yaml")
