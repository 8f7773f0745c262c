"""The gateway against its description, by a tool that knows nothing of it."""

import re
import subprocess
from pathlib import Path

import pytest
from gateway_kit import MASTER, whole

from vidobs.testing import Sandbox

ROOT = Path(__file__).parents[3]
SETTINGS = ROOT / "tests" / "fixtures" / "schemathesis-gateway.toml"
TOOL = ROOT / ".venv" / "schemathesis" / "bin" / "schemathesis"
LEAST = 50  # operations that must have been tried


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_schemathesis_finds_nothing(tmp_path):
    """No 5xx, no other answer than described, no route without a key, nothing wrong is taken."""
    if not (TOOL.parents[1] / ".installed").exists():
        pytest.skip("schemathesis is not installed; run: make schemathesis-env")
    with Sandbox(time_scale=0.001) as sandbox, whole(sandbox, tmp_path) as http:
        document = http.get("/openapi.json").json()
        command = [
            *[TOOL, "--config-file", SETTINGS, "run", f"{http.base_url}/openapi.json"],
            *["--url", str(http.base_url), "--header", f"Authorization: Bearer {MASTER}"],
            *["--exclude-operation-id-regex", "WithoutVersion$"],  # the same behind `/v1`
            *["--exclude-operation-id", "dashboard"],  # has a description of its own
            *["--generation-deterministic", "--max-examples", "25", "--no-color"],
        ]
        ran = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=280, check=False
        )
        assert http.get("/health/ready").status_code == 200
        assert sandbox.jobs
    assert ran.returncode == 0, ran.stdout[-8000:]
    described = sum(map(len, document["paths"].values()))
    selected, total = map(int, re.search(r"(\d+) selected / (\d+) total", ran.stdout).groups())
    assert total == described - 1  # it leaves out where the description itself is
    assert selected > LEAST
