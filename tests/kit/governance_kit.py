"""What the tests of keys and budgets share: a gateway's governance on a real ledger."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
from ledger_kit import RULES, Maker

from vidobs.core import ids
from vidobs.core.calls import Attribution, Operation
from vidobs.core.jobs import JobState
from vidobs.core.money import Cost, CostStatus
from vidobs.gateway.governance import changes
from vidobs.gateway.governance.durations import ms, read_span
from vidobs.gateway.governance.governance import Governance
from vidobs.gateway.governance.records import Account, Allowance, Kind
from vidobs.gateway.governance.settings import read_settings
from vidobs.gateway.governance.tokens import new_owner
from vidobs.gateway.seams import KEY_TAG, MODEL_TAG, TEAM_TAG, USER_TAG, Ask
from vidobs.ledger import codec
from vidobs.ledger.sqlite import SqliteLedger

MASTER = "sk-master-of-tests"
START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class Heard:
    """Alerts, as they were raised."""

    def __init__(self):
        self.alerts = []

    def raise_alert(self, kind, message, *, key, facts):
        """Keep one."""
        self.alerts.append((kind, message, key, facts))

    @property
    def kinds(self):
        """Return what was raised, in order."""
        return [kind for kind, *_ in self.alerts]


class Clock:
    """A clock that a test moves."""

    def __init__(self, now=START):
        self.now = now

    def __call__(self):
        """Return the time."""
        return self.now

    def seconds(self):
        """Return seconds since 1970."""
        return self.now.timestamp()

    def move(self, **delta):
        """Go on, or back."""
        self.now += timedelta(**delta)


class House:
    """A gateway without its server: governance, and the ledger that jobs are recorded in."""

    def __init__(self, folder, clock=None, parts=None, master=MASTER):
        self.folder = folder
        self.clock = clock or Clock()
        self.parts = parts or {}
        self.master = master
        self.make = Maker()
        self.heard = Heard()
        self.said = []
        self.open()

    def open(self):
        """Start as a process does: the ledger, the projection, then what is unfinished."""
        self.ledger = SqliteLedger(str(self.folder / "ledger.db"), RULES)
        settings = read_settings({k: (v, k) for k, v in self.parts.items()}, self.master)
        self.governance = Governance(
            settings,
            self.ledger.path,
            alerts=self.heard,
            report=self.said.append,
            now=self.clock,
            seconds=self.clock.seconds,
        )
        self.directory = self.governance.directory
        self.admission = self.governance.admission
        self.store = self.governance.store

    def die(self):
        """End as kill -9 does: nothing more is written."""
        self.ledger.abandon()
        self.governance.rows.close()
        self.governance.store.close()

    def close(self):
        """End in good order."""
        self.governance.close()
        self.ledger.close()

    # -- admins ------------------------------------------------------------------------------------

    @property
    def act(self):
        """Return the master, now."""
        return changes.Act("master", self.clock.now)

    def account(
        self, kind, account_id, *, models=(), alias=None, user=None, team=None, **allowance
    ):
        """Return a new account."""
        allowance = {k: Decimal(v) if k.endswith("_budget") else v for k, v in allowance.items()}
        return Account(
            kind=kind,
            id=account_id,
            alias=alias,
            created_at=self.clock.now,
            updated_at=self.clock.now,
            models=models,
            user_id=user,
            team_id=team,
            allowance=Allowance(**allowance),
        )

    def key(self, account_id=None, **fields):
        """Make a virtual key; the gateway knows it at once."""
        made = changes.create_key(
            self.store, self.account(Kind.KEY, account_id or new_owner(), **fields), self.act
        )
        self.directory.refresh()
        return made

    def group(self, kind, account_id, **fields):
        """Make a user or a team."""
        made = changes.create(self.store, self.account(kind, account_id, **fields), self.act)
        self.directory.refresh()
        return made

    def principal(self, token):
        """Return who has a key, now."""
        return self.directory.principal(token, self.clock.now)

    # -- jobs --------------------------------------------------------------------------------------

    def ask(self, usd="0.80", *, seconds="8", model="sora-2"):
        """Return what somebody wants sent."""
        now_ns = codec.us(self.clock.now) * 1000
        return Ask(
            job_id=ids.job_id(now_ns, self.make.bits(ids.SEED_BITS)),
            operation=Operation.CREATE,
            model=model,
            provider="openai",
            upstream_model="sora-2",
            quote_usd=None if usd is None else Decimal(usd),
            seconds=None if seconds is None else Decimal(seconds),
            now=self.clock.now,
        )

    def admit(self, token, usd="0.80", **ask):
        """Admit a create; return what was asked and the permit."""
        asked = self.ask(usd, **ask)
        return asked, self.admission.admit(self.principal(token), asked)

    def intend(self, token, asked):
        """Write the intent of a create, as the gateway does before it sends it."""
        job = self.job(self.principal(token), asked)
        self.follow_clock()
        self.ledger.intend(job)
        return job

    def follow_clock(self):
        """Let answers come at the time of the clock."""
        self.make.now_ns = codec.us(self.clock.now) * 1000

    def job(self, principal, asked, user=None):
        """Return the job that a create is, with its quote and whose it is."""
        tags = {KEY_TAG: principal.owner, MODEL_TAG: asked.model}
        if principal.user_id is not None:
            tags[USER_TAG] = principal.user_id
        if principal.team_id is not None:
            tags[TEAM_TAG] = principal.team_id
        cost = Cost(status=CostStatus.QUOTED, usd=asked.quote_usd, quoted_usd=asked.quote_usd)
        plain = self.make.job(attribution=Attribution(user or principal.user_id, tags))
        return msgspec.structs.replace(
            plain,
            job_id=asked.job_id,
            created_at=asked.now,
            request=msgspec.structs.replace(plain.request, seconds=asked.seconds),
            cost=cost,
        )

    def record(self, job, **says):
        """Let the ledger and then admission see an answer; return the job after it."""
        self.follow_clock()
        recorded = self.ledger.record(self.make.seen(job, **says))
        self.admission.recorded(recorded)
        return recorded.job

    def run(self, token, usd="0.80", *, state=JobState.COMPLETED, **ask):
        """Admit, write, send and end a job; return it."""
        asked, _ = self.admit(token, usd, **ask)
        job = self.intend(token, asked)
        name = f"video_{asked.job_id}"
        self.record(job, id=name, state=JobState.QUEUED)
        return self.record(job, id=name, state=state)

    def standing(self, kind, account_id):
        """Return how the budget of an account stands: held and spent, in dollars."""
        whose = (Kind(kind), account_id)
        account = self.directory.account(whose)
        duration = None if account is None else account.allowance.budget_duration
        if kind == "gateway":
            duration = self.governance.settings.allowance.budget_duration
        span = None if duration is None else read_span(duration)
        found = self.governance.book.standing(whose, span, ms(self.clock.now))
        return Decimal(found.held) / 10**9, Decimal(found.spent) / 10**9
