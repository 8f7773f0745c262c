"""What the exporter sends, beside what LangSmith's own client sends for the same runs."""

import base64
import json
import os
import subprocess
from pathlib import Path

import pytest
from exporter_kit import an_event
from langsmith_kit import KEY, LangSmith, exporters, parts
from story_kit import JPEG, story

import vidobs
from vidobs import EventName

ROOT = Path(__file__).parents[3]
PYTHON = ROOT / ".venv" / "langsmith" / "bin" / "python"
SCRIPT = Path(__file__).with_name("langsmith_client.py")

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Send the lives of two jobs by both; return the parts of each, by name."""
    folder = tmp_path_factory.mktemp("both")
    with LangSmith() as ours, LangSmith() as theirs:
        send(ours, folder)
        send_with_client(theirs, [one for request in ours.requests for one in runs_of(request)])
        assert (ours.complaints, theirs.complaints) == ([], [])
        return by_name(ours), by_name(theirs)


def send(server, folder):
    """Export each event of a job that ends with a picture, and of one that fails."""
    vidobs.configure(ledger=f"sqlite:///{folder}/ledger.db")
    kept = folder / "ledger.db.media" / f"{story()[5].job.job_id}.jpg"
    kept.parent.mkdir()
    kept.write_bytes(JPEG)
    with exporters() as make:
        exporter = make(server)
        for event in [*story(prompt="a cat asleep"), an_event(EventName.FAILED, 2)]:
            exporter.export([event])


def runs_of(request):
    """Return the runs of a request, as the client's methods take them."""
    found = {}
    for part in parts(request):
        verb, run_id, *rest = part.name.split(".")
        if verb == "attachment":
            content = base64.b64encode(part.content).decode()
            found["post", run_id][1].append([rest[0], part.headers["content-type"], content])
        elif rest:
            found[verb, run_id][0][rest[0]] = json.loads(part.content)
        else:
            found[verb, run_id] = (json.loads(part.content), [])
    return [[verb, run, attachments] for (verb, _), (run, attachments) in found.items()]


def send_with_client(server, runs):
    """Send runs with LangSmith's client, from a process of its own."""
    if not PYTHON.exists():
        pytest.skip("LangSmith's client is not installed; run `make langsmith-env`")
    env = {name: value for name, value in os.environ.items() if not name.startswith("LANG")}
    subprocess.run(
        [PYTHON, SCRIPT, server.url, KEY],
        input=json.dumps(runs).encode(),
        env=env,
        check=True,
        timeout=30,
    )


def by_name(server):
    """Return what a server was sent: part by name, across requests."""
    posts = [request for request in server.requests if request.method == "POST"]
    return {part.name: part for request in posts for part in parts(request)}


def field(name):
    """Return the last word of a part's name where it is a field, else that it is the core."""
    words = name.split(".")
    return words[2] if len(words) > 2 else "core"


# What the client adds to every run: the version of the kernel, and the state of the git checkout
# that the program happens to run in.
OF_THE_HOST = {
    *("library", "platform", "runtime", "py_implementation", "runtime_version"),
    *("langchain_version", "langchain_core_version"),
}
OF_THE_CHECKOUT = {"revision_id"}
TIMES = ("start_time", "end_time")
NULLS_OF_A_PATCH = {"parent_run_id", "session_id"}  # fields that it sends although they are null


def test_the_parts_are_the_same(both):
    """Names, types of content and lengths, of posts, patches and the picture."""
    ours, theirs = both

    assert set(ours) == set(theirs)
    for name, part in ours.items():
        assert set(part.headers) == set(theirs[name].headers), name
        assert part.headers["content-type"] == theirs[name].headers["content-type"], name
        assert int(part.headers["content-length"]) == len(part.content)
    assert {field(name) for name in ours} == {
        *("core", "inputs", "outputs", "events", "extra", "error", "thumbnail"),
    }


def test_the_content_is_the_same(both):
    """Inputs, outputs, events, errors and the picture: byte for byte."""
    ours, theirs = both

    for name, part in ours.items():
        if field(name) not in ("core", "extra"):
            assert part.content == theirs[name].content, name


def test_the_core_is_the_same(both):
    """The client writes whole seconds without microseconds, and some nulls."""
    ours, theirs = both

    for name, part in ours.items():
        if field(name) != "core":
            continue
        mine, given = part.json(), theirs[name].json()
        nulls = {key for key, value in given.items() if value is None}
        assert nulls <= (NULLS_OF_A_PATCH if name.startswith("patch") else set())
        assert mine.keys() == given.keys() - nulls
        for key, value in mine.items():
            said = value.replace(".000000+", "+") if key in TIMES else value
            assert said == given[key]


def test_only_what_tells_of_the_host_is_missing(both):
    """Metadata is the same but for the revision; of the runtime we name ourselves and no more."""
    ours, theirs = both

    for name, part in ours.items():
        if field(name) != "extra":
            continue
        mine, given = json.loads(part.content), json.loads(theirs[name].content)
        assert mine.keys() == given.keys() == {"metadata", "runtime"}
        assert mine["runtime"].keys() == {"sdk", "sdk_version"}
        assert given["runtime"].keys() - mine["runtime"].keys() == OF_THE_HOST
        assert given["metadata"].keys() - mine["metadata"].keys() <= OF_THE_CHECKOUT
        assert mine["metadata"].items() <= given["metadata"].items()
