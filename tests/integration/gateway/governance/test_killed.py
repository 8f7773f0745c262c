import random
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from decimal import Decimal

import httpx
import pytest
import yaml
from gateway_kit import MASTER, entry, process, settings_of

from vidobs.config import load
from vidobs.core.jobs import JobState
from vidobs.runtime import open_reader

pytestmark = pytest.mark.slow
ADMIN = {"Authorization": f"Bearer {MASTER}"}
BUDGET = Decimal(30)  # for 75 videos of 4 seconds


def jobs_of(folder):
    """Return the jobs in the folder's ledger."""
    reader = open_reader(load({"ledger": f"sqlite:///{folder / 'ledger.db'}"}, {}).settings)
    try:
        return reader.jobs(limit=10_000)
    finally:
        reader.close()


def hammer(url, key, stop):
    """Ask for videos until there is no budget, or no gateway."""
    with httpx.Client(base_url=url, headers={"api-key": key}, timeout=10) as http:
        body = {"model": "sora", "prompt": "p", "seconds": "4"}
        while not stop.is_set():
            with suppress(httpx.HTTPError):
                if http.post("/v1/videos", json=body).status_code == 400:
                    return


def owed(jobs):
    """Sum up by hand what the jobs of a ledger count against a budget."""
    total = Decimal(0)
    for job in jobs:
        figures = (job.cost.usd, job.cost.possible_usd, job.cost.quoted_usd)
        if job.state.terminal:
            total += (job.cost.usd or 0) + (job.cost.possible_usd or 0)
        else:
            total += next(figure for figure in figures if figure is not None)
    return total


def test_no_budget_leaks_when_the_gateway_is_killed_under_load(sandbox, tmp_path):
    """Killed five times among creates: the budget is used up to what fits, and never passed."""
    content = settings_of(entry("sora", "openai/sora-2", sandbox.base_url))
    content["ledger"] = f"sqlite:///{tmp_path / 'ledger.db'}"
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(content), "utf-8")
    pause = random.Random(7).uniform
    key = None
    for _ in range(5):
        with process(tmp_path, "--config", "config.yaml") as (running, url):
            if key is None:
                asked = {"max_budget": float(BUDGET)}
                key = httpx.post(f"{url}/key/generate", json=asked, headers=ADMIN).json()["key"]
            stop = threading.Event()
            with ThreadPoolExecutor(8) as pool:
                for _ in range(8):
                    pool.submit(hammer, url, key, stop)
                threading.Event().wait(pause(0.02, 0.15))
                running.send_signal(signal.SIGKILL)
                running.wait()
                stop.set()
        assert owed(jobs_of(tmp_path)) <= BUDGET
    with process(tmp_path, "--config", "config.yaml") as (_, url):
        hammer(url, key, threading.Event())
        deadline = time.monotonic() + 60
        while any(
            job.state in (JobState.QUEUED, JobState.IN_PROGRESS) for job in jobs_of(tmp_path)
        ):
            assert time.monotonic() < deadline
        expected = owed(jobs_of(tmp_path))
        while True:
            params = {"key": key}
            info = httpx.get(f"{url}/key/info", params=params, headers=ADMIN).json()["info"]
            if Decimal(str(info["spend"])) + Decimal(str(info["reserved"])) == expected:
                break
            assert time.monotonic() < deadline, (info, expected)
        assert BUDGET - Decimal("0.4") < expected <= BUDGET
