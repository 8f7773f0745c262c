"""The rules of the code base that a reviewer should not have to remember."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAX_FILE_LINES = 350
MAX_FUNCTION_LINES = 50
BROAD = {"Exception", "BaseException"}
MAY_CATCH_ALL = ("vidobs/_guard.py", "vidobs/delivery/*worker*.py")
NAMES_OF_MOCK = {"mock", "unittest.mock", "pytest_mock"}
ORDINARY_PLACES = {  # a checkout or an interpreter may live there, and a text may name them
    *("/app", "/code", "/data", "/home", "/mnt", "/opt", "/private", "/repo", "/src", "/srv"),
    *("/Users", "/usr", "/usr/local", "/var", "/tmp"),  # noqa: S108
}


def sources(*folders: str) -> list[Path]:
    """Return the Python files under the folders."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def where(path: Path, line: int) -> str:
    """Write a position as an editor understands it."""
    return f"{path.relative_to(ROOT)}:{line}"


def nodes(*folders: str) -> Iterator[tuple[Path, ast.AST]]:
    """Walk the syntax trees of the files under the folders."""
    for path in sources(*folders):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            yield path, node


def names_in(node: ast.AST | None) -> set[str]:
    """Return the names in an expression, and the last parts of dotted ones."""
    inside = list(ast.walk(node)) if node else []
    plain = {n.id for n in inside if isinstance(n, ast.Name)}
    return plain | {n.attr for n in inside if isinstance(n, ast.Attribute)}


def catches_everything(node: ast.AST) -> bool:
    """Tell whether a node is a bare or broad `except`, or a broad `contextlib.suppress`.

    A handler that ends in a bare `raise` only looks on: what it saw goes on its way.
    """
    if isinstance(node, ast.ExceptHandler):
        last = node.body[-1]
        passes_on = isinstance(last, ast.Raise) and last.exc is None
        return not passes_on and (node.type is None or bool(names_in(node.type) & BROAD))
    if isinstance(node, ast.Call) and "suppress" in names_in(node.func):
        return any(names_in(argument) & BROAD for argument in node.args)
    return False


def modules_imported(node: ast.AST) -> set[str]:
    """Return the modules that an import statement names."""
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    if isinstance(node, ast.ImportFrom) and node.module:
        return {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return set()


def tracked_texts() -> list[tuple[Path, str]]:
    """Return the text files that git tracks here."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    texts = []
    for path in filter(Path.is_file, paths):
        try:
            texts.append((path, path.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue
    return texts


def test_layers_hold():
    """Every import contract in pyproject.toml is kept."""
    program = Path(sys.executable).with_name("lint-imports")

    ran = subprocess.run(
        [program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_files_hold_one_idea():
    """No source file is longer than 350 lines."""
    lengths = {
        where(path, count): count
        for path in sources("vidobs", "exporters")
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > MAX_FILE_LINES
    }

    assert lengths == {}


def test_functions_hold_one_idea():
    """No function is longer than 50 lines."""
    lengths = {
        where(path, node.lineno): f"{node.name}: {count} lines"
        for path, node in nodes("vidobs", "exporters")
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (count := (node.end_lineno or 0) - node.lineno + 1) > MAX_FUNCTION_LINES
    }

    assert lengths == {}


def test_broad_except_stands_at_the_border_only():
    """Nothing outside the guard and the delivery workers catches every exception."""
    caught = [
        where(path, node.lineno)
        for path, node in nodes("vidobs", "exporters")
        if catches_everything(node)
        and not any(path.relative_to(ROOT).match(allowed) for allowed in MAY_CATCH_ALL)
    ]

    assert caught == []


@pytest.mark.parametrize(
    "code",
    [
        "try: f()\nexcept: pass",
        "try: f()\nexcept Exception: pass",
        "try: f()\nexcept (OSError, builtins.BaseException): pass",
        "with contextlib.suppress(Exception): f()",
    ],
)
def test_every_spelling_of_a_broad_except_is_seen(code):
    """Bare, broad, in a tuple or as `suppress`: each counts as catching everything."""
    tree = ast.parse(code)

    assert any(catches_everything(node) for node in ast.walk(tree))


def test_a_broad_except_that_raises_again_is_fine():
    """Rolling back, or looking at what passes by, hides nothing."""
    tree = ast.parse("try: f()\nexcept BaseException:\n    undo()\n    raise")

    assert not any(catches_everything(node) for node in ast.walk(tree))


def test_a_narrow_except_is_fine():
    """Catching a named error does not count as catching everything."""
    tree = ast.parse("try: f()\nexcept (OSError, ValueError): pass\nwith suppress(KeyError): f()")

    assert not any(catches_everything(node) for node in ast.walk(tree))


def test_tests_use_real_objects():
    """No test imports a mock library or asks for the `mocker` fixture."""
    used = [
        where(path, node.lineno)
        for path, node in nodes("tests")
        if modules_imported(node) & NAMES_OF_MOCK
        or (isinstance(node, ast.arg) and node.arg == "mocker")
    ]

    assert used == []


def test_every_test_says_its_behaviour():
    """Each test function has a docstring."""
    silent = [
        where(path, node.lineno)
        for path, node in nodes("tests")
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]

    assert silent == []


def test_no_file_names_this_machine():
    """No tracked file holds a path, a home or a package index of the machine it was written on."""
    places = {str(ROOT), str(Path.home()), sys.prefix, sys.base_prefix}
    places |= {str(parent) for parent in ROOT.parents if len(parent.parts) > 1}
    places -= ORDINARY_PLACES
    indexes = {
        url
        for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "UV_INDEX_URL")
        for url in os.environ.get(name, "").split()
    }
    anywhere = "|".join(re.escape(text) for text in sorted(places | indexes))
    pattern = re.compile(rf"(?<![\w.~-])(?:{anywhere})(?![\w.-])")

    found = [
        where(path, number)
        for path, text in tracked_texts()
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]

    assert found == []


def test_constraints_are_plain_pins():
    """constraints.txt holds exact versions and comments, and no address or option."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()

    odd = [line for line in lines if not re.fullmatch(r"#.*|[A-Za-z0-9_.-]+==[\w.+!]+|", line)]

    assert odd == []
