"""The folder and the spools: who may read them, what goes when, and what a full disk does."""

import gc
import os
import re
import signal
import stat
import subprocess
import sys

import pytest

from vidobs.media.folder import PICTURE, VIDEO, MediaFolder
from vidobs.media.spool import Allowance, Loss

DAY_NS = 86_400 * 10**9
NOW_NS = 20_000 * DAY_NS
LOTS = 1 << 20
ID = "job_" + "a" * 32


class Losses(list):
    """Notes down what a spool says."""

    def __call__(self, why, error):
        """Take one."""
        self.append((why, type(error)))


@pytest.fixture
def folder(tmp_path):
    """Return the folder of a ledger."""
    return MediaFolder.beside(str(tmp_path / "ledger.db"))


def job(name):
    """Return the id of a job that a test calls by a short name."""
    return "job_" + name.encode().hex().zfill(32)


def keep(folder, name, size=100, *, suffix=PICTURE, days_ago=0):
    """Keep a file of a job."""
    spool = folder.spool(Allowance(LOTS), Losses())
    spool.write(b"x" * size)
    spool.move(folder.place(job(name), suffix), NOW_NS - days_ago * DAY_NS)


def names(folder):
    """Return what is in the folder."""
    found = (path.name for path in folder.path.iterdir())
    return sorted(re.sub("job_(?:00)*([0-9a-f]+)", _named, name) for name in found)


def _named(match):
    return bytes.fromhex(match[1]).decode()


def mode(path):
    """Return who may read a file."""
    return stat.S_IMODE(path.stat().st_mode)


def test_only_the_owner_may_look(folder, tmp_path):
    """The folder has mode 0700 and stands beside the ledger, what is in it has 0600."""
    spool = folder.spool(Allowance(LOTS), Losses())
    assert mode(spool.path) == 0o600
    spool.write(b"some ")
    spool.write(b"bytes")
    spool.move(folder.place(job("one"), VIDEO), NOW_NS)

    assert folder.path == tmp_path / "ledger.db.media"
    assert (mode(folder.path), names(folder)) == (0o700, ["one.mp4"])
    assert mode(folder.place(job("one"), VIDEO)) == 0o600
    assert (folder.place(job("one"), VIDEO)).read_bytes() == b"some bytes"


@pytest.mark.parametrize(
    "job_id", ["", "../ledger", "job_1", "job_" + "A" * 32, f"../{ID}", f"{ID}/b", f"{ID}\n"]
)
def test_only_a_job_id_names_a_file(folder, job_id):
    """No path leads out of the folder, whatever stands in a ledger; nothing is removed."""
    with pytest.raises(ValueError, match="is no job id"):
        folder.place(job_id, PICTURE)
    assert folder.remove([job_id]) == 0


def test_a_dropped_spool_is_gone(folder):
    """Also where nobody drops it, and it is only forgotten; its allowance is given back."""
    allowance = Allowance(10)
    spool = folder.spool(allowance, Losses())
    spool.write(b"0123456789")
    spool.drop()
    forgotten = folder.spool(allowance, Losses())
    forgotten.write(b"0123456789")
    assert len(names(folder)) == 1
    del forgotten
    gc.collect()
    assert names(folder) == []
    assert allowance.take(10)


def test_spools_hold_no_more_than_they_may(folder):
    """Together; the one that would be too much is dropped, and says so once."""
    allowance, losses = Allowance(10), Losses()
    first, second = (folder.spool(allowance, losses) for _ in range(2))
    first.write(b"123456")
    second.write(b"12345")
    second.write(b"1")
    first.write(b"7890")

    assert (first.open, second.open) == (True, False)
    assert losses == [(Loss.TOO_LARGE, type(None))]
    assert names(folder) == [first.path.name]


def test_a_file_that_is_announced_too_large_is_not_begun(folder):
    """Nothing is written of it; what is not announced is taken as it comes."""
    losses = Losses()
    spool = folder.spool(Allowance(10), losses)
    spool.expect(None)
    spool.expect(10)
    assert spool.open
    spool.expect(11)
    assert (losses, names(folder)) == ([(Loss.TOO_LARGE, type(None))], [])


def test_a_full_disk_drops_the_spool(folder):
    """The error is handed on, once; nothing is raised."""
    losses = Losses()
    spool = folder.spool(Allowance(LOTS), losses)
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, spool._open.file.fileno())
    os.close(full)
    spool.write(b"x")
    spool.write(b"x")
    assert (losses, names(folder)) == ([(Loss.DISK, OSError)], [])


def test_what_is_too_old_goes(folder):
    """By the day it was kept, whatever there is room for."""
    keep(folder, "old", days_ago=31)
    keep(folder, "new", days_ago=29)
    assert folder.tidy(most_bytes=LOTS, oldest_ns=NOW_NS - 30 * DAY_NS).files_gone == 1
    assert names(folder) == ["new.jpg"]


def test_of_too_much_the_oldest_goes(folder):
    """Until the rest fits; of one job the video goes before the picture."""
    keep(folder, "a", days_ago=3)
    keep(folder, "b", 300, suffix=VIDEO, days_ago=2)
    keep(folder, "b", days_ago=2)
    keep(folder, "c", days_ago=1)
    assert folder.tidy(most_bytes=600, oldest_ns=0).files_gone == 0
    assert folder.tidy(most_bytes=599, oldest_ns=0).files_gone == 1
    assert names(folder) == ["b.jpg", "b.mp4", "c.jpg"]
    assert folder.tidy(most_bytes=499, oldest_ns=0) == (1, 200)
    assert names(folder) == ["b.jpg", "c.jpg"]


def test_what_is_not_ours_stays(folder, tmp_path):
    """Other files, folders and links in the folder are neither counted nor removed."""
    keep(folder, "a")
    outside = tmp_path / "outside.mp4"
    outside.write_bytes(b"x" * 1000)
    folder.place(job("link"), VIDEO).symlink_to(outside)
    (folder.path / "notes.jpg").write_text("mine")
    folder.place(job("folder"), VIDEO).mkdir()
    assert folder.tidy(most_bytes=0, oldest_ns=NOW_NS + DAY_NS).files_gone == 1
    assert names(folder) == ["folder.mp4", "link.mp4", "notes.jpg"]
    assert outside.exists()


def test_a_folder_that_is_not_there_needs_no_tidying(folder):
    """And it is not made for that."""
    assert folder.tidy(most_bytes=0, oldest_ns=0).files_gone == 0
    assert folder.remove([ID]) == 0
    assert not folder.path.exists()


def test_a_purged_job_takes_its_media_along(folder):
    """The picture and the file of that job, and of no other."""
    keep(folder, "a")
    keep(folder, "a", suffix=VIDEO)
    keep(folder, "ab")
    assert folder.kept(job("a")) == [folder.place(job("a"), one) for one in (PICTURE, VIDEO)]
    assert folder.kept("../a") == []
    assert folder.remove([job("a"), job("never")]) == 2
    assert (names(folder), folder.kept(job("a"))) == (["ab.jpg"], [])


def test_what_a_killed_process_left_is_removed(folder, tmp_path):
    """Its half-written file goes with the next tidying; that of a process that lives stays."""
    code = (
        "import sys\n"
        "from vidobs.media.folder import MediaFolder\n"
        "from vidobs.media.spool import Allowance\n"
        f"spool = MediaFolder.beside({str(tmp_path / 'ledger.db')!r}).spool(Allowance(9), print)\n"
        "spool.write(b'half')\n"
        "print('ready', flush=True)\n"
        "sys.stdin.read()\n"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe) as child:
        assert child.stdout.readline() == b"ready\n"
        folder.tidy(most_bytes=LOTS, oldest_ns=0)
        assert len(names(folder)) == 1
        child.send_signal(signal.SIGKILL)
        child.wait(30)
    assert len(names(folder)) == 1
    folder.tidy(most_bytes=LOTS, oldest_ns=0)
    assert names(folder) == []


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # it has threads by now
def test_a_forked_child_leaves_its_parents_spool(folder):
    """The file is the parent's; the child only closes what it inherited."""
    spool = folder.spool(Allowance(LOTS), Losses())
    child = os.fork()
    if child == 0:
        spool.drop()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    spool.write(b"still here")
    assert spool.path.read_bytes() == b"still here"
    spool.drop()
