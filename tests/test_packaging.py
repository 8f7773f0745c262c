"""What an installed vidobs must bring along."""

import tomllib
from importlib.metadata import distribution, entry_points
from importlib.resources import files
from pathlib import Path

import pytest

import vidobs

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"
PROJECT = tomllib.loads(PYPROJECT.read_text("utf-8"))["project"]
EXPORTERS = PROJECT["entry-points"]["vidobs.exporters"]


def test_version_is_the_metadata():
    """`vidobs.__version__` is the version of the installed distribution and of pyproject.toml."""
    assert vidobs.__version__ == distribution("vidobs").version == PROJECT["version"]


@pytest.mark.parametrize("name", sorted(EXPORTERS))
def test_exporter_loads_by_entry_point(name):
    """Each exporter of ours is found by its name and loads to the class that it names."""
    (entry_point,) = entry_points(group="vidobs.exporters", name=name)

    loaded = entry_point.load()

    package, _, called = EXPORTERS[name].partition(":")
    assert isinstance(loaded, type)
    assert loaded.__name__ == called
    assert loaded.__module__ in {package, f"{package}.exporter"}


def test_command_loads():
    """The `vidobs` command points at a function."""
    (entry_point,) = entry_points(group="console_scripts", name="vidobs")

    assert callable(entry_point.load())


def test_data_files_are_found():
    """The price book and the SQL are read as package resources."""
    root = files("vidobs")

    assert (root / "data" / "prices.json").is_file()
    assert list(Path(str(root)).rglob("*.sql"))


@pytest.mark.parametrize("package", ["vidobs", "vidobs_exporters"])
def test_types_are_shipped(package):
    """Both packages carry the marker by which type checkers read their annotations."""
    assert (files(package) / "py.typed").is_file()


def test_license_is_declared():
    """The metadata names the licence by its SPDX expression and carries its text."""
    metadata = distribution("vidobs").metadata

    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata.get_all("License-File") == ["LICENSE"]
