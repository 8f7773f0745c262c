"""The ledger's side of a reconciliation: which jobs are open, and who looks after which.

Nothing here waits for a call of the user's, so a busy ledger is waited for. Every method raises
`LedgerError` when it cannot be used.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from vidobs.core.calls import Operation, VideoCall
from vidobs.core.jobs import JobError, JobSnapshot, JobState, Reason
from vidobs.ledger import claims, codec, open_jobs, processes
from vidobs.ledger.claims import Claim
from vidobs.ledger.patience import patiently

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import apsw

    from vidobs.core.jobs import Job
    from vidobs.core.protocols import Recorded
    from vidobs.ledger.cache import Entry
    from vidobs.ledger.open_jobs import Place
    from vidobs.runtime import Runtime

T = TypeVar("T")

KIND = "reconcile"  # of the claims
LEASE = timedelta(seconds=120)
MOST_ALONE_S = 3600.0  # for which a server is left alone, whatever it says


class Books:
    """The open jobs of a ledger, for one process that looks after them."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._owner = processes.owner_name(runtime.bits(32))

    @property
    def now(self) -> datetime:
        """The time by the clock of the ledger."""
        return codec.moment(self._runtime.clock.time_ns() // 1000)

    # -- questions ---------------------------------------------------------------------------------

    def recover(self) -> None:
        """Let the creates of processes that died count as unknown."""
        patiently(self._runtime.store.recover)

    def unfinished(self, since: datetime) -> list[Entry]:
        """Return the jobs created since a time that have not ended."""
        return self._ask(partial(open_jobs.unfinished, since=since))

    def entry(self, job_id: str) -> Entry | None:
        """Return a job as it is now."""
        return self._ask(partial(open_jobs.by_id, job_id=job_id))

    def places(self, since: datetime) -> list[Place]:
        """Return the servers that jobs were made at since a time."""
        return self._ask(partial(open_jobs.places, since=since))

    def known(self, video_ids: Iterable[str]) -> list[Job]:
        """Return the jobs with some ids of a server."""
        return self._ask(partial(open_jobs.known_ids, ids=video_ids))

    def asked_twice(self, since: datetime) -> list[Job]:
        """Return the jobs whose request was accepted more than once."""
        return self._ask(partial(open_jobs.asked_twice, since=since))

    def same_prompt(self, prompt_hash: str, moment: datetime, within: timedelta) -> list[Job]:
        """Return the jobs from a prompt about a time."""
        return self._ask(
            partial(open_jobs.same_prompt, prompt_hash=prompt_hash, moment=moment, within=within)
        )

    def prompt_hash(self, prompt: str | None) -> str | None:
        """Return the keyed hash of a prompt that a server shows."""
        return None if prompt is None else self._runtime.fingerprint().prompt_hash(prompt)

    # -- leases ------------------------------------------------------------------------------------

    def due_us(self, name: str) -> int:
        """Return from when on somebody may be asked again; microseconds since 1970."""
        return self._ask(partial(claims.read, name=_claim(name))).retry_us

    def take(self, names: Sequence[str]) -> dict[str, Claim]:
        """Claim what no other process has; return what was got."""
        now_us = codec.us(self.now)
        taking = partial(
            claims.take,
            names=[_claim(name) for name in names],
            owner=self._owner,
            now_us=now_us,
            until_us=now_us + LEASE // codec.MICROSECOND,
        )
        got = self._work(taking)
        return {name: got[_claim(name)] for name in names if _claim(name) in got}

    def remember(self, name: str, claim: Claim) -> None:
        """Give a lease back, with what was learnt."""
        self._work(partial(claims.keep, name=_claim(name), claim=claim))

    def forget(self, names: Sequence[str]) -> None:
        """Give leases back of what is done."""
        self._work(partial(claims.drop, names=[_claim(name) for name in names]))

    def leave_alone(self, server: str, seconds: float) -> None:
        """Remember, for every process, that a server wants to be left alone for a while."""
        until_us = codec.us(self.now) + int(min(seconds, MOST_ALONE_S) * 1e6)
        self.remember(f"server:{server}", Claim(retry_us=until_us))

    def left_alone_until(self, server: str) -> datetime | None:
        """Return until when a server is to be left alone; `None`: it may be asked."""
        until = codec.moment(self.due_us(f"server:{server}"))
        return until if until > self.now else None

    def tidy(self) -> None:
        """Forget old claims that nobody came back to."""
        self._work(partial(claims.tidy, kind=KIND, now_us=codec.us(self.now)))

    # -- writes that no answer of a provider is behind ---------------------------------------------

    def claim(self, entry: Entry, video_id: str) -> Job | None:
        """Give a video of a server to a create of unknown outcome; `None`: it is not free now."""
        return self._write(entry, JobSnapshot(provider_job_id=video_id))

    def lose(self, entry: Entry, why: str) -> Job | None:
        """Give a job up; `None` when it has changed since it was looked at."""
        lost = JobSnapshot(state=JobState.FAILED, reason=Reason.LOST, error=JobError("lost", why))
        return self._write(entry, lost)

    def _write(self, entry: Entry, snapshot: JobSnapshot) -> Job | None:
        observer, job = self._runtime.observer, entry.job
        call = VideoCall(
            operation=Operation.RETRIEVE,
            provider=job.provider,
            dialect=job.dialect,
            model=job.model,
            video_id=job.provider_job_id or snapshot.provider_job_id,
            server_address=job.server_address,
            server_port=job.server_port,
        )
        now_ns = self._runtime.clock.time_ns()
        recorded: Recorded | None = observer.record(
            call, snapshot, now_ns=now_ns, job=job, version=entry.version
        )
        observer.tell(call, now_ns, now_ns, recorded=recorded)
        return None if recorded is None else recorded.job

    # -- inside ------------------------------------------------------------------------------------

    def _ask(self, question: Callable[[apsw.Connection], T]) -> T:
        return patiently(lambda: self._runtime.store.outbox().sweeper().ask(question))

    def _work(self, piece: Callable[[apsw.Connection], T]) -> T:
        return patiently(lambda: self._runtime.store.outbox().sweeper().work(piece))


def _claim(name: str) -> str:
    return f"{KIND}:{name}"
