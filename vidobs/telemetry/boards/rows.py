"""The panels of every dashboard, in their rows: what they ask and what they mean."""

from __future__ import annotations

from vidobs.core import names
from vidobs.core.calls import Operation
from vidobs.core.events import TERMINAL_EVENTS, EventName
from vidobs.core.jobs import Reason
from vidobs.telemetry import attributes, deliveries, kept
from vidobs.telemetry import measurements as table
from vidobs.telemetry.boards.panels import (
    Last,
    Row,
    Unit,
    bars,
    lines,
    now,
    number,
    quantiles,
    rate,
    rise,
    top,
)
from vidobs.telemetry.boards.queries import (
    MODEL,
    PROVIDER,
    Match,
    Over,
    Part,
    Quantile,
    Quotient,
    Times,
    Value,
)

HOUR_S = 3600
MINUTE_S = 60


def event(*wanted: EventName) -> Match:
    """Return a match of events."""
    return Match(names.EVENT_NAME, tuple(one.value for one in wanted))


ENDED = event(*sorted(TERMINAL_EVENTS))
COMPLETED = event(EventName.COMPLETED)
FAILED = event(EventName.FAILED)
NOTICED = event(
    *(EventName.STUCK, EventName.EXPIRING, EventName.UNKNOWN, EventName.MISMATCH),
    EventName.BUDGET_EXCEEDED,
)
MODERATED = Match(names.JOB_REASON, tuple(one.value for one in Reason if one.moderation))
POLL = Match(names.OPERATION, (Operation.RETRIEVE.value,))
DOWNLOAD = Match(names.OPERATION_NAME, (attributes.DOWNLOAD,))


SPEND = Row(
    "Spend",
    (
        number(
            "Spend",
            Unit.USD,
            rise(table.COST),
            "Settled cost of the jobs that ended in the time shown.",
        ),
        number(
            "Spend of a day",
            Unit.USD,
            rise(table.COST),
            "Settled cost of the jobs that ended in the last 24 hours.",
            last=Last.DAY,
        ),
        number(
            "Spend of a month",
            Unit.USD,
            rise(table.COST),
            "Settled cost of 30 days (Prometheus) or of this calendar month so far (Datadog).",
            last=Last.MONTH,
        ),
        number(
            "Cost per second of video",
            Unit.USD,
            Quotient(rise(table.COST), rise(table.OUTPUT_SECONDS)),
            "Everything that was settled, failed jobs too, for each second that was delivered.",
        ),
        number(
            "Billed against quoted",
            Unit.SHARE,
            Quotient(rise(table.COST), rise(table.COST_QUOTED)),
            "Settled cost as a share of what was quoted before. Far from 100 %: check the prices.",
        ),
        number(
            "Possible spend",
            Unit.USD,
            rise(table.COST_POSSIBLE),
            "Of jobs that ended without a video where nobody says if they are billed. In no total.",
        ),
        number(
            "Jobs without a known cost",
            Unit.COUNT,
            rise(table.COST_UNKNOWN),
            "They ended, and no price is known for their model: `vidobs prices` tells which.",
        ),
        lines(
            "Spend per hour, by model",
            Unit.USD,
            Times(rate(table.COST, MODEL), HOUR_S),
            "Settled cost, as it would be if it went on like this for an hour.",
        ),
        lines(
            "Spend per hour, by provider",
            Unit.USD,
            Times(rate(table.COST, PROVIDER), HOUR_S),
            "Settled cost, as it would be if it went on like this for an hour.",
        ),
    ),
)

JOBS = Row(
    "Jobs",
    (
        number(
            "Success",
            Unit.SHARE,
            Quotient(rise(table.JOBS, where=(COMPLETED,)), rise(table.JOBS, where=(ENDED,))),
            "Jobs that ended with a video, of all that ended.",
        ),
        number(
            "Moderated",
            Unit.SHARE,
            Quotient(rise(table.JOBS, where=(FAILED, MODERATED)), rise(table.JOBS, where=(ENDED,))),
            "Jobs whose prompt or result was refused by a filter, of all that ended.",
        ),
        number(
            "Under way",
            Unit.COUNT,
            now(table.JOBS_ACTIVE),
            "Jobs that these processes saw accepted, less those they saw end.",
        ),
        number(
            "Video made",
            Unit.SECONDS,
            rise(table.OUTPUT_SECONDS),
            "Length of the videos that were completed in the time shown.",
        ),
        bars(
            "Jobs per minute, by event",
            Unit.COUNT,
            Times(
                rate(
                    table.JOBS,
                    names.EVENT_NAME,
                    where=(event(EventName.SUBMITTED, *sorted(TERMINAL_EVENTS)),),
                ),
                MINUTE_S,
            ),
            "What began, and how it ended.",
        ),
        lines(
            "Under way, by model",
            Unit.COUNT,
            now(table.JOBS_ACTIVE, MODEL),
            "Jobs that these processes saw accepted, less those they saw end.",
        ),
        lines(
            "Need care now",
            Unit.COUNT,
            now(kept.ALERTS, names.EVENT_NAME),
            "Jobs that hang, are soon gone, or of unknown outcome; told by `vidobs ui`.",
        ),
        lines(
            "In the ledger, by state",
            Unit.COUNT,
            now(kept.JOBS_KEPT, names.JOB_STATE),
            "Jobs that the ledger keeps; told by `vidobs ui`.",
        ),
        lines(
            "Oldest under way",
            Unit.SECONDS,
            now(kept.OLDEST),
            "Age of the job that has been under way for longest; told by `vidobs ui`.",
        ),
        top(
            "Failures, by reason",
            Unit.COUNT,
            rise(table.JOBS, names.JOB_REASON, MODEL, where=(FAILED,)),
            "`vidobs jobs --state failed` lists them, `vidobs job ID` tells the story of one.",
        ),
        bars(
            "Jobs per minute that need a look",
            Unit.COUNT,
            Times(rate(table.JOBS, names.EVENT_NAME, where=(NOTICED,)), MINUTE_S),
            "Stuck, soon gone and not downloaded, of unknown outcome, not as ordered, over budget.",
        ),
    ),
)

TIME = Row(
    "Time",
    (
        lines("Queue", Unit.SECONDS, quantiles(table.JOB_QUEUE), "From acceptance to rendering."),
        lines("Render", Unit.SECONDS, quantiles(table.JOB_RENDER), "From rendering to the end."),
        lines(
            "Whole job, p95 by model",
            Unit.SECONDS,
            Quantile(instrument=table.JOB_DURATION, quantile=0.95, by=(MODEL,)),
            "From acceptance to the end, however it ended.",
        ),
        lines(
            "Download",
            Unit.SECONDS,
            quantiles(table.CALL_DURATION, where=(DOWNLOAD,)),
            "From the request to the last byte that was read.",
        ),
        lines(
            "Bytes downloaded per second",
            Unit.BYTES,
            Value(instrument=table.DOWNLOAD_SIZE, over=Over.SECOND, by=(PROVIDER,), part=Part.SUM),
            "Of complete assets.",
        ),
    ),
)

CALLS = Row(
    "Calls and errors",
    (
        lines(
            "Calls per second, by operation",
            Unit.COUNT,
            rate(table.CALL_DURATION, names.OPERATION_NAME),
            "Creates, polls and downloads, those that failed too.",
        ),
        lines(
            "Call, p95 by operation",
            Unit.SECONDS,
            Quantile(instrument=table.CALL_DURATION, quantile=0.95, by=(names.OPERATION_NAME,)),
            "How long the API takes to answer.",
        ),
        top(
            "Failed calls, by error",
            Unit.COUNT,
            rise(table.CALL_ERRORS, names.ERROR_TYPE, names.OPERATION),
            "The provider's code where there is one, else the class of the exception.",
        ),
        lines(
            "Polls per job",
            Unit.COUNT,
            Quotient(rate(table.POLLS, MODEL), rate(table.JOBS, MODEL, where=(ENDED,))),
            "Many polls of short jobs: poll less often, or take webhooks.",
        ),
        bars(
            "Failed polls per minute, by error",
            Unit.COUNT,
            Times(rate(table.CALL_ERRORS, names.ERROR_TYPE, where=(POLL,)), MINUTE_S),
            "A rate limit here (429) means that the polls come too fast.",
        ),
        bars(
            "Faults of vidobs itself, per minute",
            Unit.COUNT,
            Times(rate(table.GUARD_TRIPS, names.GUARD_WHERE), MINUTE_S),
            "Kept from the caller and counted. Anything here is worth a report.",
        ),
        bars(
            "Writes given up, per minute",
            Unit.COUNT,
            Times(rate(table.LOST, names.LOST_REASON), MINUTE_S),
            "What the ledger could not take before its process ended.",
        ),
        bars(
            "Media given up, per minute",
            Unit.COUNT,
            Times(rate(table.MEDIA_LOST, names.LOST_REASON), MINUTE_S),
            "Videos or pictures that could not be kept.",
        ),
    ),
)

DELIVERY = Row(
    "Delivery",
    (
        lines(
            "Events waiting",
            Unit.COUNT,
            now(deliveries.QUEUE, names.EXPORTER_ID),
            "In the outbox, for each exporter.",
        ),
        lines(
            "Age of the oldest",
            Unit.SECONDS,
            now(deliveries.LAG, names.EXPORTER_ID),
            "How long the first of these has waited. Beyond the limits of the outbox it goes.",
        ),
        lines(
            "Breaker",
            Unit.LEVEL,
            now(deliveries.BREAKER, names.EXPORTER_ID),
            "0 closed, 1 half open, 2 open (it is down), 3 disabled.",
        ),
        lines(
            "Events delivered per second",
            Unit.COUNT,
            rate(deliveries.DELIVERED, names.EXPORTER_ID),
            "What the receivers took.",
        ),
        top(
            "Dropped",
            Unit.COUNT,
            rise(deliveries.DROPPED, names.EXPORTER_ID, names.EXPORTER_REASON),
            "Events that an exporter never gets: too many, or too old.",
        ),
        top(
            "Dead letters",
            Unit.COUNT,
            rise(deliveries.DEAD, names.EXPORTER_ID),
            "Refused for good. `vidobs dead` shows them, `vidobs replay` sends them again.",
        ),
        lines(
            "Dead letters kept",
            Unit.COUNT,
            now(kept.LETTERS, names.EXPORTER_ID),
            "Those that nobody looked after yet; told by `vidobs ui`.",
        ),
        bars(
            "Batches not taken, per minute",
            Unit.COUNT,
            Times(rate(deliveries.RETRIED, names.EXPORTER_ID, names.EXPORTER_REASON), MINUTE_S),
            "Each is tried again, more and more slowly.",
        ),
        lines(
            "Export, p95",
            Unit.SECONDS,
            Quantile(instrument=deliveries.DURATION, quantile=0.95, by=(names.EXPORTER_ID,)),
            "How long a receiver takes for a batch.",
        ),
    ),
)

ROWS = (SPEND, JOBS, TIME, CALLS, DELIVERY)
