"""The same tests of verbs, retries and faults against the oldest and the last 2.x of the SDK."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
FILES = (
    "test_verbs.py",
    "test_paying_twice.py",
    "test_interrupted.py",
    "test_spans.py",
    "test_canaries.py",
    "../faults",
)


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.timeout(600)
@pytest.mark.parametrize("version", ["2.2.0", "2.54.0"])
def test_an_older_sdk(version):
    """In a process of its own, with that version in front of the installed one."""
    folder = ROOT / ".venv" / "compat" / f"openai-{version}"
    if not folder.is_dir():
        pytest.skip(f"openai {version} is not installed; run: make compat")
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))
    check = "import openai; print(openai.__version__)"
    env = {**os.environ, "PYTHONPATH": path, "VIDOBS_REQUIRE_ALL": ""}
    found = subprocess.run(
        [sys.executable, "-c", check], env=env, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == version
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *FILES],
        cwd=HERE,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-8000:]
    assert int(re.search(r"(\d+) passed", run.stdout)[1]) > 150
