"""The wheel in somebody else's project: installed by pip, used by the tests of that project."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOREIGN = ROOT / "tests" / "foreign"
PLAIN = [name for name in os.environ if name.startswith(("PYTEST", "PYTHON", "COVERAGE"))]


def pip(python: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run pip in an environment, with the pinned versions."""
    return run(
        *(python, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments),
        *("--constraint", ROOT / "constraints.txt"),
    )


def run(*command: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run a command without what this run of pytest has put into the environment."""
    env = {name: value for name, value in os.environ.items() if name not in PLAIN}
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """Make an environment with the wheel and the foreign project; return its interpreter."""
    folder = tmp_path_factory.mktemp("foreign")
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"
    reached = pip(python, "download", "--no-deps", "--dest", folder / "probe", "iniconfig")
    if reached.returncode != 0:
        pytest.skip("pip reaches no package index")
    built = run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder / "dist")
    assert built.returncode == 0, built.stderr
    (wheel,) = (folder / "dist").glob("*.whl")
    installed = pip(
        python, "install", f"vidobs[openai,sandbox] @ {wheel.as_uri()}", f"{FOREIGN}[test]"
    )
    assert installed.returncode == 0, installed.stderr
    return python


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_its_tests_pass(python, tmp_path, workers):
    """The fixtures are found by installation alone, the installed wheel is used, nothing warns."""
    cache = ("-o", f"cache_dir={tmp_path / 'cache'}")

    ran = run(python, "-B", "-m", "pytest", *cache, *workers, cwd=FOREIGN)
    where = run(python, "-c", "import vidobs; print(vidobs.__file__)", cwd=tmp_path)

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert " 6 passed in " in ran.stdout
    assert Path(where.stdout.strip()).is_relative_to(python.parents[1])
