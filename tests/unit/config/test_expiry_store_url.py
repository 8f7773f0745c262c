"""The place where finished videos are stored."""

from pathlib import Path

import pytest

from vidobs import config
from vidobs.config.store_url import StoreUrl, store_url
from vidobs.core.errors import ConfigError

ALLOWED = "write one of: dir:///absolute/path, dir:relative/path"


@pytest.mark.parametrize("url", ["dir:///a/b", "dir:////a/b", "dir:/a/b", " dir:///a/b "])
def test_three_slashes_are_absolute(url):
    """As in a `file:` URL; a slash too many does no harm."""
    assert store_url(url) == StoreUrl("/a/b")


def test_without_slashes_it_is_relative(folder):
    """It starts where the process is now."""
    assert store_url("dir:a/b") == StoreUrl(str(folder / "a" / "b"))


def test_the_home_directory_is_filled_in(folder, monkeypatch):
    """A tilde is the home directory and never a folder of that name."""
    monkeypatch.setenv("HOME", str(folder))

    assert store_url("dir:~/videos") == StoreUrl(str(folder / "videos"))


def test_a_path_object_and_a_finished_url_are_taken(folder):
    """Python code may hand over a path, and what is shown can be written into a file again."""
    url = store_url(Path("x"))

    assert url == StoreUrl(str(folder / "x"))
    assert store_url(url) == store_url(str(url)) == url


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("videos", f"cannot store to 'videos'; {ALLOWED}; did you mean 'dir:videos'?"),
        ("s3://bucket/videos", f"cannot store to 's3://bucket/videos'; {ALLOWED}"),
        ("dir://host/videos", f"cannot store to 'dir://host/videos'; {ALLOWED}"),
        (7, f"got int; {ALLOWED}"),
    ],
)
def test_what_is_no_folder(given, said):
    """The text says where it stands and what is allowed."""
    with pytest.raises(ConfigError) as caught:
        store_url(given)
    assert str(caught.value) == f"store: {said}"


@pytest.mark.parametrize("given", ["dir:", "dir://", "dir:///", "dir:a\0b", "dir:/"])
def test_the_root_and_nothing_are_no_folders(given):
    """Nobody wants videos in there."""
    with pytest.raises(ConfigError, match="store: cannot store to"):
        store_url(given)


def test_it_comes_from_every_source(folder):
    """Argument, variable and file; nothing is made."""
    (folder / "vidobs.yaml").write_text("store: dir:from-file\nstuck_after_s: 60\n")

    from_file = config.load(environ={}).settings
    from_variable = config.load(environ={"VIDOBS_STORE": "dir:from-variable"}).settings
    given = config.load({"store": "dir:given", "expiring_before_s": 5}, {}).settings

    assert from_file.store == StoreUrl(str(folder / "from-file"))
    assert (from_file.stuck_after_s, from_file.expiring_before_s) == (60.0, None)
    assert from_variable.store == StoreUrl(str(folder / "from-variable"))
    assert (given.store, given.expiring_before_s) == (StoreUrl(str(folder / "given")), 5.0)
    assert [path.name for path in folder.iterdir()] == ["vidobs.yaml"]


def test_it_is_shown_as_it_is_written(folder):
    """`vidobs config` prints a URL that can be given again."""
    loaded = config.load({"store": "dir:videos"}, {})

    rows = {row.name: row.value for row in config.shown(loaded)}
    assert rows["store"] == f"dir://{folder}/videos"
