"""One drain of an exporter: everything goes out now, as far as it can be had."""

from __future__ import annotations

from datetime import datetime, timedelta

STALLED = timedelta(seconds=30)  # a holder that delivers nothing for so long is not waited for


class Drain:
    """What a drain has found out about one exporter.

    Neither a rest nor a switch is heeded until a try has failed. Once it failed although nobody
    would have tried, or so often that the breaker opened, the exporter is done for.
    """

    def __init__(self) -> None:
        self.heeds = False  # rests and switches
        self.done = False  # there is nothing more to wait for
        self._behind: int | None = None
        self._since: datetime | None = None

    def failed(self, *, hopeless: bool) -> None:
        """Note a failure."""
        self.heeds = True
        self.done = self.done or hopeless

    def watch(self, behind: int, now: datetime) -> None:
        """Look at how far somebody else has come, who holds the exporter."""
        if behind != self._behind or self._since is None:
            self._behind, self._since = behind, now
        elif now - self._since > STALLED:
            self.done = True
