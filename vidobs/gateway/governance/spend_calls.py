"""The calls about spend and the audit log: `/spend/...` and `/audit/logs`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from vidobs.core.errors import ConfigError, unknown_name
from vidobs.gateway.governance.calls import Call, Desk, answer, must_see_all
from vidobs.gateway.governance.changes import key_named
from vidobs.gateway.governance.durations import ms
from vidobs.gateway.governance.holders import dollars
from vidobs.gateway.governance.records import Kind
from vidobs.gateway.governance.shown import AuditObject, audit_object
from vidobs.gateway.governance.store import AuditWanted
from vidobs.gateway.seams import Role
from vidobs.ledger import codec

if TYPE_CHECKING:
    from vidobs.gateway.wire.answers import Answer

GROUPINGS = ("key", "user", "team", "model", "day")
_END = datetime(9999, 1, 1, tzinfo=UTC)


class LogObject(msgspec.Struct, frozen=True, kw_only=True):
    """One job."""

    request_id: str  # the id of the job in the ledger
    call_type: str
    api_key: str  # the id of the key; it is the same after a rotation
    user: str | None
    team_id: str | None
    model: str
    custom_llm_provider: str
    upstream_model: str | None
    status: str
    cost_status: str
    spend: Decimal | None  # null: not settled yet, or nobody knows
    quoted_usd: Decimal | None
    possible_usd: Decimal | None  # may have been billed; counts against budgets
    startTime: datetime  # noqa: N815 - LiteLLM's name
    endTime: datetime | None  # noqa: N815 - LiteLLM's name
    seconds: float | None  # of output, as asked for


class Logs(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of `/spend/logs`."""

    data: tuple[LogObject, ...]
    total: int
    page: int
    page_size: int
    total_pages: int


class ReportRow(msgspec.Struct, frozen=True, kw_only=True):
    """What one key, user, team, model or day came to."""

    name: str | None
    alias: str | None
    jobs: int
    spend: Decimal  # settled
    possible_usd: Decimal
    running: int
    unknown: int  # ended at a price that nobody knows
    seconds: float  # of finished video


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of `/spend/report`."""

    group_by: str
    start_date: datetime | None
    end_date: datetime | None
    spend: Decimal
    rows: tuple[ReportRow, ...]


class AuditLogs(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of `/audit/logs`."""

    audit_logs: tuple[AuditObject, ...]
    total: int
    page: int
    page_size: int
    total_pages: int


def logs(desk: Desk, call: Call) -> Answer:
    """List jobs with what they cost, the newest first; a key sees its own."""
    page, size = call.page("page_size")
    start_ms, end_ms = _period(call)
    owner = _owner(desk, call)
    of_key = "" if owner is None else "_of_key"
    filters = (
        start_ms,
        end_ms,
        owner,
        call.query.get("user_id"),
        call.query.get("team_id"),
        call.query.get("model"),
        call.query.get("status"),
        call.query.get("request_id"),
    )
    total = int(desk.rows.ask(f"count_logs{of_key}", *filters)[0][0])
    rows = desk.rows.ask(f"logs{of_key}", *filters, size, (page - 1) * size)
    return answer(
        Logs(
            data=tuple(map(_log, rows)),
            total=total,
            page=page,
            page_size=size,
            total_pages=-(-total // size),
        )
    )


def report(desk: Desk, call: Call) -> Answer:
    """Sum up by key, user, team, model or day."""
    must_see_all(call.principal)
    by = call.query.get("group_by", "day")
    if by not in GROUPINGS:
        raise ConfigError(unknown_name("group_by", by[:40], GROUPINGS))
    start_ms, end_ms = _period(call)
    rows = tuple(_row(desk, by, row) for row in desk.rows.ask(f"report_{by}", start_ms, end_ms))
    return answer(
        Report(
            group_by=by,
            start_date=call.time("start_date"),
            end_date=call.time("end_date"),
            spend=sum((row.spend for row in rows), Decimal(0)),
            rows=rows,
        )
    )


def audit(desk: Desk, call: Call) -> Answer:
    """List what was changed, the newest first."""
    must_see_all(call.principal)
    page, size = call.page("page_size")
    kind = call.query.get("table_name")
    if kind is not None and kind not in set(Kind):
        raise ConfigError(unknown_name("table_name", kind[:40], Kind))
    wanted = AuditWanted(
        kind=None if kind is None else Kind(kind),
        object_id=call.query.get("object_id"),
        since=call.time("start_date"),
        limit=size,
        offset=(page - 1) * size,
    )
    total = desk.store.count_audit(wanted)
    return answer(
        AuditLogs(
            audit_logs=tuple(audit_object(entry) for entry in desk.store.audit(wanted)),
            total=total,
            page=page,
            page_size=size,
            total_pages=-(-total // size),
        )
    )


def _owner(desk: Desk, call: Call) -> str | None:
    """Return whose jobs to list; a key's own, whatever it asks for."""
    if call.principal.role is Role.KEY:
        return call.principal.owner
    must_see_all(call.principal)
    name = call.query.get("api_key")
    if name is None or name in ("master", "anyone"):
        return name
    return key_named(desk.store, name).id


def _period(call: Call) -> tuple[int, int]:
    """Return from when and until before when; a day that is named as the end is in it."""
    start, end = call.time("start_date"), call.time("end_date")
    if end is not None and len(call.query["end_date"]) == len("2026-01-31"):
        end += timedelta(days=1)
    return 0 if start is None else ms(start), ms(end or _END)


def _log(row: tuple[Any, ...]) -> LogObject:
    (job_id, at_ms, owner, user_id, team_id, model, provider, upstream, operation, state,
     cost_status, quoted, usd, possible, finished_us, seconds) = row  # fmt: skip
    return LogObject(
        request_id=job_id,
        call_type=operation,
        api_key=owner,
        user=user_id,
        team_id=team_id,
        model=model,
        custom_llm_provider=provider,
        upstream_model=upstream,
        status=state,
        cost_status=cost_status,
        spend=_usd(usd),
        quoted_usd=_usd(quoted),
        possible_usd=_usd(possible),
        startTime=codec.moment(at_ms * 1000),
        endTime=None if finished_us is None else codec.moment(finished_us),
        seconds=seconds,
    )


def _row(desk: Desk, by: str, row: tuple[Any, ...]) -> ReportRow:
    name, jobs, usd, possible, running, unknown, seconds = row
    account = desk.directory.account((Kind(by), name)) if by in set(Kind) and name else None
    return ReportRow(
        name=name,
        alias=None if account is None else account.alias,
        jobs=jobs,
        spend=dollars(usd or 0),
        possible_usd=dollars(possible or 0),
        running=running,
        unknown=unknown,
        seconds=seconds or 0.0,
    )


def _usd(nanos: int | None) -> Decimal | None:
    return None if nanos is None else dollars(nanos)
