"""How an index lives: it follows other processes, survives its end, and throws away what broke."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import apsw
import pytest
from index_kit import Studio, place_of

from vidobs.core.errors import LedgerBusyError
from vidobs.core.jobs import JobState
from vidobs.dashboard.index import Index, following
from vidobs.dashboard.index.answers import JobFilter, SourceState, SpendBy
from vidobs.dashboard.index.cache import Cache, Claim
from vidobs.ledger import quiet
from vidobs.ledger.reader import LedgerReader

WAIT_S = 30.0
KILLED = """
import os, signal, sys
from pathlib import Path
from vidobs.dashboard.index import Index, following

following.PART = 3
index = Index(sys.argv[1], folder=Path(sys.argv[2]))
for _ in range(int(sys.argv[3])):
    index.step()
os.kill(os.getpid(), signal.SIGKILL)
"""

WRITES = """
import sys, time
from pathlib import Path
from index_kit import Studio
from ledger_kit import Maker
from vidobs.core.errors import LedgerBusyError
from vidobs.ledger.sweeper import sweeping
from vidobs.ledger.sweeps import Content

studio = Studio(Path(sys.argv[1]))
number = int(sys.argv[2])
studio.make = Maker(seed=number, now_ns=1_795_000_000_000_000_000 + number * 10**15)
studio.videos = number * 1_000_000


def patient(act, *given, **more):
    while True:
        try:
            return act(*given, **more)
        except LedgerBusyError:
            time.sleep(0.001)


see = studio.see
studio.see = lambda *given, **more: patient(see, *given, **more)
studio.intend = lambda intend=studio.intend, **more: patient(intend, **more)
for turn in range(60):
    patient(studio.complete, user=f"user-{turn % 5}", prompt="a fox", tags={"n": str(number)})
    studio.fail(f"no {turn}", prompt="a whale")
    if turn % 20 == 19:
        with sweeping(studio.path) as sweeper:
            patient(sweeper.run, Content(2**63 - 1))
studio.close()
"""


@pytest.fixture
def studio(tmp_path):
    """A ledger to write to."""
    studio = Studio(tmp_path)
    yield studio
    studio.close()


def wait_until(index, true):
    """Wait for version after version until something is true."""
    version = -1
    while not true():
        later = index.wait(version, WAIT_S)
        assert later > version, "nothing came"
        version = later


def test_before_the_first_job_everything_is_empty(studio):
    """A ledger that is not there yet is no error, and its first job is seen."""
    with studio.index() as index:
        assert index.progress().source is SourceState.MISSING
        assert index.progress().problem is None
        assert (index.jobs().rows, index.load([1]), index.series(), index.counters()) == (
            (), [], (), ()
        )  # fmt: skip
        assert (index.totals().jobs, index.failures().rows, index.phases()) == (0, (), ())
        assert not os.path.exists(studio.path)  # noqa: PTH110 - a str

        job = studio.accept()
        index.catch_up()

        assert index.jobs().places == (place_of(job),)
        assert index.progress().caught_up
        assert index.progress().source is SourceState.READY


def test_the_thread_follows_what_others_write(studio):
    """What another process commits is in the answers, and its place among the changes."""
    studio.accept()
    with Index(studio.path, folder=studio.cache) as index:
        wait_until(index, lambda: index.progress().caught_up and index.totals().jobs == 1)
        version = index.version()

        job = studio.complete()
        wait_until(index, lambda: index.totals().completed == 1)

        assert index.changed_since(version) == (place_of(job),)
        assert index.changed_since(index.version()) == ()
        assert not index._keeper.guard.trips


def test_a_fault_inside_is_said(studio, guard_trips):
    """What nobody thought of does not end the thread: it is counted, and progress tells of it."""
    studio.complete()
    with closing(Index(studio.path, folder=studio.cache)) as index:
        index.catch_up()
        with closing(apsw.Connection(str(index._keeper.cache.path))) as somebody:
            somebody.execute("ALTER TABLE phase RENAME TO phases")
        index.start()
        studio.complete()
        wait_until(index, lambda: index.progress().problem is not None)
        assert "failed inside" in index.progress().problem
        assert index.totals().completed == 1
        assert set(index._keeper.guard.trips) == {"dashboard: SQLError"}
        guard_trips.expected.add("dashboard: SQLError")

        with closing(apsw.Connection(str(index._keeper.cache.path))) as somebody:
            somebody.execute("ALTER TABLE phases RENAME TO phase")
        wait_until(index, lambda: index.totals().completed == 2)
        assert index.progress().problem is None


def test_waiting_ends_with_time(studio):
    """Who waits for a change that does not come gets the version that there is."""
    studio.accept()
    with studio.index() as index:
        assert index.wait(index.version(), 0.01) == index.version()


def test_too_many_changes_are_anything(studio):
    """More places than were asked for are none: everything is looked at anew."""
    studio.accept()
    with studio.index() as index:
        version = index.version()
        made = [studio.accept() for _ in range(3)]
        index.catch_up()

        assert set(index.changed_since(version, limit=3)) == {place_of(job) for job in made}
        assert index.changed_since(version, limit=2) == ()
        assert index.changed_since(version - 1) == ()  # from before this index was opened


def test_a_restart_goes_on_where_it_was(studio):
    """Answers are there at once, the version goes on, and what happened meanwhile is caught up."""
    studio.complete()
    with studio.index() as index:
        version = index.version()
    studio.complete()
    with closing(Index(studio.path, folder=studio.cache)) as index:
        assert index.totals().completed == 1
        opened = index.version()
        index.catch_up()
        assert index.totals().completed == 2
        assert index.version() > opened > version


@pytest.mark.parametrize("turns", [1, 2, 5])
def test_a_kill_while_it_is_built_costs_nothing(studio, turns):
    """After kill -9 in the middle the next process goes on, and every figure is right."""
    for number in range(20):
        studio.complete(user=f"user-{number % 3}", prompt="a fox")
    studio.open().connection.wal_checkpoint()
    program = [sys.executable, "-c", KILLED, studio.path, str(studio.cache), str(turns)]

    ran = subprocess.run(program, check=False)
    assert ran.returncode == -signal.SIGKILL
    studio.complete(user="user-0")
    with studio.index() as index:
        assert index.progress().shared
        assert index.totals().completed == 21
        assert index.progress().jobs == 21
        assert len(index.jobs(JobFilter(users=("user-0",))).rows) == 8
        assert len(index.jobs(JobFilter(text="fox")).rows) == 20


def test_jobs_are_there_before_all_are_read(studio, monkeypatch):
    """The newest are read first, and what changes meanwhile is followed."""
    monkeypatch.setattr(following, "PART", 3)
    made = [studio.complete() for _ in range(8)]
    with closing(Index(studio.path, folder=studio.cache)) as index:
        index.step()
        new = studio.accept()
        first = index.jobs().places
        half = index.progress()
        index.catch_up()

        assert first == tuple(place_of(job) for job in made[:-4:-1])
        assert (half.built, half.jobs, half.total) == (False, 3, 8)
        assert half.said == "reading the ledger: 3 of 8 jobs"
        assert index.jobs().places[0] == place_of(new)
        assert index.progress().said is None
        assert index.totals().jobs == 9


def test_a_second_dashboard_has_a_cache_of_its_own(studio):
    """Two processes never write one cache; the second one's goes with it."""
    studio.complete()
    with studio.index() as first, studio.index() as second:
        assert first.progress().shared
        assert not second.progress().shared
        assert second.totals() == first.totals()
        folder = Path(second._keeper.cache.path).parent
        assert folder.exists()
    assert not folder.exists()
    with studio.index() as third:
        assert third.progress().shared


def test_a_folder_that_cannot_be_written_is_no_end(studio):
    """Without a place for the cache, the index has a folder of its own."""
    studio.complete()
    studio.cache.write_text("a file where the folder should be")
    with studio.index() as index:
        assert not index.progress().shared
        assert index.totals().completed == 1


def test_nobody_else_can_read_the_cache(studio):
    """Files are the owner's alone, and so is the folder: names and words are in there."""
    studio.complete(prompt="a fox")
    with studio.index():
        modes = {stat.S_IMODE(file.stat().st_mode) for file in studio.cache.iterdir()}
        assert modes == {0o600}
        assert stat.S_IMODE(studio.cache.stat().st_mode) == 0o700


def garbage(path):
    """Make a file something else."""
    path.write_bytes(b"no database at all" * 1000)


def stranger(path):
    """Make a file a database of somebody else."""
    path.unlink()
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute("CREATE TABLE job (seq)")


def older(path):
    """Make a cache one of another version."""
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute("PRAGMA user_version = 4711")


def torn(path):
    """Overwrite the middle of a file."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (size - 8192))


def torn_inside(path):
    """Overwrite the beginning of each table but the first ones."""
    with closing(apsw.Connection(str(path))) as connection:
        query = "SELECT rootpage FROM sqlite_schema WHERE name IN ('counter', 'sums', 'job')"
        pages = connection.execute(query).fetchall()
    with path.open("r+b") as file:
        for (page,) in pages:
            file.seek((page - 1) * 4096)
            file.write(b"\xff" * 4096)


@pytest.mark.parametrize("spoil", [garbage, stranger, older, torn, torn_inside])
def test_a_cache_that_broke_is_made_anew(studio, spoil):
    """A cache is never worth more than the ledger that it comes from."""
    for _ in range(30):
        studio.complete(prompt="a fox")
    with studio.index():
        pass
    (cache,) = studio.cache.glob("*.db")
    spoil(cache)
    with studio.index() as index:
        index.catch_up()
        assert index.progress().shared
        assert index.totals().completed == 30
        assert len(index.jobs(JobFilter(text="fox")).rows) == 30


def test_a_cache_that_breaks_under_way_is_made_anew(studio):
    """Pages that find the file torn have it thrown away; the next answers are right again."""
    for _ in range(30):
        studio.complete(prompt="a fox")
    with studio.index() as index:
        cache = index._keeper.cache
        cache.cut_log()
        with cache.reading() as connection:
            connection.execute("PRAGMA cache_size = 0")
        torn(cache.path)
        cache.writer.execute("PRAGMA shrink_memory")
        with cache.reading() as connection:
            connection.execute("PRAGMA shrink_memory")
        with pytest.raises(LedgerBusyError, match="is made anew"):
            index.jobs(JobFilter(text="fox"), limit=100)
        studio.complete()
        index.catch_up()

        assert index.totals().completed == 31
        assert index.progress().problem is None


def test_another_ledger_at_the_place_is_another_index(studio, tmp_path):
    """A ledger that is replaced under way is read anew, and nothing of the old one is left."""
    studio.complete(user="ada")
    with studio.index() as index:
        version = index.version()
        studio.close()
        for file in tmp_path.glob("ledger.db*"):
            file.unlink()
        index.catch_up()
        assert index.progress().source is SourceState.MISSING
        assert index.totals().jobs == 0

        job = studio.accept(user="bob")
        index.catch_up()

        assert index.jobs().places == (place_of(job),)
        assert [one.value for one in index.choices().users] == []
        assert index.totals().usd == 0
        assert index.version() > version


def test_a_copy_that_is_put_back_is_read_anew(studio, tmp_path):
    """A backup over the very same file takes events back; the index notices."""
    first = studio.complete()
    studio.close()
    shutil.copyfile(studio.path, tmp_path / "backup.db")
    studio.complete()
    with studio.index() as index:
        assert index.totals().completed == 2
        studio.close()
        index._keeper._source.close()
        for name in ("-wal", "-shm"):
            (tmp_path / f"ledger.db{name}").unlink(missing_ok=True)
        shutil.copyfile(tmp_path / "backup.db", studio.path)
        index.catch_up()

        assert index.jobs().places == (place_of(first),)
        assert index.totals().completed == 1


def test_a_ledger_that_cannot_be_read_leaves_the_answers(studio, tmp_path):
    """The last answers stay, progress says what is wrong, and it passes."""
    studio.complete()
    with studio.index() as index:
        index._keeper._source.close()
        studio.close()
        aside = tmp_path / "aside.db"
        Path(studio.path).rename(aside)
        Path(studio.path).write_bytes(b"no ledger " * 1000)
        index.catch_up()
        assert index.progress().source is SourceState.UNUSABLE
        assert "corrupt or no ledger" in index.progress().problem
        assert index.totals().completed == 1

        aside.rename(studio.path)
        index.catch_up()
        assert index.progress().problem is None
        assert index.progress().caught_up


def test_a_busy_ledger_leaves_the_answers(studio):
    """While somebody has the file for himself, progress says so."""
    studio.complete()
    with studio.index() as index:
        studio.complete()
        studio.close()
        index._keeper._source.close()
        with closing(apsw.Connection(studio.path)) as somebody:
            somebody.execute("PRAGMA locking_mode = EXCLUSIVE").fetchall()
            somebody.execute("BEGIN IMMEDIATE")
            somebody.execute("UPDATE meta SET value = value WHERE key = 'hash_key'")
            somebody.execute("COMMIT")
            index.catch_up()
            assert index.progress().source is SourceState.BUSY
            assert index.totals().completed == 1
        index.catch_up()
        assert index.totals().completed == 2


def test_the_ledger_is_never_written(studio):
    """Building and following leave every byte of the ledger as it was."""
    studio.complete(prompt="a fox")
    studio.close()
    before = Path(studio.path).read_bytes()
    with studio.index() as index:
        index.catch_up()
    assert Path(studio.path).read_bytes() == before


def test_more_quiet_changes_than_are_noted_are_found(studio):
    """When the notes do not reach back, all places and versions are compared."""
    job = studio.complete()
    with studio.index() as index:
        studio.open()
        with closing(apsw.Connection(studio.path)) as connection:
            connection.execute("DELETE FROM job WHERE seq = ?", (place_of(job),))
            connection.execute("DELETE FROM spend WHERE job_seq = ?", (place_of(job),))
            with connection:
                for number in range(quiet.KEPT + 1):
                    quiet.note(connection, number)
        index.catch_up()
        assert index.totals().jobs == 0
        assert index.jobs().rows == ()


def test_what_nothing_tells_of_is_found_in_time(studio):
    """A look at everything now and then finds even what an older vidobs changed without a note."""
    job = studio.accept(user="ada")
    with studio.index() as index:
        with closing(apsw.Connection(studio.path)) as connection:
            connection.execute(
                "UPDATE job SET version = version + 1, doc = replace(doc, 'ada', 'bob') "
                "WHERE seq = ?",
                (place_of(job),),
            )
        index.catch_up()
        assert len(index.jobs(JobFilter(users=("ada",))).rows) == 1
        index.recheck()
        index.catch_up()
        assert len(index.jobs(JobFilter(users=("bob",))).rows) == 1
        assert len(index.jobs(JobFilter(users=("ada",))).rows) == 0


def test_many_threads_ask_at_once(studio):
    """Pages are answered in many threads, until the index is closed under them."""
    for _ in range(5):
        studio.complete()
    seen, ended = [], []
    many = threading.Event()

    def ask(index):
        try:
            while True:
                seen.append(index.totals().completed)
                if len(seen) > 200:
                    many.set()
        except LedgerBusyError as error:
            ended.append(str(error))

    with studio.index() as index:
        threads = [threading.Thread(target=ask, args=(index,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        assert many.wait(WAIT_S)
    for thread in threads:
        thread.join()

    assert set(seen) == {5}
    assert len(ended) == 8


@pytest.mark.slow
def test_several_processes_write_while_it_follows(studio):
    """Three writers that also purge, and an index that is killed and started anew: all adds up."""
    kit = Path(__file__).parents[2] / "kit"
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITES, str(studio.folder), str(number)],
            env=os.environ | {"PYTHONPATH": str(kit)},
        )
        for number in (1, 2, 3)
    ]
    while any(writer.poll() is None for writer in writers):
        program = [sys.executable, "-c", KILLED, studio.path, str(studio.cache), "25"]
        subprocess.run(program, check=False)
    assert [writer.returncode for writer in writers] == [0, 0, 0]

    with studio.index() as index, closing(LedgerReader(studio.path)) as reader:
        assert index.progress().shared
        assert index.totals().states == {JobState.COMPLETED: 180, JobState.FAILED: 180}
        for by in SpendBy:
            assert index.spend(by) == reader.spend(by.value)
        assert index.failures().jobs == 180
        assert len(index.jobs(JobFilter(text="fox"), limit=500).rows) == len(
            [job for job in reader.jobs(limit=500) if job.prompt and "fox" in job.prompt]
        )


def test_a_claim_ends_with_its_process(tmp_path):
    """Who claims a cache has it until it is closed, and no longer."""
    first = Claim(str(tmp_path / "ledger.db"), tmp_path / "cache")
    second = Claim(str(tmp_path / "ledger.db"), tmp_path / "cache")
    other = Claim(str(tmp_path / "other.db"), tmp_path / "cache")
    first.close()
    third = Claim(str(tmp_path / "ledger.db"), tmp_path / "cache")

    assert [claim.shared for claim in (first, second, other, third)] == [True, False, True, True]
    assert second.path.parent != third.path.parent
    for claim in (second, other, third):
        claim.close()


def test_caches_that_nobody_opens_go(tmp_path):
    """A cache of weeks ago is deleted with the next claim, but not one that is in use."""
    folder = tmp_path / "cache"
    old, used = (Claim(str(tmp_path / name), folder) for name in ("old.db", "used.db"))
    for claim in (old, used):
        Cache(claim.path).close()
        os.utime(claim.path.with_suffix(".lock"), (1_700_000_000, 1_700_000_000))
    old.close()

    new = Claim(str(tmp_path / "new.db"), folder)

    assert not list(folder.glob(f"{old.path.stem}*"))
    assert used.path.exists()
    for claim in (used, new):
        claim.close()


def test_a_claim_keeps_its_cache_young(tmp_path):
    """Opening a cache is what counts: one that is opened each day is never too old."""
    claim = Claim(str(tmp_path / "ledger.db"), tmp_path / "cache")
    lock = claim.path.with_suffix(".lock")
    claim.close()
    os.utime(lock, (1_700_000_000, 1_700_000_000))

    Claim(str(tmp_path / "ledger.db"), tmp_path / "cache").close()

    assert lock.stat().st_mtime > 1_700_000_000
    assert lock.with_suffix(".db").exists()


def test_states_are_followed_to_the_end(studio):
    """Each answer moves the job from one state's count to the next one's."""
    with studio.index() as index:
        job = studio.intend()
        seen = []
        for state in (None, JobState.QUEUED, JobState.IN_PROGRESS, JobState.COMPLETED):
            if state is not None:
                studio.see(job, id="video_9", state=state)
            index.catch_up()
            seen.append(index.totals().states)

    assert seen == [
        {state: 1}
        for state in (
            JobState.SUBMITTING,
            JobState.QUEUED,
            JobState.IN_PROGRESS,
            JobState.COMPLETED,
        )
    ]
