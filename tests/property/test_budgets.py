"""Budgets on a real ledger, with crashes and a clock that jumps, against a plain model."""

import tempfile
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from governance_kit import Clock, House
from hypothesis import assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from vidobs.core.jobs import Job, JobState, Reason, Usage
from vidobs.gateway.seams import Refusal
from vidobs.ledger.database import open_reader
from vidobs.ledger.open_jobs import unfinished

BUDGETS = {
    ("key", "vk_a"): ("3", "1d"),
    ("key", "vk_b"): ("4", "1h"),
    ("user", "u"): ("5", "1mo"),
    ("team", "t"): ("9", None),
    ("gateway", ""): ("6", "1d"),
}
WHOSE = {
    "vk_a": [("key", "vk_a"), ("user", "u"), ("team", "t"), ("gateway", "")],
    "vk_b": [("key", "vk_b"), ("team", "t"), ("gateway", "")],
}
WINDOWS = {None: "", "1h": "%Y-%m-%d %H", "1d": "%Y-%m-%d", "1mo": "%Y-%m"}
PRICES = st.sampled_from(["0.5", "0.8", "1.3", "0.000000001"])
PICK = st.integers(min_value=0, max_value=10**6)
OWNERS = st.sampled_from(["vk_a", "vk_b"])
ANSWERS = st.sampled_from(
    [
        {"state": JobState.IN_PROGRESS},
        {"failure": "Timeout", "state": JobState.UNKNOWN},
        {"failure": "BadRequestError", "state": JobState.FAILED},
    ]
)
ENDS = st.sampled_from(
    [
        {"state": JobState.COMPLETED},
        {"state": JobState.COMPLETED, "usage": Usage(reported_usd=Decimal("0.123456789"))},
        {"state": JobState.COMPLETED, "usage": Usage(reported_usd=Decimal(2))},
        {"state": JobState.FAILED, "reason": Reason.PROVIDER_ERROR},  # possible spend
        {"state": JobState.FAILED, "usage": Usage(reported_usd=Decimal(0))},
        {"state": JobState.CANCELLED},
    ]
)


class Made(msgspec.Struct):
    """A create that was admitted, as a plain bookkeeper has it."""

    owner: str
    at: object
    quote: Decimal
    asked: object
    permit: object
    job: Job | None = None  # once its intent is written

    @property
    def waits(self):
        """Whether nobody knows yet what the provider says."""
        return self.job is not None and self.job.state is JobState.SUBMITTING

    @property
    def accepted(self):
        """Whether the provider has it."""
        return self.job is not None and self.job.provider_job_id is not None

    @property
    def counts(self):
        """What it holds, and what it came to."""
        if self.job is None:
            return self.quote, 0
        cost = self.job.cost
        known = [f for f in (cost.usd, cost.possible_usd, cost.quoted_usd) if f is not None]
        if not self.job.state.terminal:
            return known[0], 0
        return 0, (cost.usd or 0) + (cost.possible_usd or 0)


class Budgets(RuleBasedStateMachine):
    """Whatever happens in whatever order: every sum is exact and no budget is passed."""

    @initialize()
    def begin(self):
        """Two keys of one team, one of them a user's; the whole gateway has a budget too."""
        self.folder = tempfile.TemporaryDirectory()
        budget = {"max_budget": "6", "budget_duration": "1d"}
        self.house = House(Path(self.folder.name), Clock(), {"budgets": budget})
        self.house.group("user", "u", **self.budget("user", "u"))
        self.house.group("team", "t", **self.budget("team", "t"))
        self.tokens = {
            "vk_a": self.house.key("vk_a", user="u", team="t", **self.budget("key", "vk_a")).text,
            "vk_b": self.house.key("vk_b", team="t", **self.budget("key", "vk_b")).text,
        }
        self.made = []

    @staticmethod
    def budget(*whose):
        """Return the fields of a budget."""
        most, duration = BUDGETS[whose]
        return {"max_budget": most, "budget_duration": duration}

    def expected(self, whose):
        """Sum up by hand what an account holds and spent in the window of now."""
        window = WINDOWS[BUDGETS[whose][1]]
        now = f"{self.house.clock.now:{window}}" if window else ""
        held = spent = Decimal(0)
        for made in self.made:
            then = f"{made.at:{window}}" if window else ""
            if whose in WHOSE[made.owner] and then == now:
                held += made.counts[0]
                spent += made.counts[1]
        return held, spent

    def some(self, pick, wanted):
        """Pick one of the creates that fit; give up a step for which there is none."""
        fitting = [made for made in self.made if wanted(made)]
        assume(fitting)
        return fitting[pick % len(fitting)]

    @rule(owner=OWNERS, usd=PRICES)
    def admit(self, owner, usd):
        """A create is let through exactly when it fits into every budget."""
        fits = all(
            sum(self.expected(whose)) + Decimal(usd) <= Decimal(BUDGETS[whose][0])
            for whose in WHOSE[owner]
        )
        try:
            asked, permit = self.house.admit(self.tokens[owner], usd)
        except Refusal:
            assert not fits
        else:
            assert fits
            self.made.append(Made(owner, self.house.clock.now, Decimal(usd), asked, permit))

    @rule(owner=OWNERS, usd=PRICES)
    def start(self, owner, usd):
        """A create is let through and accepted."""
        count = len(self.made)
        self.admit(owner, usd)
        assume(len(self.made) > count)
        made = self.made[-1]
        made.job = self.house.intend(self.tokens[owner], made.asked)
        self.see(made, True, id=made.job.job_id, state=JobState.QUEUED)

    @precondition(lambda self: any(one.job is None for one in self.made))
    @rule(pick=PICK, sent=st.booleans())
    def decide(self, pick, sent):
        """The intent of a create is written, or it is never sent after all."""
        made = self.some(pick, lambda one: one.job is None)
        if sent:
            made.job = self.house.intend(self.tokens[made.owner], made.asked)
        else:
            made.permit.give_back()
            self.made.remove(made)

    @precondition(lambda self: any(one.waits for one in self.made))
    @rule(pick=PICK, answer=ANSWERS)
    def answer(self, pick, answer):
        """The provider answers a create: it accepts, refuses, or nobody hears."""
        made = self.some(pick, lambda one: one.waits)
        if "failure" not in answer:
            answer = {**answer, "id": made.job.job_id}
        self.see(made, True, **answer)
        if answer["state"] is JobState.FAILED:
            made.permit.give_back()

    @precondition(lambda self: any(one.accepted for one in self.made))
    @rule(pick=PICK, end=ENDS, told=st.sampled_from([True, True, False]))
    def end(self, pick, end, told):
        """A job ends, or is seen ended once more; only the outbox may know."""
        made = self.some(pick, lambda one: one.accepted)
        self.see(made, told, id=made.job.job_id, **end)

    def see(self, made, told, **says):
        """Record an answer. What another process recorded is known after the next round."""
        if told:
            made.job = self.house.record(made.job, **says)
        else:
            self.house.follow_clock()
            made.job = self.house.ledger.record(self.house.make.seen(made.job, **says)).job
            if made.job.state.terminal:  # a correction without an event: found at a restart
                self.crash()
            self.round()

    @rule()
    def round(self):
        """The projection is moved along."""
        self.house.governance.keeper.round()

    @rule(minutes=st.sampled_from([1, 61, 60 * 25, 60 * 24 * 31, -61, -60 * 25]))
    def jump(self, minutes):
        """Time passes, or the clock is put back."""
        self.house.clock.now += timedelta(minutes=minutes)

    @precondition(lambda self: self.made)
    @rule()
    def crash(self):
        """Kill -9 and a new process: what was never written is forgotten, all else is as it was."""
        self.house.die()
        self.house.open()
        connection = open_reader(self.house.ledger.path)
        found = unfinished(connection, self.house.clock.now.replace(year=2000))
        connection.close()
        self.house.admission.resume({entry.job.job_id: entry.job for entry in found})
        self.made = [made for made in self.made if made.job is not None]

    @invariant()
    def sums_are_exact(self):
        """Every account holds and spent what the bookkeeper has."""
        for kind, account_id in BUDGETS:
            standing = self.house.standing(kind, account_id)
            assert standing == self.expected((kind, account_id)), (kind, account_id)

    def teardown(self):
        """Give the files back."""
        self.house.close()
        self.folder.cleanup()


class TestBudgets(Budgets.TestCase):
    """Everyday."""

    settings = settings(max_examples=12, stateful_step_count=30, deadline=None)


@pytest.mark.slow
@pytest.mark.timeout(600)
class TestBudgetsAtLength(Budgets.TestCase):
    """Many more stories, and longer ones."""

    settings = settings(max_examples=300, stateful_step_count=50, deadline=None)
