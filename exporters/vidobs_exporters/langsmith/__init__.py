"""Jobs as runs in LangSmith, their calls as child runs, their cost in its totals.

`fields` says what a run holds, `tree` makes the runs of an event, `plan` what is to be done for a
batch, `wire` the bytes, and `exporter` sends.
"""

from __future__ import annotations

from vidobs_exporters.langsmith.exporter import LangSmithExporter

__all__ = ["LangSmithExporter"]
