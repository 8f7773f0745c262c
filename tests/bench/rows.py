"""A row of the report, and the targets it is held against."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a figure stands to its target."""

    MET = "met"
    MISSED = "missed"
    NONE = ""  # nothing was promised
    ABSENT = "not measured"


@dataclass(frozen=True)
class Row:
    """One figure. `ratio` is to vidobs' figure of the same thing."""

    what: str
    who: str
    unit: str
    median: float | None = None
    low: float | None = None
    high: float | None = None
    ratio: float | None = None
    target: float | None = None
    at_least: bool = False  # the target is a lower bound
    note: str = ""

    @property
    def verdict(self) -> Verdict:
        """Hold the median against the target."""
        if self.median is None:
            return Verdict.ABSENT
        if self.target is None:
            return Verdict.NONE
        met = self.median >= self.target if self.at_least else self.median <= self.target
        return Verdict.MET if met else Verdict.MISSED


VIDOBS = "vidobs"
CALL_TARGETS = {  # CPU microseconds added to the bare client, sync
    ("create", VIDOBS): 60.0,
    ("create", "vidobs + provider"): 150.0,
    ("create", "vidobs + provider + HTTP spans"): 260.0,
    ("poll", VIDOBS): 15.0,
    ("poll", "vidobs + provider"): 15.0,
    ("poll", "vidobs + provider + HTTP spans"): 15.0,
    ("job", VIDOBS): 660.0,
}
OF_RAW_HTTPX = 1.3  # times that, at most, for a call of our client
OF_LITELLM = 1 / 3  # of LiteLLM's, at most
INSTRUCTIONS_TARGET = 300_000.0
IMPORT_CPU_MS = 40.0
IMPORT_RSS_MB = 8.0
EVENTS_PER_S = 20_000.0
DOWNLOAD_SHARE = 0.8  # of the bare client's throughput
DOWNLOAD_GROWTH_MB = 20.0
DASHBOARD_MS = {  # with 1,000,000 jobs in the ledger
    "answer of the dashboard's index": 50.0,
    "first byte of a page": 200.0,
}
