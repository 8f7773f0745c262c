"""`vidobs ledger purge`: what may go - old jobs, content, a person."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from msgspec.structs import replace

from vidobs.cli._read import doors, ledger_path
from vidobs.cli.options import Json, print_json, read_since
from vidobs.core.errors import ConfigError
from vidobs.media.folder import MediaFolder

if TYPE_CHECKING:
    from collections.abc import Iterator

    import apsw

    from vidobs.gateway.erasing import Eraser, Traces
    from vidobs.ledger.sweeper import Swept
    from vidobs.ledger.sweeps import Sweep

_User = Annotated[
    str | None,
    typer.Option(help="Erase this user: name, tags and content, also from the spend."),
]
_GatewayFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="The gateway's file of keys; else beside the ledger."),
]
_Undelivered = Annotated[
    bool,
    typer.Option("--even-undelivered", help="Also jobs with events that an exporter lacks."),
]
_Vacuum = Annotated[
    bool,
    typer.Option("--vacuum", help="Write the file anew: smaller, without a trace of the old."),
]
_EVER = 2**63 - 1
_WAIT_MS = 5000


class PurgeObject(msgspec.Struct, frozen=True, kw_only=True):
    """What `vidobs ledger purge --json` prints."""

    dry_run: bool
    jobs: int
    events: int
    files: int  # pictures and videos of these jobs, from the folder beside the ledger
    spend_of_purged_jobs: int  # entries from which the user's name was taken
    gateway_entries: int  # of the gateway's files beside the ledger
    gateway_keys: int  # of the user; they open the gateway no more
    kept: int  # jobs that ended before the time and stay: for exporters, or with the newest event
    missed: int  # changed by other processes again and again
    log_cut: bool | None  # whether older pages are out of the write-ahead log


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What is to go."""

    before: datetime | None
    content: bool
    user: str | None
    undelivered: bool
    vacuum: bool
    keys_file: str | None
    now: datetime

    @property
    def words(self) -> str:
        """What will be done, in words, behind a number of jobs."""
        when = "" if self.before is None else f" from before {self.before:%Y-%m-%d %H:%M} UTC"
        if self.user is not None:
            return f"{when}: user, tags, prompts, error texts and media go, the rest stays"
        if self.content:
            return f"{when}: prompts, their hashes, error texts and media go, the rest stays"
        return f"{when} go, with their events and media; what they cost stays in the spend"


def purge(
    ctx: typer.Context,
    *,
    older_than: Annotated[
        str | None,
        typer.Option(metavar="AGE", help="Only jobs created longer ago: 90d, 12w, 2026-01-01."),
    ] = None,
    content: Annotated[
        bool, typer.Option("--content", help="Only prompts, their hashes, error texts and media.")
    ] = False,
    user: _User = None,
    gateway_file: _GatewayFile = None,
    even_undelivered: _Undelivered = False,
    vacuum: _Vacuum = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Delete old jobs, or only content, or a person.

    What deleted jobs cost stays, so that reports of spend stay true, but by tag, where it has none.
    Jobs that have not ended stay, and so does the job with the newest event. Without --vacuum the
    file keeps its size and fills again; with it nobody can write while it is written anew.

    What the gateway keeps beside the ledger goes too, whether it runs or not: a user's name and
    account, and the user's keys, which are closed unless --older-than is given.
    """
    now = doors(ctx).now()
    order = Order(
        before=read_since(older_than, now, option="--older-than"),
        content=content,
        user=user,
        undelivered=even_undelivered,
        vacuum=vacuum,
        keys_file=None if gateway_file is None else str(gateway_file.expanduser()),
        now=now,
    )
    _check(order)
    path = ledger_path()
    plan = _plan(path, order)
    if dry_run or not (plan.jobs or plan.spend_of_purged_jobs or plan.gateway_entries or vacuum):
        _say(plan, order, as_json=as_json)
        return
    if not yes:
        closed = f"; {_keys(plan.gateway_keys)} closed" if plan.gateway_keys else ""
        typer.confirm(f"{_jobs(plan.jobs)}{order.words}{closed}. Go on?", abort=True, err=True)
    _say(_do(path, order), order, as_json=as_json)


def _check(order: Order) -> None:
    if order.before is None and order.user is None and not order.content:
        raise ConfigError("say what is to go: --older-than 90d, --content or --user NAME")
    if order.user is not None and order.content:
        raise ConfigError("--user takes the content as well; leave --content out")
    if order.keys_file is not None and not Path(order.keys_file).exists():
        raise ConfigError(f"--gateway-file: there is no {order.keys_file}")
    if order.undelivered and (order.user is not None or order.content):
        raise ConfigError("--even-undelivered is for deleting jobs; leave it out")


def _sweeps(order: Order) -> tuple[Sweep, Sweep | None]:
    """Return the sweep over jobs, and the one over spend that is left of deleted jobs."""
    from vidobs.ledger import codec, sweeps

    end = _EVER if order.before is None else codec.seq_at(order.before)
    if order.user is not None:
        return sweeps.Person(order.user, end), sweeps.Spender(order.user, end)
    if order.content:
        return sweeps.Content(end), None
    return sweeps.OldJobs(end, undelivered=order.undelivered), None


def _plan(path: str, order: Order) -> PurgeObject:
    """Count what would go, over a connection that cannot write."""
    from vidobs.ledger.database import open_reader, translated
    from vidobs.ledger.sweeper import Swept, count

    jobs, spend = _sweeps(order)
    with translated(path), closing(open_reader(path)) as connection:
        entries = count(connection, spend) if spend is not None else Swept()
        found = count(connection, jobs)
        kept = max(0, _ended(connection, order) - found.jobs)
    left = max(0, entries.jobs - found.jobs)  # those of jobs that are there go with them
    media = MediaFolder.beside(path)
    files = sum(len(media.kept(job_id)) for job_id in found.job_ids)
    beside = _eraser(path, order).find(found.job_ids)
    return _object(found, beside, spend=left, files=files, kept=kept)


def _do(path: str, order: Order) -> PurgeObject:
    from vidobs.ledger.database import open_writer
    from vidobs.ledger.sweeper import Sweeper, Swept

    jobs, spend = _sweeps(order)
    eraser = _eraser(path, order)
    closed = eraser.erase((), order.now)  # before: nothing new comes with keys that are closed
    with closing(open_writer(path)) as connection:
        connection.set_busy_timeout(_WAIT_MS)
        sweeper = Sweeper(path, connection)
        done = sweeper.run(jobs)
        files = MediaFolder.beside(path).remove(done.job_ids)
        entries = sweeper.run(spend) if spend is not None else Swept()
        kept = _ended(connection, order)
        if order.vacuum:
            sweeper.rewrite()
        cut = sweeper.cut_log()
    rest = eraser.erase(done.job_ids, order.now)  # after: a running gateway took over no more
    both = replace(
        rest,
        keys=closed.keys + rest.keys,
        entries=closed.entries + rest.entries,
        log_cut=closed.log_cut and rest.log_cut,
    )
    cut = cut and both.log_cut
    return _object(done, both, spend=entries.jobs, files=files, kept=kept, log_cut=cut)


def _eraser(path: str, order: Order) -> Eraser:
    """Return what works on the gateway's files."""
    from vidobs.gateway.erasing import ContentEraser, NoEraser, PersonEraser, files_beside
    from vidobs.gateway.governance.erasing import Person

    files = files_beside(path, order.keys_file)
    if order.user is not None:
        return PersonEraser(files, Person(user=order.user, before=order.before))
    return ContentEraser(files, order.before) if order.content else NoEraser()


def _ended(connection: apsw.Connection, order: Order) -> int:
    """Count the jobs that are old enough to be deleted; none where none are to be."""
    from vidobs.ledger import codec
    from vidobs.ledger.statements import queries

    if order.user is not None or order.content or order.before is None:
        return 0
    bindings = (codec.seq_at(order.before),)
    ((ended,),) = connection.execute(queries()["count_ended"], bindings).fetchall()
    return int(str(ended))


def _jobs(count: int) -> str:
    return f"{count} job{'' if count == 1 else 's'}"


def _keys(count: int) -> str:
    return f"{count} key{' of the gateway is' if count == 1 else 's of the gateway are'}"


def _object(
    swept: Swept, beside: Traces, *, spend: int, files: int, kept: int, log_cut: bool | None = None
) -> PurgeObject:
    return PurgeObject(
        dry_run=log_cut is None,
        jobs=swept.jobs,
        events=swept.events,
        files=files,
        spend_of_purged_jobs=spend,
        gateway_entries=beside.entries,
        gateway_keys=beside.keys,
        kept=kept,
        missed=swept.missed,
        log_cut=log_cut,
    )


def _say(done: PurgeObject, order: Order, *, as_json: bool) -> None:
    if as_json:
        print_json(done)
        return
    for line in (*_went(done, order), *_left(done, order)):
        typer.echo(line)


def _went(done: PurgeObject, order: Order) -> Iterator[str]:
    would = "would be" if done.dry_run else "were"
    what = "changed" if order.content or order.user is not None else "deleted"
    ownerless = done.spend_of_purged_jobs
    if done.jobs:
        yield f"{_jobs(done.jobs)} with {done.events} events {would} {what}"
    if done.files:
        yield f"{done.files} pictures and videos of theirs {would} deleted"
    if ownerless:
        yield f"{_jobs(ownerless)} deleted before {would} made nobody's in the spend"
    if done.gateway_entries:
        yield f"{done.gateway_entries} entries of the gateway's files {would} changed"
    if done.gateway_keys:
        yield f"{done.gateway_keys} of the gateway's keys {would} closed"
    if not done.jobs + ownerless + done.gateway_entries:
        yield "nothing to do"


def _left(done: PurgeObject, order: Order) -> Iterator[str]:
    """Say what is still there."""
    if done.kept:
        yield (
            f"{_jobs(done.kept)} of that age stay: with the newest event, or with events that an "
            "exporter has not had (see vidobs ledger info, and --even-undelivered)"
        )
    if done.missed:
        yield f"others changed {_jobs(done.missed)} again and again; run this once more"
    if done.log_cut is False:
        yield "a reader holds the write-ahead log: deleted text leaves it when that one ends"
    if order.user is not None and not done.dry_run:
        if not order.vacuum:
            yield "free parts of the file may hold traces until they fill; --vacuum clears them"
        yield "what exporters have delivered is with their receivers; erase it there too"
