"""A working directory of its own for every test, and a way to put `vidobs.yaml` there."""

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

WriteYaml = Callable[[str], Path]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def write_yaml(folder: Path) -> WriteYaml:
    """Write `vidobs.yaml`, without the indentation of the test."""

    def write(text: str) -> Path:
        path = folder / "vidobs.yaml"
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    return write
