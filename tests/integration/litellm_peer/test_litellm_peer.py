"""The same calls through LiteLLM and through vidobs, in a venv where LiteLLM is."""

import os
import re
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PYTHON = HERE.parents[2] / ".venv" / "litellm" / "bin" / "python"
LEAST = 38  # tests that must have run in there
PATHS = "pythonpath=tests/kit tests/integration/litellm_peer"
PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "filterwarnings=default")

pytestmark = [pytest.mark.slow, pytest.mark.real, pytest.mark.timeout(300)]


def test_beside_litellm():
    """All of `beside_litellm.py` passes where LiteLLM is."""
    if not PYTHON.exists():
        pytest.skip("LiteLLM is not installed; run: make litellm-env")
    run = subprocess.run(
        [PYTHON, *PYTEST, "-o", PATHS, "--show-capture=no", "beside_litellm.py"],
        cwd=HERE,
        env={**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "VIDOBS_REQUIRE_ALL": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-2000:]
    assert int(re.search(r"(\d+) passed", run.stdout)[1]) >= LEAST
