"""Takes a person, or content, out of the files that the gateway keeps beside a ledger.

Each works on the files as they lie there, whether a gateway uses them or not, and makes none.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from vidobs.gateway.alerting import memory as alerts
from vidobs.gateway.alerting.engine import Condition
from vidobs.gateway.governance import database as keys
from vidobs.gateway.governance.erasing import AccountsEraser, Known, Person
from vidobs.gateway.hooks import store as hooks
from vidobs.gateway.idempotency import store as answers
from vidobs.gateway.sqlite_file import cut_log, queries, transaction
from vidobs.ledger import codec

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

    import apsw

    from vidobs.gateway.sqlite_file import FileKind

_EVER_US = 2**62
_condition = msgspec.msgpack.Decoder(Condition).decode


class Files(msgspec.Struct, frozen=True, kw_only=True):
    """Where they lie."""

    keys: str
    endpoints: str
    alerts: str
    answers: str


class Traces(msgspec.Struct, frozen=True, kw_only=True):
    """What there is of somebody, or of content."""

    keys: int = 0  # that open the gateway, and are closed for ever
    entries: int = 0  # of all files
    log_cut: bool = True  # whether older pages are out of the write-ahead logs


def files_beside(ledger_path: str, keys_file: str | None = None) -> Files:
    """Return the files of a ledger; that of the keys may lie elsewhere."""
    folder = Path(ledger_path)
    return Files(
        keys=keys_file or keys.beside(ledger_path),
        endpoints=str(folder.with_name(hooks.FILE_NAME)),
        alerts=str(folder.with_name(alerts.FILE_NAME)),
        answers=f"{ledger_path}.answers",
    )


class Eraser(Protocol):
    """Works on one kind of thing. `job_ids` are the jobs that the ledger has of it.

    Both raise `VidobsError` where a file cannot be used.
    """

    def find(self, job_ids: Collection[str]) -> Traces:
        """Look what there is; changes nothing."""
        ...

    def erase(self, job_ids: Collection[str], now: datetime) -> Traces:
        """Do it; return what was there."""
        ...


class NoEraser:
    """Leaves everything where it is."""

    def find(self, job_ids: Collection[str]) -> Traces:  # noqa: ARG002 - see `Eraser`
        """Find nothing."""
        return Traces()

    def erase(self, job_ids: Collection[str], now: datetime) -> Traces:  # noqa: ARG002 - the same
        """Do nothing."""
        return Traces()


class PersonEraser:
    """Works on everything that names one person."""

    def __init__(self, files: Files, person: Person) -> None:
        self._files = files
        self._user = person.user
        self._eraser = AccountsEraser(files.keys, person) if Path(files.keys).exists() else None

    def find(self, job_ids: Collection[str]) -> Traces:
        """Look what there is; changes nothing."""
        return self._found(self._known(), job_ids)

    def erase(self, job_ids: Collection[str], now: datetime) -> Traces:
        """Do it; return what was there."""
        known = self._known()
        found = self._found(known, job_ids)
        mine = self._answered(job_ids)
        cuts = [self._eraser is None or self._eraser.erase(now)]
        if mine:
            with _opened(answers.KIND, self._files.answers) as connection:
                _do(connection, answers.KIND, "blank_jobs", _listed(mine))
                cuts.append(cut_log(connection))
        cuts.append(self._drop_of_keys(known))
        return msgspec.structs.replace(found, log_cut=all(cuts))

    def _known(self) -> Known:
        return Known() if self._eraser is None else self._eraser.find()

    def _found(self, known: Known, job_ids: Collection[str]) -> Traces:
        entries = known.entries + len(self._answered(job_ids)) + len(self._alerts(known))
        if Path(self._files.endpoints).exists():
            with _opened(hooks.KIND, self._files.endpoints) as connection:
                owners = _listed(key.id for key in known.keys)
                entries += _do(connection, hooks.KIND, "count_of_owners", owners)[0][0]
        return Traces(keys=sum(not key.deleted for key in known.keys), entries=entries)

    def _answered(self, job_ids: Collection[str]) -> set[str]:
        """Return the person's jobs whose answers are kept."""
        if not Path(self._files.answers).exists():
            return set()
        with _opened(answers.KIND, self._files.answers) as connection:
            kept = {one for (one,) in _do(connection, answers.KIND, "jobs")}
        theirs = kept.intersection(job_ids)
        return theirs if self._eraser is None else theirs | self._eraser.jobs_among(kept)

    def _alerts(self, known: Known) -> list[tuple[str, str]]:
        """Return the names of alerts about budgets of the person, and of the person's keys."""
        if not Path(self._files.alerts).exists():
            return []
        about = (f":user:{self._user}", *(f":key:{key.id}" for key in known.keys))
        with _opened(alerts.KIND, self._files.alerts) as connection:
            found = [_condition(doc) for (doc,) in _do(connection, alerts.KIND, "load")]
        # A key of theirs is what happened, whose budget, and when its window began.
        return [one.name for one in found if one.key.rpartition(":")[0].endswith(about)]

    def _drop_of_keys(self, known: Known) -> bool:
        cuts = []
        if known.keys and Path(self._files.endpoints).exists():
            with _opened(hooks.KIND, self._files.endpoints) as connection:
                _do(connection, hooks.KIND, "drop_of_owners", _listed(key.id for key in known.keys))
                cuts.append(cut_log(connection))
        names = self._alerts(known)
        if names:
            with _opened(alerts.KIND, self._files.alerts) as connection:
                with transaction(connection):
                    for name in names:
                        _do(connection, alerts.KIND, "forget", *name)
                cuts.append(cut_log(connection))
        return all(cuts)


class ContentEraser:
    """Works on first answers: no prompt is in them, but a hash of what was asked for."""

    def __init__(self, files: Files, before: datetime | None) -> None:
        self._path = files.answers
        self._before_us = _EVER_US if before is None else codec.us(before)

    def find(self, job_ids: Collection[str]) -> Traces:
        """Look what there is, of any job; changes nothing."""
        del job_ids
        if not Path(self._path).exists():
            return Traces()
        with _opened(answers.KIND, self._path) as connection:
            found = _do(connection, answers.KIND, "count_before", self._before_us)
        return Traces(entries=found[0][0])

    def erase(self, job_ids: Collection[str], now: datetime) -> Traces:
        """Do it; return what was there."""
        del now
        found = self.find(job_ids)
        if not found.entries:
            return found
        with _opened(answers.KIND, self._path) as connection:
            _do(connection, answers.KIND, "blank_before", self._before_us)
            return msgspec.structs.replace(found, log_cut=cut_log(connection))


@contextmanager
def _opened(kind: FileKind, path: str) -> Iterator[apsw.Connection]:
    with kind.translated(path), closing(kind.open(path)) as connection:
        connection.set_busy_timeout(keys.KIND.wait_ms)  # a person waits here, and no call does
        yield connection


def _do(connection: apsw.Connection, kind: FileKind, query: str, *given: str | int) -> list[Any]:
    return connection.execute(queries(kind.home)[query], given).fetchall()


def _listed(values: Collection[str] | Iterator[str]) -> str:
    return msgspec.json.encode(list(values)).decode()
