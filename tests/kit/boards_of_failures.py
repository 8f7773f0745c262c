"""A ledger with failures of several kinds, and one with text in it that wants to be markup."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from dashboard_kit import Past

from vidobs.core.calls import Attribution
from vidobs.core.jobs import JobError, JobState, Reason, Usage

NOW = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
HOSTILE = "</script><img src=x onerror=alert(1)>'\"{{7*7}}\u202e" + "w" * 150


def fail(past, *, ago, reason, code="broken", message="It broke", **job):
    """Write one job that was accepted, and failed a while ago; return its id."""
    made = past.intend(past.now - ago, **job)
    past.see(made, 1, state=JobState.QUEUED)
    past.see(made, 2, state=JobState.FAILED, reason=reason, error=JobError(code, message))
    return made.job_id


def failing(path, *, now=NOW):
    """Write four jobs that fail in three ways, one that a filter stops, and one that completes."""
    with closing(Past(path, now=now)) as past:
        for hours in (50, 26, 2):
            fail(
                past,
                ago=timedelta(hours=hours),
                reason=Reason.PROVIDER_ERROR,
                message=f"Worker {hours} ran out of memory",
            )
        fail(past, ago=timedelta(days=40), reason=Reason.TIMEOUT, provider="azure")
        fail(past, ago=timedelta(hours=3), reason=Reason.MODERATION_INPUT, code="moderated")
        done = past.intend(past.now - timedelta(hours=4))
        past.see(done, 5, state=JobState.COMPLETED)
    return str(path)


def hostile(path, *, now=NOW):
    """Write jobs whose prompt, tags, user, model, provider, code and message are markup."""
    with closing(Past(path, now=now)) as past:
        about = {
            "provider": "<marquee>openai</marquee>",
            "model": f"<script>alert('model')</script>{HOSTILE}",
            "prompt": f"<script>alert('prompt')</script>{HOSTILE}",
            "attribution": Attribution(f"<font>{HOSTILE}", {"<center>tag</center>": HOSTILE}),
        }
        failed = past.intend(past.now - timedelta(hours=1), **about)
        past.see(failed, 1, state=JobState.QUEUED)
        past.see(
            failed,
            2,
            state=JobState.FAILED,
            reason=Reason.PROVIDER_ERROR,
            error=JobError("<blink>code</blink>", f"<script>alert('error')</script>{HOSTILE}"),
        )
        past.running(ago_s=60, progress=40, **about)
        paid = past.intend(past.now - timedelta(hours=2), **about)
        bill = Usage(reported_usd=Decimal("1.5"))  # so that it has a place in charts of money
        past.see(paid, 5, state=JobState.COMPLETED, usage=bill)
    return failed.job_id
