"""Several writes in one transaction: the same as one after the other, or nothing at all."""

import pytest

from vidobs.core.jobs import JobState
from vidobs.ledger import codec
from vidobs.ledger.rows import NotTogetherError


def told(recorded):
    """Return what a write came to, without what is new each time."""
    return recorded and (recorded.job.state, [event.name for event in recorded.events])


def test_several_creates_are_one_transaction(backend, make):
    """Intents, then answers: each job is there, queued, with its event."""
    ledger = backend.ledger()
    jobs = [make.job() for _ in range(5)]

    assert ledger.write_together(jobs) == [None] * 5
    answers = [
        make.seen(job, id=f"video_{number}", state=JobState.QUEUED)
        for number, job in enumerate(jobs)
    ]
    done = ledger.write_together(answers)

    assert [told(one) for one in done] == [(JobState.QUEUED, ["video.submitted"])] * 5
    assert [row.state for row in backend.audit().rows] == ["queued"] * 5
    assert ledger.find("openai", "video_3").job_id == jobs[3].job_id


def test_an_answer_among_them_may_end_its_job(backend, make):
    """What ends in a group is settled once, as alone."""
    ledger = backend.ledger()
    first, second = make.job(), make.job()
    ledger.write_together([first, second])
    ledger.write_together(
        [
            make.seen(first, id="video_1", state=JobState.QUEUED),
            make.seen(second, id="video_2", state=JobState.QUEUED),
        ]
    )

    done = ledger.write_together(
        [
            make.seen(first, id="video_1", state=JobState.COMPLETED),
            make.job(),
            make.seen(second, id="video_2", state=JobState.QUEUED),
        ]
    )

    assert [told(one) for one in done] == [
        (JobState.COMPLETED, ["video.completed"]),
        None,
        (JobState.QUEUED, []),
    ]
    assert done[0].settled
    assert [row.spent for row in backend.audit().rows if row.state == "completed"] != [[]]


@pytest.mark.parametrize("odd", ["unknown", "twice"])
def test_what_does_not_go_together_writes_nothing(backend, make, odd):
    """A job that has to be looked up, or two answers to one job: nothing is written of any."""
    ledger = backend.ledger()
    job, other = make.job(), make.job()
    ledger.write_together([job])
    answers = {
        "unknown": [make.seen(other, id="video_9", state=JobState.QUEUED)],
        "twice": [
            make.seen(job, id="video_1", state=JobState.QUEUED),
            make.seen(job, id="video_1", state=JobState.IN_PROGRESS),
        ],
    }[odd]

    with pytest.raises(NotTogetherError):
        ledger.write_together([make.job(), *answers])

    assert [row.state for row in backend.audit().rows] == ["submitting"]
    assert told(ledger.record(make.seen(job, id="video_1", state=JobState.QUEUED))) is not None


def test_an_id_that_the_provider_gave_before_goes_alone(backend, make):
    """Two creates with one and the same answer are no group: one row is left, as always."""
    ledger = backend.ledger()
    first, second = make.job(), make.job()
    ledger.write_together([first, second])
    answers = [make.seen(job, id="video_1", state=JobState.QUEUED) for job in (first, second)]

    with pytest.raises(NotTogetherError):
        ledger.write_together(answers)
    for answer in answers:
        ledger.record(answer)

    assert [row.provider_job_id for row in backend.audit().rows] == ["video_1"]


@pytest.mark.parametrize("number", [1, 16, 17, 40, 64, 150])
def test_any_number_goes_together(backend, make, number):
    """Each job lists its own event, whatever number of statements the rows were cut into."""
    ledger = backend.ledger()
    jobs = [make.job() for _ in range(number)]

    ledger.write_together(jobs)
    done = ledger.write_together(
        [
            make.seen(job, id=f"video_{place}", state=JobState.QUEUED)
            for place, job in enumerate(jobs)
        ]
    )

    rows = {row.job.job_id: row for row in backend.audit().rows}
    assert len(rows) == number
    for job, recorded in zip(jobs, done, strict=True):
        assert rows[job.job_id].event_ids == [event.id for event in recorded.events]


def test_a_job_that_somebody_deleted_does_not_come_back(backend, make):
    """An answer to a job that is gone meanwhile is written nowhere, in a group or alone."""
    ledger = backend.ledger()
    kept, gone = make.job(), make.job()
    ledger.write_together([kept, gone])
    ledger.connection.execute("DELETE FROM job WHERE seq = ?", (codec.seq_of(gone.job_id),))
    answers = [
        make.seen(job, id=f"video_{place}", state=JobState.QUEUED)
        for place, job in enumerate((kept, gone))
    ]

    with pytest.raises(NotTogetherError):
        ledger.write_together(answers)
    assert ledger.record(answers[1]) is None

    assert [row.state for row in backend.audit().rows] == ["submitting"]
