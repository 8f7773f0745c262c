"""The page of one job: everything the ledger knows, and what only a page shows."""

import json
from contextlib import closing
from decimal import Decimal

import msgspec
import pytest
from boards_of_jobs import NOW, JobLedger, asks, desk_over

from vidobs.core.calls import Operation, VideoRequest
from vidobs.core.job_objects import JobDetailObject, job_detail
from vidobs.core.jobs import JobError, JobState, Reason, VideoFile
from vidobs.core.lineage import lineage_of
from vidobs.core.phases import story_of
from vidobs.core.price_rows import PriceRow, PriceUnit
from vidobs.core.reports import DeliveryState
from vidobs.dashboard.page import ElsewhereError, NotThereError
from vidobs.dashboard.pages.job import answer
from vidobs.dashboard.pages.job_parts import Relative
from vidobs.ledger.reader import open_ledger

FILE = VideoFile(
    size_bytes=1000, sha256="ab" * 32, seconds=Decimal("5.04"), size="720x1280", audio=False
)


@pytest.fixture
def ledger(tmp_path):
    """Open an empty ledger for writing."""
    with closing(JobLedger(tmp_path / "ledger.db")) as made:
        yield made


@pytest.fixture
def look(ledger, tmp_path):
    """Ask the page of a job, with settings."""

    def ask(job, **settings):
        with desk_over(ledger.path, tmp_path / "cache", **settings) as desk:
            return answer(desk, asks(getattr(job, "job_id", job)))

    return ask


def test_it_holds_what_the_command_prints(ledger, look):
    """The JSON twin is the object of `vidobs job --json`, and more."""
    job = ledger.downloaded(ledger.done(user="ada", tags={"team": "film"}), FILE)
    with closing(open_ledger(str(ledger.path))) as reader:
        events = reader.events(job.job_id)
        printed = job_detail(job, events, story_of(job, events, NOW), lineage_of(reader, job))
    page = msgspec.to_builtins(look(job))
    assert {name: page[name] for name in JobDetailObject.__struct_fields__} == msgspec.to_builtins(
        printed
    )
    json.dumps(page)


def test_other_ids_lead_to_ours(ledger, look):
    """The provider's id and the beginning of ours have no page of their own."""
    job = ledger.done()
    for given in ("video_1", job.job_id[:20]):
        with pytest.raises(ElsewhereError) as caught:
            look(given)
        assert caught.value.path == f"/jobs/{job.job_id}"


def test_a_job_that_is_not_there(ledger, look):
    """It may have been, and a beginning may fit many."""
    with pytest.raises(NotThereError, match="never seen here, or is deleted"):
        look("video_9")
    ledger.done(100)
    ledger.done(50)
    with pytest.raises(NotThereError, match="fits several jobs"):
        look("job_01")


def test_no_ledger_has_no_job(tmp_path):
    """And none is made by looking."""
    with (
        desk_over(tmp_path / "none.db", tmp_path / "cache") as desk,
        pytest.raises(NotThereError),
    ):
        answer(desk, asks("job_" + "0" * 32))
    assert not (tmp_path / "none.db").exists()


def test_its_drawing(ledger, look):
    """Phases as rows, recorded polls as ticks, the download behind."""
    job = ledger.downloaded(ledger.done(), FILE)
    drawn = look(job).waterfall
    assert [row.name for row in drawn.rows] == ["submit", "queue", "render", "polls", "download"]
    assert [round(row.length_s, 3) if row.length_s else None for row in drawn.rows] == [
        1.0,
        9.0,
        60.0,
        None,
        1.0,
    ]
    polls = drawn.rows[3]
    assert (len(polls.marks), polls.note) == (3, "3")
    assert drawn.now is None


def test_the_way_of_the_money(ledger, look):
    """Quoted, reserved, settled: each figure once, with the price row that it came from."""
    page = look(ledger.downloaded(ledger.done(seconds=8), FILE))
    assert [(step.status, step.usd) for step in page.money] == [
        ("quoted", Decimal("0.8")),
        ("reserved", Decimal("0.8")),
        ("settled", Decimal("0.8")),
        ("settled", Decimal("0.5")),  # the file was shorter
    ]
    (line,), (price,) = page.lines, page.prices
    assert (line.price, line.usd) == (price.row_id, "0.50")
    assert (price.usd, price.yours) == (Decimal("0.10"), False)
    assert price.source.startswith("https://")


def test_a_price_of_the_settings_is_called_yours(ledger, look):
    """A row of the settings stands before the built-in one of the same name."""
    row = PriceRow(
        provider="openai", model="sora-2", unit=PriceUnit.OUTPUT_SECOND, usd=Decimal("0.2")
    )
    (price,) = look(ledger.done(), prices=[row]).prices
    assert (price.usd, price.yours, price.source) == (Decimal("0.2"), True, None)


def test_what_was_delivered_is_compared(ledger, look):
    """A shorter video without the sound that was asked for."""
    asked = VideoRequest(seconds=Decimal(8), size="720x1280", audio=True)
    job = ledger.intend(request=asked)
    ledger.see(job, state=JobState.QUEUED)
    job = ledger.see(job, 9, state=JobState.COMPLETED)
    assert look(job).differs is False
    page = look(ledger.downloaded(job, FILE))
    assert [one.name for one in page.compared if one.differs] == ["length", "sound"]
    assert page.differs is True
    assert "video.mismatch" in [event.name for event in page.events]


def test_events_with_their_lines_and_documents(ledger, look):
    """The log line of each event is the one that was written, and the document is whole."""
    error = JobError("internal_error", "worker down")
    job = ledger.failed(says={"reason": Reason.PROVIDER_ERROR, "error": error})
    page = look(job)
    last = page.records[-1]
    assert (last.name, last.level) == ("video.failed", "WARNING")
    assert last.log["reason"] == "provider_error"
    assert 'error="worker down"' in last.line
    assert f"trace_id={job.trace.trace_id}" in last.line
    document = json.loads(last.json)
    assert (document["id"], document["job"]["state"]) == (last.id, "failed")
    assert page.event_names[last.id] == "video.failed"


def test_text_cannot_turn_the_line_around(ledger, look):
    """Marks that change the direction of writing are shown as what they are."""
    page = look(ledger.done(user="ada\u202egnp.exe\u2066"))
    for record in page.records:
        assert not {"\u202e", "\u2066"} & set(record.line + record.json)
        assert "\\u202e" in record.line
        assert json.loads(record.json)["job"]["attribution"]["user"] == "ada\u202egnp.exe\u2066"


def test_spans_are_a_tree(ledger, look):
    """Every span once, parents first; together they last as long as the trace."""
    page = look(ledger.done())
    assert len(page.span_rows) == len(page.spans) == 4
    assert page.spans_s == pytest.approx(70.0)


def test_what_exporters_did(ledger, look):
    """Of each exporter how many events stand how, and why one was refused."""
    job = ledger.done()
    ledger.sql("INSERT INTO relay (exporter, cursor) VALUES ('webhook', 2), ('late', 0)")
    ledger.sql("INSERT INTO dead_letter VALUES ('webhook', 1, 1795000000000000, 'HTTP 400')")
    late, webhook = look(job).exporters
    assert (late.exporter, late.count("not_for_it")) == ("late", 3)
    assert [webhook.count(state) for state in DeliveryState] == [1, 0, 1, 1, 0]
    (dead,) = webhook.dead
    assert (dead.error, look(job).event_names[dead.event_id]) == ("HTTP 400", "video.submitted")


def test_its_family(ledger, look, tmp_path):
    """Parents up to the first, children below, pictures where they are kept."""
    eldest = ledger.done(500)
    parent = ledger.done(400, operation=Operation.REMIX, parent_id="video_1")
    job = ledger.done(300, operation=Operation.REMIX, parent_id="video_2")
    child = ledger.failed(200, operation=Operation.EDIT, parent_id="video_3")
    folder = tmp_path / "ledger.db.media"
    folder.mkdir()
    (folder / f"{eldest.job_id}.jpg").write_bytes(b"jpeg")
    page = look(job)
    assert page.ancestors == (
        Relative(
            provider_job_id="video_1",
            job_id=eldest.job_id,
            operation="create",
            state=JobState.COMPLETED,
            model="sora-2",
            picture=True,
        ),
        Relative(
            provider_job_id="video_2",
            job_id=parent.job_id,
            operation="remix",
            state=JobState.COMPLETED,
            model="sora-2",
        ),
    )
    assert [one.job_id for one in page.descendants] == [child.job_id]


def test_a_parent_that_is_not_here(ledger, look):
    """Only its id at the provider is known."""
    job = ledger.done(operation=Operation.REMIX, parent_id="video_elsewhere")
    assert look(job).ancestors == (Relative(provider_job_id="video_elsewhere"),)


def test_a_family_that_is_its_own_ancestor_ends(ledger, look):
    """Ids come from outside; a circle of them is no endless family."""
    one = ledger.done(400, operation=Operation.REMIX, parent_id="video_2")
    ledger.done(300, operation=Operation.REMIX, parent_id="video_1")
    assert [each.provider_job_id for each in look(one).ancestors] == ["video_1", "video_2"]


def test_files_that_are_kept(ledger, look, tmp_path):
    """A player needs a file; the store is looked at first."""
    job = ledger.done()
    assert (look(job).video, look(job).picture) == (False, False)
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / f"{job.job_id}.mp4").write_bytes(b"mp4")
    assert look(job, store=f"dir://{tmp_path}/store").video is True


def test_links_are_those_of_the_settings(ledger, look):
    """By name, whatever source they are from."""
    job = ledger.done()
    links = {"jaeger": "https://j.example", "mine": "https://m.example/{video_id}"}
    assert [(link.name, link.href) for link in look(job, links=links).links] == [
        ("Jaeger", f"https://j.example/trace/{job.trace.trace_id}"),
        ("mine", "https://m.example/video_1"),
    ]


def test_a_create_that_nobody_answered(ledger, look):
    """It has no events, no id and no phases but the one that goes on."""
    page = look(ledger.intend(5))
    assert (page.over, page.records, page.exporters, page.span_rows) == (False, (), (), ())
    assert [(phase.name, phase.open) for phase in page.phases] == [("submit", True)]
    assert page.waterfall.now is not None
