"""Makes the screenshots of the dashboard: fills a ledger, serves it, and visits each page.

    PYTHONPATH=tests/kit .venv/bin/python docs/make_screenshots.py [OUT] [PAGE ...] [--all]

Without --all only the pictures of the documentation are made; with it each page in light and dark,
on a desktop and on a phone.
"""

import argparse
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from dashboard_kit import DESKTOP, PHONE, chromium, film, past, served, visit

from vidobs.ledger.reader import open_ledger

LOOKS = {
    "light": {"viewport": DESKTOP},
    "dark": {"viewport": DESKTOP, "dark": True},
    "phone": {"viewport": PHONE},
    "phone-dark": {"viewport": PHONE, "dark": True},
}
PUBLISHED = (
    ("overview", "light"),
    ("overview", "phone-dark"),
    ("jobs", "light"),
    ("job", "dark"),
    ("costs", "light"),
    ("failures", "light"),
    ("exporters", "light"),
)
LONG = frozenset({"jobs"})  # of these the first screen is enough


def main() -> None:
    """Make the pictures that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("out", nargs="?", type=Path, default=Path(__file__).parent / "pictures")
    parser.add_argument("pages", nargs="*")
    parser.add_argument("--all", action="store_true", help="every page in every look")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        ledger = Path(folder) / "ledger.db"
        addresses = filled(ledger)
        wanted = [
            (name, look)
            for name in asked.pages or addresses
            for look in LOOKS
            if asked.all or asked.pages or (name, look) in PUBLISHED
        ]
        with served(ledger) as server, chromium() as browser:
            for name, look in wanted:
                with visit(browser, server, **LOOKS[look]) as page:
                    page.goto(server.root_url + addresses[name], wait_until="networkidle")
                    page.screenshot(
                        path=asked.out / f"{name}-{look}.png",
                        full_page=asked.all or name not in LONG,
                        animations="disabled",
                    )
                    print(asked.out / f"{name}-{look}.png", *page.problems)  # noqa: T201


def filled(ledger: Path) -> dict[str, str]:
    """Fill a ledger with a month of jobs and some real videos; return the pages to visit."""
    with past(ledger) as made:
        made.days(30, a_day=40)
        made.running(ago_s=25, model="sora-2")
        made.running(ago_s=90, progress=35, model="sora-2-pro")
        made.running(ago_s=150, progress=80, provider="runwayml", model="gen4.5")
        made.exporters()
    film(ledger)
    reader = open_ledger(str(ledger))
    jobs = reader.jobs(since=datetime.now(UTC).replace(hour=0, minute=0), limit=100)
    reader.close()
    filmed = next(job for job in jobs if job.file is not None and job.parent_id is None)
    return {
        "overview": "/",
        "jobs": "/jobs",
        "job": f"/jobs/{filmed.job_id}",
        "costs": "/costs",
        "failures": "/failures",
        "exporters": "/exporters",
    }


if __name__ == "__main__":
    main()
