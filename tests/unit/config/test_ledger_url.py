"""The place of the ledger, in SQLAlchemy's form."""

from pathlib import Path

import pytest

from vidobs.config import LedgerUrl
from vidobs.config.ledger_url import default_ledger, ledger_url
from vidobs.core.errors import ConfigError


@pytest.mark.parametrize("url", ["memory:", "sqlite://", "sqlite:///", "sqlite:///:memory:"])
def test_in_memory(url):
    """All forms of a database in memory, SQLAlchemy's included."""
    assert ledger_url(url) == LedgerUrl()
    assert ledger_url(url).in_memory
    assert str(ledger_url(url)) == "memory:"


def test_three_slashes_are_relative_and_four_absolute(folder):
    """The fourth slash belongs to the path."""
    assert ledger_url("sqlite:///a/b.db").path == str(folder / "a" / "b.db")
    assert ledger_url("sqlite:////a/b.db").path == "/a/b.db"


def test_a_path_object_and_a_finished_url_are_taken(folder):
    """Python code may hand over a path, or what was parsed before."""
    assert ledger_url(Path("x.db")).path == str(folder / "x.db")
    assert ledger_url(LedgerUrl("/x.db")) == LedgerUrl("/x.db")


def test_the_home_directory_is_filled_in(folder, monkeypatch):
    """A tilde is the home directory and never a folder of that name."""
    monkeypatch.setenv("HOME", str(folder))

    assert ledger_url("sqlite:///~/x.db").path == str(folder / "x.db")


def test_a_url_reads_back_as_itself():
    """What is shown can be written into a file again."""
    url = ledger_url("sqlite:////a/b.db")

    assert ledger_url(str(url)) == url


def test_default_is_the_state_directory(folder, monkeypatch):
    """The default follows the XDG variables and creates nothing."""
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))

    assert Path(default_ledger().path).name == "ledger.db"
    assert not (folder / "state").exists()


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("sqlite:///x.db?mode=ro", "parameters behind '?' are not known"),
        ("sqlite:///a\0b", "a path cannot hold a NUL character"),
        ("postgres://x", "PostgreSQL is not there yet"),
        ("postgresql+psycopg://x", "PostgreSQL is not there yet"),
        ("", "cannot open ''"),
    ],
)
def test_what_cannot_be_opened(url, problem):
    """The message starts with the place and says what works."""
    with pytest.raises(ConfigError, match=r"^here: ") as raised:
        ledger_url(url, "here")

    assert problem in str(raised.value)
