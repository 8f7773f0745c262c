"""When somebody should be told, and what to do then."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from vidobs.core import names
from vidobs.core.events import EventName
from vidobs.telemetry import deliveries
from vidobs.telemetry import measurements as table
from vidobs.telemetry.boards.queries import (
    MODEL,
    PROVIDER,
    Expression,
    Match,
    Over,
    Quantile,
    Quotient,
    Times,
    Value,
)
from vidobs.telemetry.boards.rows import ENDED, FAILED, HOUR_S, event

if TYPE_CHECKING:
    from vidobs.telemetry.measurements import Instrument

FAILED_SHARE = 0.2
FEWEST_ENDED = 5  # jobs, before a share of them says anything
SLOW_S = 1800
OLD_S = 600
OPEN = 2  # of the breaker
USD_PER_HOUR = 100


class Severity(StrEnum):
    """How soon somebody should look."""

    WARNING = "warning"  # today
    CRITICAL = "critical"  # now: money or videos are being lost


class Condition(msgspec.Struct, frozen=True):
    """That a value is above a limit."""

    ask: Expression
    above: float


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One alert. Every condition has to hold, for `hold` long; `window` is what they look back."""

    name: str
    severity: Severity
    window: str
    hold: str
    conditions: tuple[Condition, ...]
    summary: str
    description: str


WHO = (PROVIDER, MODEL)


def _events(*where: Match) -> Value:
    return Value(instrument=table.JOBS, over=Over.PERIOD, by=WHO, where=where)


def _exporters(instrument: Instrument, over: Over) -> Value:
    return Value(instrument=instrument, over=over, by=(names.EXPORTER_ID,))


_OF_JOBS = (
    Alert(
        name="VidobsJobStuck",
        severity=Severity.WARNING,
        window="15m",
        hold="0m",
        conditions=(Condition(_events(event(EventName.STUCK)), 0),),
        summary="A video job of {model} hangs",
        description=(
            "A job at {provider} did not change for longer than it should take. `vidobs jobs` "
            "lists those under way, `vidobs job ID` shows where it hangs, `vidobs reconcile` "
            "asks the provider again. The setting `stuck_after_s` says how long is too long."
        ),
    ),
    Alert(
        name="VidobsJobsFail",
        severity=Severity.CRITICAL,
        window="15m",
        hold="5m",
        conditions=(
            Condition(Quotient(_events(FAILED), _events(ENDED)), FAILED_SHARE),
            Condition(_events(ENDED), FEWEST_ENDED),
        ),
        summary="{percent} of the jobs of {model} fail",
        description=(
            "At {provider}, over a quarter of an hour. `vidobs jobs --state failed` lists them "
            "with their reason: moderation is about prompts, quota and auth about the account, "
            "provider_error about the provider."
        ),
    ),
    Alert(
        name="VidobsJobsSlow",
        severity=Severity.WARNING,
        window="30m",
        hold="10m",
        conditions=(
            Condition(Quantile(instrument=table.JOB_DURATION, quantile=0.95, by=WHO), SLOW_S),
        ),
        summary="Jobs of {model} take longer than half an hour",
        description=(
            "One in twenty at {provider}. The dashboard tells queue from render: a long queue "
            "is load at the provider, a long render is what was asked for."
        ),
    ),
    Alert(
        name="VidobsAssetsExpiring",
        severity=Severity.CRITICAL,
        window="30m",
        hold="0m",
        conditions=(Condition(_events(event(EventName.EXPIRING)), 0),),
        summary="A video of {model} is paid for and soon gone",
        description=(
            "It was completed at {provider}, nobody downloaded it, and the provider is about "
            "to delete it. Download it now; the setting `store` downloads finished videos by "
            "itself."
        ),
    ),
)

_OF_DELIVERY = (
    Alert(
        name="VidobsExporterDrops",
        severity=Severity.CRITICAL,
        window="15m",
        hold="0m",
        conditions=(Condition(_exporters(deliveries.DROPPED, Over.PERIOD), 0),),
        summary="{exporter} loses events",
        description=(
            "They waited for too long, or too many did, and were dropped for good. Bring the "
            "receiver back, or raise `outbox_max_bytes` and `outbox_max_days`."
        ),
    ),
    Alert(
        name="VidobsExporterDeadLetters",
        severity=Severity.WARNING,
        window="15m",
        hold="0m",
        conditions=(Condition(_exporters(deliveries.DEAD, Over.PERIOD), 0),),
        summary="{exporter} refuses events",
        description=(
            "`vidobs dead` shows them and why; `vidobs replay` sends them again once that is "
            "mended."
        ),
    ),
    Alert(
        name="VidobsOutboxAge",
        severity=Severity.WARNING,
        window="5m",
        hold="5m",
        conditions=(Condition(_exporters(deliveries.LAG, Over.NOW), OLD_S),),
        summary="Events for {exporter} wait for {duration}",
        description=(
            "`vidobs exporters` says what it answers and when it is tried again. Nothing is "
            "lost yet. If nobody delivers any more, run `vidobs relay`."
        ),
    ),
    Alert(
        name="VidobsExporterDown",
        severity=Severity.WARNING,
        window="5m",
        hold="5m",
        conditions=(Condition(_exporters(deliveries.BREAKER, Over.NOW), OPEN - 1),),
        summary="{exporter} is down",
        description=(
            "It failed too often in a row, or is disabled; `vidobs exporters` says why. Events "
            "wait in the outbox until it is back."
        ),
    ),
)


def alerts(*, usd_per_hour: float = USD_PER_HOUR) -> tuple[Alert, ...]:
    """Return the alerts; the limit of spend is the one that nobody can know for others."""
    return (*_OF_JOBS, *_of_money(usd_per_hour), *_OF_DELIVERY)


def _of_money(usd_per_hour: float) -> tuple[Alert, ...]:
    rate = Value(instrument=table.COST, over=Over.SECOND)
    unknown = Value(instrument=table.COST_UNKNOWN, over=Over.PERIOD, by=WHO)
    return (
        Alert(
            name="VidobsSpendRate",
            severity=Severity.CRITICAL,
            window="30m",
            hold="5m",
            conditions=(Condition(Times(rate, HOUR_S), usd_per_hour),),
            summary="Video jobs cost {usd} an hour",
            description=(
                "`vidobs spend --by model`, `--by user` and `--by tag` show where it goes; the "
                "setting `max_spend_usd` refuses creates beyond a limit. Export these rules with "
                "`--usd-per-hour` to set another limit."
            ),
        ),
        Alert(
            name="VidobsCostUnknown",
            severity=Severity.WARNING,
            window="1h",
            hold="0m",
            conditions=(Condition(unknown, 0),),
            summary="Jobs of {model} have no known price",
            description=(
                "What they cost at {provider} is in no total. Give the price in the setting "
                "`prices`; `vidobs prices` shows those that are known."
            ),
        ),
    )
