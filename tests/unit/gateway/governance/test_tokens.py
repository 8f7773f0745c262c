import ast
import inspect
import string

import pytest

from vidobs.gateway.governance import directory, tokens


def test_keys_are_random_and_safe_in_a_url():
    """`sk-` and 43 characters, never the same."""
    made = {tokens.new_token() for _ in range(100)}
    assert len(made) == 100
    for token in made:
        assert token.startswith("sk-")
        assert len(token) == 46
        assert set(token[3:]) <= set(string.ascii_letters + string.digits + "-_")


def test_only_the_last_four_characters_are_shown():
    """Enough to recognise a key by, and nothing to use."""
    assert tokens.shown("sk-abcdefghijklmnop") == "sk-...mnop"


@pytest.mark.parametrize("text", ["", "sk-ä", "x" * 257, "sk-\ud800", "\x00é"])
def test_what_can_be_no_key_has_no_hash(text):
    """Huge and foreign texts are not worth a hash."""
    assert tokens.hash_of(text) is None


@pytest.mark.parametrize("text", ["", "zz" * 32, "ab" * 31, "AB" * 33, "ä" * 64, "sk-" + "a" * 61])
def test_a_hash_is_read_as_such_only(text):
    """64 hexadecimal digits, nothing else."""
    assert tokens.read_hash(text) is None
    assert tokens.read_hash("ab" * 32) == b"\xab" * 32


def test_secrets_are_compared_in_constant_time():
    """No `==` of the directory compares a hash; the configured keys go through `compare_digest`."""
    tree = ast.parse(inspect.getsource(directory.Directory))
    compared = {
        ast.unparse(side)
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq | ast.NotEq | ast.In)
        for side in (node.left, *node.comparators)
    }
    assert not {name for name in compared if "digest" in name or "secret" in name}
    assert "compare_digest" in inspect.getsource(tokens.same)
    source = inspect.getsource(directory.Directory._configured)
    assert source.count("tokens.same(") == 2  # both, whether the first one fits or not
