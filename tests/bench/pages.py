"""The pages of the dashboard over real HTTP, up to their first byte."""

from __future__ import annotations

import http.client
import socket
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import uvicorn

from vidobs import config
from vidobs.dashboard.app import create_app
from vidobs.dashboard.desk import Desk
from vidobs.dashboard.index.answers import JobFilter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vidobs.dashboard.index import Index

PLACES = {
    "/": "overview",
    "/?window=90d": "overview, 90 days",
    "/jobs": "jobs",
    "/jobs?state=failed&provider=local": "jobs, filtered",
    "/jobs?q=whale+fox": "jobs, searched",
    "/costs": "costs",
    "/costs?by=user&window=all": "costs by user, all time",
    "/failures": "failures",
    "/failures?window=all": "failures, all time",
    "/exporters": "exporters",
    "/api/jobs": "jobs as JSON",
    "/metrics": "metrics",
}


@contextmanager
def serving(ledger: str, index: Index) -> Iterator[int]:
    """Serve the pages over a ledger, without a door; yields the port."""
    desk = Desk(
        ledger=ledger, index=index, settings=config.only({}).settings, now=lambda: datetime.now(UTC)
    )
    settings = uvicorn.Config(create_app(desk), log_level="error", lifespan="off")
    server = uvicorn.Server(settings)
    listener = socket.create_server(("127.0.0.1", 0))  # takes connections from now on
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def places(index: Index) -> dict[str, str]:
    """Return every address with what it is called, those of one job and one failure included."""
    (place,) = index.jobs(JobFilter(), limit=1).places
    (job,) = index.load([place])
    failure = index.failures().rows[0].fingerprint
    return {
        **PLACES,
        f"/jobs/{job.job_id}": "a job",
        f"/failures/{failure}?window=all": "a failure",
    }


def ask(port: int, address: str) -> None:
    """Ask for a page, and wait for the first byte of its body."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    try:
        connection.request("GET", address)
        answer = connection.getresponse()
        first = answer.read(1)
        if answer.status != http.client.OK or not first:
            raise RuntimeError(f"{address}: {answer.status} {answer.read()[:500]!r}")
    finally:
        connection.close()
