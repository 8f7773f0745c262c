"""What stays on disk of the videos that users download, and that nothing else does."""

import gzip
import logging
import os
import stat
import subprocess
import sys
from contextlib import closing

import apsw
import openai
import pytest
from mp4_kit import real_mp4
from PIL import Image
from typer.testing import CliRunner

import vidobs
from vidobs import runtime
from vidobs.cli.app import app
from vidobs.ledger.reader import open_ledger
from vidobs.media.spool import Loss
from vidobs.testing import FrozenClock, isolated

ASKED = {"model": "sora-2", "seconds": "4", "size": "160x96"}
READS = ("buffered", "streamed", "raw")
DAY_S = 86_400


class Disk:
    """A ledger in a file, and what is beside it."""

    def __init__(self, home, watch, caplog):
        self.home = home
        self.ledger = f"sqlite:///{home}/ledger.db"
        self.path = home / "ledger.db.media"
        self.losses = {}  # how often something could not be kept, by reason, as the metric has it
        self._watch = watch
        self._caplog = caplog

    def keep(self, kept, **settings):
        """Configure vidobs to keep media, and watch it."""
        vidobs.configure(ledger=self.ledger, capture={"media": kept}, **settings)
        return self._watch()

    @property
    def names(self):
        """What is in the folder; `None` where there is none."""
        if not self.path.exists():
            return None
        return sorted(path.name for path in self.path.iterdir())

    @property
    def said(self):
        """The warnings about media so far."""
        warnings = [one for one in self._caplog.records if one.levelno == logging.WARNING]
        return [one.getMessage() for one in warnings if one.module == "media"]


@pytest.fixture
def disk(tmp_path, watch, caplog, monkeypatch):
    """Return the disk of a test, on which vidobs keeps nothing yet."""
    found = Disk(tmp_path, watch, caplog)

    def count(_signals, number, why):
        found.losses[why] = found.losses.get(why, 0) + number

    monkeypatch.setattr("vidobs.telemetry.signals.Signals.media_lost", count)
    return found


def made(api, prompt="a cat"):
    """Return the id of a new video that is finished."""
    return api(lambda c: c.videos.create_and_poll(prompt=prompt, **ASKED)).id


def read(api, how, video_id, **options):
    """Download a video in one of the SDK's ways and return its bytes."""
    if how == "buffered":
        return api(lambda c: c.videos.download_content(video_id, **options)).read()
    if how == "raw":
        raw = api(lambda c: c.videos.with_raw_response.download_content(video_id, **options))
        return raw.http_response.content
    stream = lambda c: c.videos.with_streaming_response.download_content(video_id, **options)  # noqa: E731
    return b"".join(api.chunks(stream))


@pytest.mark.parametrize("how", READS)
def test_a_download_leaves_a_picture(how, sandbox, disk, connect):
    """A JPEG of 320 pixels, by the job's id, for its owner only; the job and an event name it."""
    seen, api = disk.keep("thumbnail"), connect(sandbox.base_url)
    video_id = made(api)
    bare = read(connect(sandbox.base_url, bare=True), "streamed", video_id)
    assert read(api, how, video_id) == bare

    job = seen.job
    name = f"{job.job_id}.jpg"
    assert (disk.names, job.file.thumbnail) == ([name], name)
    assert job.file.size_bytes == len(bare)
    assert stat.S_IMODE(disk.path.stat().st_mode) == 0o700
    assert stat.S_IMODE((disk.path / name).stat().st_mode) == 0o600
    with Image.open(disk.path / name) as picture:
        assert (picture.format, picture.size) == ("JPEG", (320, 192))
    assert seen.names[-2:] == ["video.downloaded", "video.thumbnail"]
    assert [event.job.file.thumbnail for event in seen.events[-2:]] == [None, name]
    with closing(runtime.open_reader(runtime.current().settings)) as reader:
        assert reader.events(job.job_id)[-1].name == "video.thumbnail"


@pytest.mark.parametrize("how", READS)
def test_a_download_leaves_the_file_too_where_asked(how, sandbox, disk, connect):
    """Byte for byte what the user read."""
    seen, api = disk.keep("full"), connect(sandbox.base_url)
    data = read(api, how, made(api))
    job_id = seen.job.job_id
    assert disk.names == [f"{job_id}.jpg", f"{job_id}.mp4"]
    assert (disk.path / f"{job_id}.mp4").read_bytes() == data
    assert stat.S_IMODE((disk.path / f"{job_id}.mp4").stat().st_mode) == 0o600


def test_a_video_is_kept_although_its_create_is_not_written_yet(sandbox, disk, connect):
    """Another process has the ledger while a video is made and read: its job is known later."""
    disk.keep("full")
    api = connect(sandbox.base_url)
    made(api)
    with closing(apsw.Connection(str(disk.home / "ledger.db"))) as other:
        other.execute("BEGIN IMMEDIATE")
        video_id = made(api)
        data = read(api, "streamed", video_id)
        other.execute("ROLLBACK")
    assert vidobs.flush(30) == 0
    with closing(open_ledger(str(disk.home / "ledger.db"))) as reader:
        (job,) = reader.job(video_id)
    assert job.file.thumbnail == f"{job.job_id}.jpg"
    assert disk.names == [f"{job.job_id}.jpg", f"{job.job_id}.mp4"]
    assert (disk.path / f"{job.job_id}.mp4").read_bytes() == data


def test_a_video_of_nobody_leaves_nothing(sandbox, disk, connect):
    """It was made elsewhere; also where that is found out only after it was read."""
    disk.keep("full")
    api, bare = connect(sandbox.base_url), connect(sandbox.base_url, bare=True)
    made(api)
    video_id = made(bare)
    read(api, "streamed", video_id)
    assert disk.names is None
    with closing(apsw.Connection(str(disk.home / "ledger.db"))) as other:
        other.execute("BEGIN IMMEDIATE")
        made(api)
        read(api, "streamed", video_id)
        other.execute("ROLLBACK")
    assert vidobs.flush(30) == 0
    assert (disk.names, disk.losses) == ([], {})


@pytest.mark.parametrize("content", ["none", "full"])
def test_nothing_is_kept_unless_asked(content, sandbox, disk, watch, connect):
    """Without `capture.media` there is not even a folder."""
    vidobs.configure(ledger=disk.ledger, capture=content)
    seen, api = watch(), connect(sandbox.base_url)
    for how in READS:
        read(api, how, made(api))
    assert [job.file.thumbnail for job in seen.jobs] == [None] * 3
    assert disk.names is None
    assert "video.thumbnail" not in seen.names


def test_the_command_line_says_where_it_is(sandbox, disk, connect):
    """`vidobs job ID` shows what is there now, and nothing that has been removed."""
    seen, api = disk.keep("full"), connect(sandbox.base_url)
    read(api, "streamed", made(api))
    job_id = seen.job.job_id
    paths = [str(disk.path / f"{job_id}{suffix}") for suffix in (".jpg", ".mp4")]
    assert [path in shown(disk, job_id) for path in paths] == [True, True]
    (disk.path / f"{job_id}.mp4").unlink()
    assert [path in shown(disk, job_id) for path in paths] == [True, False]
    (disk.path / f"{job_id}.jpg").unlink()
    assert [path in shown(disk, job_id) for path in paths] == [False, False]


def shown(disk, job_id):
    """Return what the command prints, without the spaces between."""
    ran = CliRunner().invoke(app, ["job", job_id], env={"VIDOBS_LEDGER": disk.ledger})
    assert ran.exit_code == 0
    return "".join(ran.output.split())


def test_a_second_download_keeps_what_there_is(sandbox, disk, connect):
    """The picture is made anew, and told of once."""
    seen, api = disk.keep("thumbnail"), connect(sandbox.base_url)
    video_id = made(api)
    read(api, "streamed", video_id)
    vidobs.flush(30)
    read(api, "streamed", video_id)
    assert seen.names.count("video.thumbnail") == 1
    assert seen.job.file.thumbnail == f"{seen.job.job_id}.jpg"
    assert len(disk.names) == 1


def test_half_a_file_leaves_nothing(sandbox, disk, connect):
    """Neither one that breaks off, nor a part."""
    seen, api = disk.keep("full"), connect(sandbox.base_url, max_retries=0)
    broken = made(api, "a cat [[fault:truncated_download]]")
    with pytest.raises(Exception, match=r"(?i)incomplete|peer closed"):
        read(api, "streamed", broken)
    read(api, "buffered", made(api), extra_headers={"range": "bytes=0-99"})
    assert [job.file.thumbnail for job in seen.jobs] == [None, None]
    assert disk.names == []
    assert disk.losses == {}


def test_a_file_that_is_not_read_to_its_end_leaves_nothing(raw, video, disk, connect):
    """The user has seen enough, or the process ends amid it."""
    seen, api = disk.keep("full"), connect(raw.base_url)
    size = 4 << 20
    long = real_mp4() + size.to_bytes(4, "big") + b"free" + bytes(size - 8)
    raw.script = [(200, {}, video("completed", progress=100)), (200, {}, long)]
    api(lambda c: c.videos.create(prompt="a cat", **ASKED))
    stream = lambda c: c.videos.with_streaming_response.download_content("video_raw")  # noqa: E731
    assert len(api.chunks(stream, most=1)) == 1
    assert (seen.job.file.complete, seen.job.file.thumbnail, disk.names) == (False, None, [])

    spool = runtime.current().media.spool()
    spool.write(b"half")
    assert disk.names == [spool.path.name]
    vidobs.shutdown()
    assert disk.names == []


def test_other_assets_leave_nothing(sandbox, disk, connect):
    """A thumbnail or a spritesheet of the provider's is no video."""
    seen, api = disk.keep("full"), connect(sandbox.base_url)
    video_id = made(api)
    for variant in ("thumbnail", "spritesheet"):
        read(api, "streamed", video_id, variant=variant)
    assert (seen.names[-1], disk.names) == ("video.completed", None)


@pytest.mark.parametrize("how", READS)
def test_what_is_no_mp4_leaves_nothing(how, raw, video, disk, connect):
    """Whatever a server sends as a video."""
    seen, api = disk.keep("full"), connect(raw.base_url)
    for body in (b"", b'{"error": "no video"}', b"\x1aE\xdf\xa3webm" * 999):
        raw.script = [(200, {}, video("completed", progress=100)), (200, {}, body)]
        api(lambda c: c.videos.create(prompt="a cat", **ASKED))
        assert read(api, how, "video_raw") == body
        assert seen.job.file.thumbnail is None
        assert not disk.names
    assert disk.losses == {}


def test_an_mp4_without_a_picture_is_counted(raw, video, disk, connect):
    """It says that it is a video, and no frame of it can be decoded."""
    seen, api = disk.keep("thumbnail"), connect(raw.base_url)
    whole = real_mp4()
    start = whole.index(b"mdat") + 4
    end = whole.index(b"moov") - 4
    spoiled = whole[:start] + bytes(end - start) + whole[end:]
    raw.script = [(200, {}, video("completed", progress=100)), (200, {}, spoiled)]
    api(lambda c: c.videos.create(prompt="a cat", **ASKED))
    for _ in range(2):
        assert read(api, "streamed", "video_raw") == spoiled
    assert seen.job.file.codec == "avc1"
    assert (seen.job.file.thumbnail, disk.names) == (None, [])
    assert disk.losses == {Loss.UNREADABLE: 2}
    assert disk.said == ["a video or its picture is not kept: no picture in it could be decoded"]


def test_a_packed_body_is_not_taken_for_the_file(raw, video, disk, connect):
    """What passes by is compressed."""
    seen, api = disk.keep("full"), connect(raw.base_url)
    answer = (200, {"content-encoding": "gzip"}, gzip.compress(real_mp4()))
    raw.script = [(200, {}, video("completed", progress=100)), answer]
    api(lambda c: c.videos.create(prompt="a cat", **ASKED))
    assert read(api, "streamed", "video_raw") == real_mp4()
    assert (seen.job.file.thumbnail, disk.names) == (None, None)


def test_a_video_that_is_too_large_is_not_kept(sandbox, disk, connect):
    """With or without an announced length; it is counted, and said once."""
    seen, api = disk.keep("full", media_max_bytes=1000), connect(sandbox.base_url)
    for how in READS:
        assert len(read(api, how, made(api))) > 1000
    assert [job.file.complete for job in seen.jobs] == [True] * 3
    assert disk.names == []
    assert disk.losses == {Loss.TOO_LARGE: 3}
    assert len(disk.said) == 1


def test_the_oldest_picture_makes_room(sandbox, disk, connect):
    """The folder holds what the cap allows."""
    clock = FrozenClock()
    settings = {"ledger": disk.ledger, "capture": {"media": "full"}}
    with isolated(clock=clock, media_max_bytes=100_000_000, **settings) as vid:
        api = connect(sandbox.base_url)
        for _ in range(3):
            read(api, "streamed", made(api))
            vidobs.flush(30)
            clock.advance(1)
        ids = [job.job_id for job in vid.jobs]
    assert len(disk.names) == 6
    room = sum((disk.path / name).stat().st_size for name in disk.names if ids[0] not in name)
    with isolated(clock=clock, media_max_bytes=room, **settings):
        read(api, "streamed", made(api))
        vidobs.flush(30)
    left = disk.names
    assert sum((disk.path / name).stat().st_size for name in left) <= room
    assert not any(name.startswith(ids[0]) for name in left)
    assert left[-1].endswith(".mp4")  # of the newest job


def test_a_picture_is_kept_for_as_long_as_is_set(sandbox, disk, connect):
    """By vidobs's clock; a process that keeps nothing itself removes what is due as well."""
    clock = FrozenClock()
    settings = {"ledger": disk.ledger}
    with isolated(clock=clock, capture={"media": "thumbnail"}, **settings):
        api = connect(sandbox.base_url)
        read(api, "streamed", made(api))
        vidobs.flush(30)
    for days, left in ((29, 1), (2, 0)):
        clock.advance(days * DAY_S)
        with isolated(clock=clock, **settings):
            made(api)
            vidobs.flush(30)
        assert len(disk.names) == left


def test_a_ledger_in_memory_keeps_no_media(sandbox, watch, connect, disk, monkeypatch):
    """There is no place beside it; that is said."""
    monkeypatch.chdir(disk.home)
    vidobs.configure(ledger="memory:", capture={"media": "full"})
    seen, api = watch(), connect(sandbox.base_url)
    read(api, "streamed", made(api))
    assert seen.job.file.thumbnail is None
    assert list(disk.home.iterdir()) == []
    (warning,) = disk.said
    assert "capture.media is full, but the ledger is in memory" in warning


@pytest.mark.parametrize("kept", ["thumbnail", "full"])
def test_without_the_extra_there_are_no_pictures(kept, sandbox, disk, connect, monkeypatch):
    """That is said once, with what to install; files are kept all the same."""
    api = connect(sandbox.base_url)
    with monkeypatch.context() as missing:  # no longer: the sandbox in this process needs it
        missing.setitem(sys.modules, "av", None)
        seen = disk.keep(kept)
    data = [read(api, how, made(api)) for how in READS]
    assert all(data)
    assert [job.file.thumbnail for job in seen.jobs] == [None] * 3
    if kept == "full":
        assert disk.names == sorted(f"{job.job_id}.mp4" for job in seen.jobs)
    else:
        assert disk.names is None
    (warning,) = disk.said
    assert warning.startswith(f"capture.media: {kept} needs packages that are not installed")
    assert warning.endswith("pip install 'vidobs[media]'")


@pytest.mark.parametrize("how", READS)
def test_a_folder_that_cannot_be_made_hurts_nobody(how, sandbox, disk, connect):
    """Something else has its name: the download goes on, and the loss is counted and said."""
    disk.path.write_text("in the way")
    seen, api = disk.keep("full"), connect(sandbox.base_url)
    bare = connect(sandbox.base_url, bare=True)
    for _ in range(2):
        video_id = made(api)
        assert read(api, how, video_id) == read(bare, "streamed", video_id)
    assert [job.file.thumbnail for job in seen.jobs] == [None, None]
    assert disk.path.read_text() == "in the way"
    assert disk.losses == {Loss.DISK: 2}
    (warning,) = disk.said
    assert warning.startswith("a video or its picture is not kept: the media folder cannot be wri")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small file system")
@pytest.mark.parametrize("how", READS)
def test_a_full_disk_hurts_nobody(how, sandbox, disk, connect):
    """The download goes on; nothing half-written stays, and with room again pictures come back."""
    disk.path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(disk.path)]
    subprocess.run(mount, check=True)
    try:
        seen, api = disk.keep("full"), connect(sandbox.base_url)
        (disk.path / "ballast").write_bytes(bytes(60_000))
        video_id = made(api)
        bare = read(connect(sandbox.base_url, bare=True), "streamed", video_id)
        assert read(api, how, video_id) == bare
        assert (seen.job.file.complete, seen.job.file.thumbnail) == (True, None)
        assert (disk.names, disk.losses) == (["ballast"], {Loss.DISK: 1})
        (disk.path / "ballast").unlink()
        read(api, how, video_id)
        assert seen.job.file.thumbnail in disk.names
        assert disk.losses == {Loss.DISK: 1}
    finally:
        subprocess.run(["umount", "-l", str(disk.path)], check=True)


def test_a_purged_job_gets_no_picture(sandbox, disk, connect):
    """Its row went while the picture was made: the picture goes too."""
    seen, api = disk.keep("full"), connect(sandbox.base_url)
    video_id = made(api)
    job_id = seen.job.job_id
    running = runtime.current()
    record = running.media._record

    def purged(observed):
        return record(observed) if observed.job_id != job_id else None

    running.media._record = purged
    read(api, "streamed", video_id)
    assert (seen.job.file.thumbnail, disk.names) == (None, [])


@pytest.mark.parametrize(
    ("order", "left"),
    [
        (["--older-than", "30d"], {"bob"}),  # the job with the newest event stays
        (["--user", "ada"], {"bob"}),
        (["--content"], set()),
    ],
)
def test_a_purge_takes_the_media_along(order, left, sandbox, disk, connect):
    """Of jobs that are deleted, of a person who is erased, of jobs whose content goes."""
    api = connect(sandbox.base_url)
    capture = {"media": "full"}
    with isolated(clock=FrozenClock(), ledger=disk.ledger, capture=capture) as vid:
        for user in ("ada", "bob"):
            with vidobs.context(user=user):
                read(api, "streamed", made(api))
        owner = {job.job_id: job.user for job in vid.jobs}
    assert len(disk.names) == 4

    env = {"VIDOBS_LEDGER": disk.ledger}
    dry = CliRunner().invoke(app, ["ledger", "purge", *order, "--dry-run"], env=env)
    assert (dry.exit_code, len(disk.names)) == (0, 4)
    ran = CliRunner().invoke(app, ["ledger", "purge", *order, "--yes"], env=env)
    assert ran.exit_code == 0
    assert sorted(owner[name[:-4]] for name in disk.names) == sorted([*left, *left])
    with closing(open_ledger(str(disk.home / "ledger.db"))) as reader:
        named = {owner[job.job_id] for job in reader.jobs() if job.file.thumbnail is not None}
    assert named == left


def test_what_is_kept_has_no_secret(sandbox, disk, connect):
    """Names and pictures hold neither key nor prompt; no byte of the video is in the ledger."""
    seen = disk.keep("full")
    api = connect(sandbox.base_url, api_key="sk-canarykey0123456789")
    data = read(api, "streamed", made(api, "canaryprompt at dawn"))
    job_id = seen.job.job_id
    assert disk.names == [f"{job_id}.jpg", f"{job_id}.mp4"]
    picture = (disk.path / f"{job_id}.jpg").read_bytes()
    assert b"canary" not in picture
    beside = b"".join(path.read_bytes() for path in disk.path.parent.iterdir() if path.is_file())
    at = data.index(b"mdat") + 100
    assert data[at : at + 24] not in beside
    assert picture[200:224] not in beside


def test_a_picture_is_made_before_the_process_ends(sandbox, disk):
    """A script that downloads and ends leaves it, told of to its exporter too."""
    code = (
        "import openai, vidobs\n"
        f"client = vidobs.wrap(openai.OpenAI(base_url={sandbox.base_url!r}, api_key='any'))\n"
        f"video = client.videos.create_and_poll(prompt='a cat', **{ASKED})\n"
        "client.videos.download_content(video.id).read()\n"
    )
    env = {
        **os.environ,
        "VIDOBS_LEDGER": "sqlite:///ledger.db",
        "VIDOBS_CAPTURE_MEDIA": "thumbnail",
        "VIDOBS_CALLBACKS": "console",
    }
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code]
    ran = subprocess.run(
        command, cwd=disk.home, env=env, capture_output=True, text=True, check=True
    )
    (name,) = disk.names
    with Image.open(disk.path / name) as picture:
        assert picture.width == 320
    told = [line for line in ran.stderr.splitlines() if "video.thumbnail" in line]
    assert len(told) == 1
    assert name in told[0]


def test_a_refused_download_leaves_nothing(sandbox, disk, connect):
    """No file is begun before a byte comes."""
    disk.keep("full")
    api = connect(sandbox.base_url)
    with pytest.raises(openai.NotFoundError):
        read(api, "streamed", "video_nobody")
    assert disk.names is None
