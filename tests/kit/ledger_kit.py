"""What the tests of the ledger share: jobs, answers, and an audit of a file by plain SQL."""

from collections import Counter
from contextlib import closing
from datetime import timedelta
from decimal import Decimal
from random import Random

import apsw
import msgspec

from vidobs.core import billing, ids
from vidobs.core.calls import Attribution, VideoRequest
from vidobs.core.events import EventName, SpanKind, SpanRecord
from vidobs.core.jobs import Job, JobSnapshot, JobState, TraceRef
from vidobs.core.machine import Rules
from vidobs.core.policies import POLICIES
from vidobs.core.prices import PriceBook, read_price_table
from vidobs.core.protocols import Observed
from vidobs.data import price_table
from vidobs.ledger import codec

RULES = Rules(PriceBook(read_price_table(price_table()).rows), POLICIES)
START_NS = 1_795_000_000_000_000_000
SECOND = 1_000_000_000
ORDER = (
    EventName.UNKNOWN,
    EventName.SUBMITTED,
    EventName.STARTED,
    EventName.COMPLETED,
    EventName.DOWNLOADED,
)
ENDS = (EventName.FAILED, EventName.CANCELLED, EventName.EXPIRED)


class Maker:
    """Makes jobs and answers from a seed, on a clock that moves a second with each."""

    def __init__(self, seed: int = 0, now_ns: int = START_NS) -> None:
        self.bits = Random(seed).getrandbits
        self.now_ns = now_ns

    def tick(self, seconds: float = 1.0) -> int:
        """Move the clock and return it."""
        self.now_ns += int(seconds * SECOND)
        return self.now_ns

    def job(self, *, seconds: int = 8, user=None, tags=None, **changes: object) -> Job:
        """Return the intent of a create, with its quote."""
        now_ns = self.tick()
        job = Job(
            job_id=ids.job_id(now_ns, self.bits(ids.SEED_BITS)),
            provider="openai",
            dialect="openai",
            created_at=codec.moment(now_ns // 1000),
            trace=TraceRef(ids.trace_id(self.bits(128)), ids.span_id(self.bits(64))),
            model="sora-2",
            request=VideoRequest(seconds=Decimal(seconds), size="720x1280"),
            attribution=Attribution(user, tags or {}),
        )
        job = msgspec.structs.replace(job, **changes)
        quote = billing.quote(
            job.provider, job.model, job.request, RULES.book, operation=job.operation
        )
        return msgspec.structs.replace(job, cost=quote)

    def seen(
        self,
        job: Job | None = None,
        *,
        provider: str = "openai",
        adopt: Job | None = None,
        download: bool = False,
        failure: str | None = None,
        spans: bool = False,
        **says: object,
    ) -> Observed:
        """Return an answer to a call that knows `job`, or only the provider's id.

        `says` are the fields of the snapshot, `id` for the provider's id.
        """
        now_ns = self.tick()
        if "id" in says:
            says["provider_job_id"] = says.pop("id")
        return Observed(
            provider=job.provider if job is not None else provider,
            job_id=job.job_id if job is not None else None,
            snapshot=JobSnapshot(**says),
            now_ns=now_ns,
            seed=self.bits(ids.SEED_BITS),
            span=self.span("fetch_response", now_ns) if spans else None,
            job_span=self.span("video_job", now_ns, SpanKind.INTERNAL) if spans else None,
            adopt=adopt,
            download=download,
            failure=failure,
        )

    def span(self, name: str, end_ns: int, kind: SpanKind = SpanKind.CLIENT) -> SpanRecord:
        """Return a span of one second."""
        return SpanRecord(
            name=name,
            kind=kind,
            trace_id=ids.trace_id(self.bits(128)),
            span_id=ids.span_id(self.bits(64)),
            start_ns=end_ns - SECOND,
            end_ns=end_ns,
        )

    def poll(self, video_id: str, state: JobState, **says: object) -> Observed:
        """Return a poll of a process that may not know the job, and would adopt it."""
        prompt_hash = says.pop("prompt_hash", None)
        adopt = self.job(
            provider_job_id=video_id,
            adopted=True,
            prompt_hash=prompt_hash,
            created_at=codec.moment(self.now_ns // 1000),
        )
        return self.seen(id=video_id, state=state, adopt=adopt, **says)


class Row(msgspec.Struct):
    """A job as the file has it."""

    seq: int
    state: str
    provider_job_id: str | None
    job: Job
    events: list[EventName]
    event_ids: list[str]
    spent: list[tuple[int, int | None]]  # entry, billionths of a dollar


class Audit:
    """Reads a whole file without the ledger's own code, and checks what must always hold."""

    def __init__(self, path) -> None:
        with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
            self._read(connection)

    @classmethod
    def of(cls, connection: apsw.Connection) -> "Audit":
        """Read through a connection, such as that of a ledger in memory."""
        audit = cls.__new__(cls)
        audit._read(connection)
        return audit

    def _read(self, connection: apsw.Connection) -> None:
        assert connection.execute("PRAGMA integrity_check").get == "ok"
        self.events = connection.execute(
            "SELECT seq, id, name, job FROM event ORDER BY seq"
        ).fetchall()
        by_seq = {seq: (EventName(name), event_id) for seq, event_id, name, _ in self.events}
        self.rows: list[Row] = []
        listed: Counter[int] = Counter()
        for seq, state, video_id, doc, places in connection.execute(
            "SELECT seq, state, provider_job_id, doc, events FROM job ORDER BY seq"
        ).fetchall():
            mine = sorted(int(place) for place in places.split(",") if place)
            listed.update(mine)
            spent = connection.execute(
                "SELECT entry, usd_nano FROM spend WHERE job_seq = ? ORDER BY entry", (seq,)
            ).fetchall()
            self.rows.append(
                Row(
                    seq=seq,
                    state=state,
                    provider_job_id=video_id,
                    job=codec.load_job(doc),
                    events=[by_seq[place][0] for place in mine],
                    event_ids=[by_seq[place][1] for place in mine],
                    spent=spent,
                )
            )
        self.spend_rows = connection.execute("SELECT count(*) FROM spend").get
        assert listed == Counter(by_seq.keys()), "every event belongs to exactly one job"

    def check(self) -> "Audit":
        """Assert the invariants; return the audit."""
        ids_seen = [row.provider_job_id for row in self.rows if row.provider_job_id]
        assert len(ids_seen) == len(set(ids_seen)), "two rows of one job"
        assert len({event[1] for event in self.events}) == len(self.events), "an id twice"
        for row in self.rows:
            self._check_row(row)
        assert self.spend_rows == sum(len(row.spent) for row in self.rows), "spend without a job"
        return self

    def _check_row(self, row: Row) -> None:
        job = row.job
        assert (row.state, row.provider_job_id) == (job.state, job.provider_job_id)
        ended = [name for name in row.events if name.terminal]
        assert len(ended) == (1 if job.state.terminal else 0), (row.events, job.state)
        assert [entry for entry, _ in row.spent] == list(range(len(row.spent)))
        assert bool(row.spent) == job.state.terminal, "settled exactly when it ended"
        if row.spent:
            known = [usd for _, usd in row.spent if usd is not None]
            assert (sum(known) if known else None) == codec.nano(job.cost.usd)
        ranks = [rank for name in row.events if (rank := _rank(name)) is not None]
        assert ranks == sorted(ranks), row.events

    @property
    def terminal_events(self) -> int:
        """How many events say that a job ended."""
        return sum(EventName(name).terminal for _, _, name, _ in self.events)

    @property
    def settlements(self) -> int:
        """How many entries 0 there are."""
        return sum(entry == 0 for row in self.rows for entry, _ in row.spent)

    @property
    def total_nano(self) -> int:
        """What everything cost."""
        return sum(usd or 0 for row in self.rows for _, usd in row.spent)

    def row(self, video_id: str) -> Row:
        """Return the one row with the provider's id."""
        (found,) = [row for row in self.rows if row.provider_job_id == video_id]
        return found


def _rank(name: EventName) -> int | None:
    """Where an event stands in a job's life. Some providers show progress of what is queued."""
    if name is EventName.PROGRESS:
        name = EventName.STARTED
    if name in ENDS:
        name = EventName.COMPLETED
    return ORDER.index(name) if name in ORDER else None


def later(job: Job, seconds: float):
    """Return a time after a job's creation."""
    return job.created_at + timedelta(seconds=seconds)
