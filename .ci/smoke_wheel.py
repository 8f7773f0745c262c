"""Check a built wheel and sdist from an environment that holds the installed wheel alone.

Usage: python -I smoke_wheel.py WHEEL SDIST, in a folder outside of the checkout.
"""

import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import entry_points, metadata, version
from importlib.resources import files
from pathlib import Path

import vidobs

TOP_LEVEL = {"vidobs", "vidobs_exporters"}
NEEDED_IN_SDIST = {"LICENSE", "README.md", "pyproject.toml", "vidobs", "exporters", "tests"}


def check_wheel(path: Path) -> None:
    """Hold the wheel to the two packages and their metadata: no tests, no examples."""
    top = {name.split("/")[0] for name in zipfile.ZipFile(path).namelist()}
    unexpected = {name for name in top - TOP_LEVEL if not name.endswith(".dist-info")}
    assert not unexpected, f"unexpected in the wheel: {sorted(unexpected)}"
    assert top >= TOP_LEVEL, f"missing in the wheel: {sorted(TOP_LEVEL - top)}"


def check_sdist(path: Path) -> None:
    """Hold the sdist to what is needed to build and to test."""
    with tarfile.open(path) as archive:
        names = {Path(name).parts[1] for name in archive.getnames() if len(Path(name).parts) > 1}
    assert names >= NEEDED_IN_SDIST, f"missing in the sdist: {sorted(NEEDED_IN_SDIST - names)}"


def check_installed() -> None:
    """Use what was installed: import, data files, entry points, the command."""
    assert vidobs.__version__ == version("vidobs")
    assert metadata("vidobs")["Description-Content-Type"] == "text/markdown", "no readme declared"
    for package in sorted(TOP_LEVEL):
        assert (files(package) / "py.typed").is_file(), f"{package} ships no py.typed"
    root = Path(str(files("vidobs")))
    assert Path(sys.prefix) in root.parents, f"vidobs was imported from {root}"
    assert (root / "data" / "prices.json").is_file(), "the price book is missing"
    assert list(root.rglob("*.sql")), "the .sql files are missing"

    for exporter in entry_points(group="vidobs.exporters"):
        exporter.load()
    command = Path(sys.prefix) / "bin" / "vidobs"
    said = subprocess.run([command, "--version"], check=True, capture_output=True, text=True)
    assert vidobs.__version__ in said.stdout, f"vidobs --version said {said.stdout!r}"


def main() -> None:
    """Run every check; an AssertionError names what is wrong."""
    wheel, sdist = map(Path, sys.argv[1:])
    check_wheel(wheel)
    check_sdist(sdist)
    check_installed()
    print(f"{wheel.name}: ok")


if __name__ == "__main__":
    main()
