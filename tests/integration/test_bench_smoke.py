"""The benchmarks run: their figures are read by people, so only their presence is asserted."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parent.parent / "bench" / "run.py"
CALLS = ("create", "poll that changes nothing", "whole job: create, 20 polls, download of 1 MB")
OURS = ("vidobs", "vidobs + provider", "vidobs + provider + HTTP spans")
PEERS = ("openinference", "logfire", "Langfuse", "ddtrace", "LangSmith", "LiteLLM")


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_quick_run_measures_every_row(tmp_path):
    """`make bench ARGS=--quick` measures each call, sync and async, and everything beside calls."""
    report = tmp_path / "report.json"
    program = [sys.executable, str(BENCH), "--quick", "--json", str(report)]
    ran = subprocess.run(program, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr

    rows = json.loads(report.read_text("utf-8"))["rows"]
    figures = {(row["what"], row["who"]): row["median"] for row in rows}
    calls = [call + mode for call in CALLS for mode in ("", ", async")]

    assert {(what, who) for what, who in figures if what in calls} == {
        (what, who) for what in calls for who in ("openai", "OpenTelemetry httpx", *OURS, *PEERS)
    }
    assert [
        key for key in figures if key[1] in OURS and figures[key] is None and key[0] in calls
    ] == []
    assert all(row["median"] is not None or row["note"] for row in rows)
    for call in calls:
        for who in ("raw httpx", "vidobs.Client", "vidobs.video_generation ..."):
            assert figures[f"own client: {call}", who] > 0
    assert figures["import", "vidobs"] is not None
    assert figures["events to disk", "vidobs"] is not None
    assert figures["events read by the relay", "vidobs"] is not None
    assert ("kill -9 of a writer", "vidobs") in figures
    for what in ("finished videos written", "events out to four sinks at once"):
        assert figures[what, "vidobs"] is not None
    for what in ("a finished video, handed over and delivered", "memory a burst of them takes"):
        assert figures[what, "vidobs"] is not None
        assert figures[what, "OpenTelemetry"] is not None
        assert {who for its, who in figures if its == what} >= {"LangSmith", "LiteLLM"}
    for what in ("lost, sink up", "lost, sink down for a while", "lost, kill -9 in the middle"):
        assert figures[what, "vidobs"] == 0
        assert figures[what, "OpenTelemetry"] is not None
    for sink in ("is well", "is down", "hangs", "answers 503"):
        assert figures["create, p99, beside one whose sink is well", f"vidobs, sink {sink}"] > 0
