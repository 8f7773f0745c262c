"""Between the ledger's rows and the records of the core."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from vidobs.core.events import EventName, SpanRecord, VideoEvent
from vidobs.core.jobs import Job
from vidobs.core.protocols import OutboxRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
NANOS_PER_USD = 1_000_000_000
SEQ_RANDOM_BITS = 21
MOST_SEQ = 2**63 - 1
PLACES = 16  # tried from the one that an id names

_ROOM = " " * 256

_encoder = msgspec.json.Encoder()
_job_decoder = msgspec.json.Decoder(Job)
_spans_decoder = msgspec.json.Decoder(tuple[SpanRecord, ...])


def seq_of(job_id: str) -> int:
    """Return a job's place on disk: the 42 low bits of its milliseconds, then 21 random bits."""
    digits = int(job_id[4:], 16)
    return ((digits >> 80 & 0x3FF_FFFF_FFFF) << SEQ_RANDOM_BITS) | (digits & 0x1F_FFFF)


def seq_at(moment: datetime) -> int:
    """Return the first place that a job created at `moment` can have; SQLite's ends bound it."""
    return min(max(0, (us(moment) // 1000) << SEQ_RANDOM_BITS), MOST_SEQ)


def created_at(seq: int) -> datetime:
    """Return when the job of a place was created, to the millisecond."""
    return moment((seq >> SEQ_RANDOM_BITS) * 1000)


def us(moment: datetime) -> int:
    """Return microseconds since 1970."""
    return (moment - EPOCH) // MICROSECOND


def moment(microseconds: int) -> datetime:
    """Return the aware UTC time of microseconds since 1970."""
    return EPOCH + microseconds * MICROSECOND


def dump_job(job: Job) -> str:
    """Return a job as JSON text."""
    return _encoder.encode(job).decode()


def dump_intent(job: Job) -> str:
    """Return a job as JSON text, with room for what its answer adds: it stays on its page then."""
    return _encoder.encode(job).decode() + _ROOM


def load_job(doc: str | bytes) -> Job:
    """Return the job of a stored document."""
    return _job_decoder.decode(doc)


def dump_spans(spans: Sequence[SpanRecord]) -> str | None:
    """Return spans as JSON text, `None` for none."""
    return _encoder.encode(spans).decode() if spans else None


def load_spans(text: str | None) -> tuple[SpanRecord, ...]:
    """Return the spans of a stored text."""
    return _spans_decoder.decode(text) if text else ()


def load_event(row: tuple[Any, ...]) -> OutboxRow:
    """Return the event of a row of the outbox."""
    seq, route, event_id, name, at_us, job, spans, detail = row
    event = VideoEvent(
        id=event_id,
        name=EventName(name),
        at=moment(at_us),
        job=load_job(job),
        spans=load_spans(spans),
        detail=detail,
    )
    return OutboxRow(seq, route, event)


def places(seqs: Iterable[int]) -> str:
    """Return places as a list for a statement."""
    return f"[{','.join(map(str, seqs))}]"


def nano(usd: Decimal | None) -> int | None:
    """Return an amount in whole billionths of a dollar."""
    return None if usd is None else int(usd * NANOS_PER_USD)


def dollars(nanos: int | None) -> Decimal:
    """Return an amount from billionths; nothing summed is zero."""
    return Decimal(nanos or 0) / NANOS_PER_USD


def decimal(number: float) -> Decimal:
    """Return a stored number of seconds without the noise of binary fractions."""
    return Decimal(f"{number:.6f}").normalize() + 0
