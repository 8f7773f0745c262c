"""A ledger whose exporters stand as a test wants it, for the pages that show them."""

from contextlib import closing
from datetime import UTC, datetime

import apsw
from ledger_kit import RULES, Maker

from vidobs.core.jobs import JobState
from vidobs.ledger import codec
from vidobs.ledger.sqlite import SqliteLedger

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE_US = 60_000_000


class ExporterLedger:
    """Three jobs of two events each for `webhook` and `jsonl`; their standings are set by SQL."""

    def __init__(self, path, *, now=NOW, route="webhook,jsonl", jobs=3) -> None:
        self.path = str(path)
        self.now_us = codec.us(now)
        make = Maker(now_ns=(self.now_us - 10 * MINUTE_US) * 1000)
        with closing(SqliteLedger(self.path, RULES, route=route)) as ledger:
            for number in range(jobs):
                ledger.record(make.poll(f"v{number}", JobState.COMPLETED))

    def sql(self, statement, *bindings):
        """Do something by plain SQL."""
        with closing(apsw.Connection(self.path)) as connection:
            connection.set_busy_timeout(5000)
            return connection.execute(statement, bindings).fetchall()

    def stand(self, exporter, cursor=6, **columns):
        """Give an exporter a row."""
        names = ", ".join(["exporter", "cursor", *columns])
        marks = ", ".join("?" * (2 + len(columns)))
        self.sql(
            f"INSERT INTO relay ({names}) VALUES ({marks})",  # noqa: S608 - names of columns
            *(exporter, cursor, *columns.values()),
        )

    def down(self, exporter, **columns):
        """Give an exporter a row of one that failed often, and is left alone for a minute."""
        self.stand(
            exporter,
            **{
                "cursor": 2,
                "delivered": 2,
                "retried": 7,
                "failures": 6,
                "retry_at_us": self.now_us + MINUTE_US,
                "failed_us": self.now_us - MINUTE_US,
                "delivered_us": self.now_us - 2 * MINUTE_US,
                "error": "HTTP 503",
                **columns,
            },
        )

    def bury(self, exporter, *places, error="HTTP 400"):
        """Give an exporter dead letters, one a minute."""
        for minute, place in enumerate(places):
            at_us = self.now_us - (60 - minute) * MINUTE_US
            self.sql("INSERT INTO dead_letter VALUES (?, ?, ?, ?)", exporter, place, at_us, error)

    @property
    def letters(self):
        """The dead letters: exporter, place."""
        return self.sql("SELECT exporter, seq FROM dead_letter ORDER BY 1, 2")

    @property
    def asked(self):
        """What was asked for once more: exporter, place."""
        return self.sql("SELECT exporter, seq FROM replay ORDER BY 1, 2")

    def id_of(self, place):
        """Return the id of an event."""
        return self.sql("SELECT id FROM event WHERE seq = ?", place)[0][0]
