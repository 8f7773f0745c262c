"""A dashboard over a ledger in which every text is markup, and a session in it."""

import time
from contextlib import closing, contextmanager

import apsw
import httpx
from boards_of_failures import HOSTILE, hostile
from dashboard_kit import served

from vidobs.ledger import codec


class Site:
    """A server, and a browser that is in. `pages` leads to every page there is."""

    def __init__(self, server, client, job_id) -> None:
        self.server = server
        self.root = server.root_url
        self.client = client
        assert client.get(server.url).status_code == 303
        (cookie,) = client.cookies.items()
        self.cookie = "=".join(cookie)
        (group,) = client.get("/api/failures").json()["errors"]
        self.pages = (
            *("/", "/jobs", f"/jobs/{job_id}", "/costs", "/failures", "/exporters"),
            f"/failures/{group['fingerprint']}",
        )

    @classmethod
    @contextmanager
    def open(cls, folder, *, now, **options):
        """Fill a ledger and serve it."""
        ledger = folder / "ledger.db"
        job_id = hostile(ledger, now=now)
        _bury(ledger, now)
        with (
            served(ledger, **options) as server,
            httpx.Client(base_url=server.root_url, timeout=30) as client,
        ):
            yield cls(server, client, job_id)

    def wait_for(self, condition, *, timeout_s=10.0):
        """Wait until something is so."""
        end = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < end, "it never came to be"


def _bury(ledger, now):
    """Give an exporter whose name and errors are markup a dead letter."""
    name, now_us = "<blink>webhook</blink>", codec.us(now)
    with closing(apsw.Connection(str(ledger))) as connection:
        connection.execute(
            "INSERT INTO relay (exporter, cursor, failures, error, failed_us) "
            "VALUES (?, 0, 1, ?, ?)",
            (name, f"<script>alert('sink')</script>{HOSTILE}", now_us),
        )
        connection.execute(
            "INSERT INTO dead_letter VALUES (?, 1, ?, ?)",
            (name, now_us, f"<script>alert('letter')</script>{HOSTILE}"),
        )
