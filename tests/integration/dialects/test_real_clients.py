"""A client that others wrote takes the played servers for real ones."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from vidobs.testing import Sandbox

HERE = Path(__file__).parent
PYTHON = HERE.parents[2] / ".venv" / "litellm" / "bin" / "python"

pytestmark = [pytest.mark.slow, pytest.mark.real, pytest.mark.timeout(300)]


@pytest.mark.parametrize(
    ("provider", "dialect"),
    [("hosted_vllm", "vllm-omni"), ("openai", "openai"), ("azure", "azure")],
)
def test_litellms_own_client(provider, dialect):
    """From create to download, with the forms, keys and paths that it has for each."""
    if not PYTHON.exists():
        pytest.skip("LiteLLM is not installed; run: make litellm-env")
    with Sandbox(dialect=dialect, time_scale=0.01) as server:
        base = server.azure_url if dialect == "azure" else server.base_url
        ran = subprocess.run(
            [PYTHON, HERE / "by_litellm.py", provider, base],
            env={**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr[-4000:]
        [job] = server.jobs

    told = json.loads(ran.stdout.splitlines()[-1])
    assert (told["status"], told["kind"]) == ("completed", "ftyp")
    assert (job.prompt, job.seconds, job.size) == ("A tram", 1, "64x64")
