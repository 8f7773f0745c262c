"""Video calls through the real LiteLLM, in a venv of its own: it wants another openai."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from vidobs.testing import Sandbox

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
PYTHON = ROOT / ".venv" / "litellm" / "bin" / "python"
LEAST = 20  # tests that must have run in there
PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "filterwarnings=default")

pytestmark = [pytest.mark.slow, pytest.mark.real, pytest.mark.timeout(300)]


def with_litellm(*arguments, cwd, **env):
    """Run Python where LiteLLM is, with its price map from the package."""
    if not PYTHON.exists():
        pytest.skip("LiteLLM is not installed; run: make litellm-env")
    return subprocess.run(
        [PYTHON, *arguments],
        cwd=cwd,
        env={**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", **env},
        capture_output=True,
        text=True,
        check=False,
    )


def test_through_litellm():
    """All of `through_litellm.py` passes beside LiteLLM."""
    run = with_litellm(*PYTEST, "through_litellm.py", cwd=HERE, VIDOBS_REQUIRE_ALL="1")
    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-2000:]
    assert int(re.search(r"(\d+) passed", run.stdout)[1]) >= LEAST


def test_what_the_page_shows(tmp_path):
    """The example of docs/litellm.md makes one completed job, which the command line shows."""
    page = (ROOT / "docs" / "litellm.md").read_text("utf-8")
    example = next(re.finditer(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL))[1]
    ledger = {"VIDOBS_LEDGER": f"sqlite:///{tmp_path}/ledger.db"}
    with Sandbox(time_scale=0.02) as sandbox:
        here = example.replace("http://127.0.0.1:8000/v1", sandbox.base_url)
        assert here != example
        run = with_litellm("-c", here, cwd=tmp_path, **ledger)
    assert run.returncode == 0, run.stderr[-4000:]
    shown = subprocess.run(
        [Path(sys.executable).with_name("vidobs"), "jobs", "--json"],
        env={**os.environ, **ledger},
        capture_output=True,
        text=True,
        check=True,
    )
    (job,) = json.loads(shown.stdout)
    assert (job["state"], job["cost"]["status"]) == ("completed", "settled")
