"""The pages there are, in the order of the menu. Fixed addresses stand before those with a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vidobs.dashboard.pages import costs, exporters, failure, failures, job, jobs, overview

if TYPE_CHECKING:
    from vidobs.dashboard.page import Page

PAGES: tuple[Page[Any], ...] = (
    overview.PAGE,
    jobs.PAGE,
    job.PAGE,
    costs.PAGE,
    failures.PAGE,
    failure.PAGE,
    exporters.PAGE,
)
