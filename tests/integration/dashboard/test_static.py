"""Static files: what is vendored is what was looked at, and only what belongs there is served."""

import hashlib
import json
import re
from importlib.resources import files

import pytest

STATIC = files("vidobs.dashboard") / "static"
VENDOR = STATIC / "vendor"
MANIFEST = json.loads((VENDOR / "manifest.json").read_text())
TEMPLATES = sorted((files("vidobs.dashboard") / "templates").iterdir())
OURS = sorted(path for path in STATIC.iterdir() if path.suffix in (".js", ".css"))
WITHIN = {".js", ".css", ".svg", ".json", ""}


def vendored():
    """Return every vendored file that is there."""
    return {
        str(path.relative_to(VENDOR))
        for path in VENDOR.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }


def test_every_vendored_file_is_in_the_manifest():
    """And every file of the manifest is there."""
    assert vendored() == {name for one in MANIFEST for name in one["files"]}


@pytest.mark.parametrize("package", MANIFEST, ids=lambda one: one["name"])
def test_vendored_files_are_those_of_the_manifest(package):
    """By their hash; with a version, a source, and the text of the licence."""
    for name, sha256 in package["files"].items():
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == sha256, name
    assert package["version"]
    assert package["source"]
    assert any("LICENSE" in name for name in package["files"])


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_load_nothing_and_run_nothing(path):
    """No address elsewhere, no inline style or handler, and no script but data."""
    text = path.read_text()

    assert not re.search(r"""(?:src|href|action|srcset|poster|data)=["'](?:https?:)?//""", text)
    assert not re.search(r"""\s(?:style|on[a-z]+)=["']""", text)
    assert "|safe" not in text.replace(" ", "")
    for script in re.findall(r"<script[^>]*>", text):
        assert " src=" in script or script == '<script type="application/json">'


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_scripts_and_styles_load_nothing_and_make_no_markup(path):
    """Text stays text in scripts too."""
    text = path.read_text().replace('xmlns="http://www.w3.org/2000/svg"', "")

    signs = r"https?://|@import|url\(|eval\(|new Function|[iou]\w+HTML\s*=[^=]|document\.write"
    assert re.findall(signs, text) == []
    assert "insertAdjacentHTML" not in text


def test_no_kind_of_file_that_a_browser_would_run_by_surprise():
    """Scripts, styles, pictures, and the manifest; no page."""
    kinds = {path.suffix for path in STATIC.rglob("*") if path.is_file()} - WITHIN

    assert kinds == set()
