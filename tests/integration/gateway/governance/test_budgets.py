import asyncio
import threading
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest

from vidobs.core.jobs import JobState, Reason, Usage
from vidobs.gateway.governance import changes
from vidobs.gateway.governance.records import Allowance
from vidobs.gateway.seams import Refusal

FREE = Usage(reported_usd=Decimal(0))


def tries(house, token, count):
    """Try to admit so many creates; return how many were."""
    admitted = 0
    for _ in range(count):
        with suppress(Refusal):
            house.admit(token)
            admitted += 1
    return admitted


@pytest.mark.parametrize(
    "budget",
    [
        pytest.param({"key": {"max_budget": "80"}}, id="key"),
        pytest.param({"user": {"max_budget": "80"}}, id="user"),
        pytest.param({"team": {"max_budget": "80", "budget_duration": "1d"}}, id="team"),
        pytest.param({"gateway": {"max_budget": "80"}}, id="gateway"),
        pytest.param(
            {
                "key": {"max_budget": "90"},
                "team": {"max_budget": "80"},
                "user": {"max_budget": 1000},
            },
            id="the least of several",
        ),
    ],
)
def test_a_thousand_creates_from_threads_pass_no_budget_for_a_hundred(houses, budget):
    """Whoever's budget it is: of 1,000 creates at once at $0.80, exactly 100 fit into $80."""
    house = houses(parts={"budgets": budget.pop("gateway", {})})
    for kind in ("user", "team"):
        house.group(kind, "u", **budget.get(kind, {}))
    token = house.key(user="u", team="u", **budget.get("key", {})).text
    admitted = []
    threads = [
        threading.Thread(target=lambda: admitted.append(tries(house, token, 125))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(admitted) == 100


async def test_a_thousand_creates_from_tasks_pass_no_budget_for_a_hundred(house):
    """Tasks that wait between their steps do not pass it either."""
    token = house.key(max_budget="80").text

    async def one():
        await asyncio.sleep(0)
        admitted = tries(house, token, 1)
        await asyncio.sleep(0)
        return admitted

    assert sum(await asyncio.gather(*(one() for _ in range(1000)))) == 100


def test_a_create_fits_to_the_last_billionth(house):
    """What is left can be used up exactly, and not passed by the least amount there is."""
    token = house.key(max_budget="1").text
    house.admit(token, "0.999999999")
    with pytest.raises(Refusal):
        house.admit(token, "0.000000002")
    house.admit(token, "0.000000001")
    with pytest.raises(Refusal):
        house.admit(token, "0.000000001")


def test_a_refused_create_holds_nothing_anywhere(house):
    """All or nothing: what the team refuses does not stay with the key."""
    house.group("team", "small", max_budget="0.80")
    token = house.key("vk_a", max_budget="100", team="small").text
    house.admit(token)
    with pytest.raises(Refusal, match="budget of team small exceeded"):
        house.admit(token)
    assert house.standing("key", "vk_a") == (Decimal("0.8"), 0)


def test_failed_jobs_give_their_budget_back(house):
    """A refused render is released, so that as many fit as before."""
    token = house.key(max_budget="8").text
    jobs = [house.intend(token, house.admit(token)[0]) for _ in range(10)]
    assert tries(house, token, 3) == 0
    for number, job in enumerate(jobs[:4]):
        house.record(job, id=f"v{number}", state=JobState.QUEUED)
        house.record(job, id=f"v{number}", state=JobState.FAILED, usage=FREE)
    for job in jobs[4:7]:
        house.record(job, failure="RateLimitError", state=JobState.FAILED)
    assert tries(house, token, 10) == 7


def test_what_was_not_accepted_is_given_back_once(house):
    """Giving back twice, and the ledger saying the same later, frees it only once."""
    token = house.key("vk_a", max_budget="8").text
    asked, permit = house.admit(token)
    house.admit(token)
    job = house.intend(token, asked)
    permit.give_back()
    permit.give_back()
    house.record(job, failure="APIStatusError", state=JobState.FAILED)
    assert house.standing("key", "vk_a") == (Decimal("0.8"), 0)


def test_a_job_is_settled_to_what_it_cost(house):
    """The provider's own figure takes the place of the quote, also where it is higher."""
    token = house.key("vk_a", max_budget="8").text
    job = house.intend(token, house.admit(token)[0])
    house.record(job, id="v", state=JobState.QUEUED)
    usage = Usage(reported_usd=Decimal("1.23"))
    house.record(job, id="v", state=JobState.COMPLETED, usage=usage)
    assert house.standing("key", "vk_a") == (0, Decimal("1.23"))
    house.record(job, id="v", state=JobState.COMPLETED, usage=usage)
    assert house.standing("key", "vk_a") == (0, Decimal("1.23"))


def test_a_corrected_cost_corrects_the_budget_at_once(house):
    """A later answer with a better figure moves the sum, before and after it is projected."""
    token = house.key("vk_a", max_budget="8").text
    job = house.run(token)
    better = Usage(reported_usd=Decimal("0.50"))
    name = f"video_{job.job_id}"
    house.record(job, id=name, state=JobState.COMPLETED, usage=better)
    assert house.standing("key", "vk_a") == (0, Decimal("0.5"))
    house.governance.keeper.round()
    assert house.standing("key", "vk_a") == (0, Decimal("0.5"))
    house.record(job, id=name, state=JobState.COMPLETED, usage=Usage(reported_usd=Decimal("0.60")))
    assert house.standing("key", "vk_a") == (0, Decimal("0.6"))
    house.governance.keeper.round()
    assert house.standing("key", "vk_a") == (0, Decimal("0.6"))


def test_possible_spend_stays_held(houses):
    """A failed job nobody documented the billing of counts as if it had cost its quote."""
    house = houses()
    token = house.key("vk_a", max_budget="8").text
    job = house.intend(token, house.admit(token)[0])
    house.record(job, id="v", state=JobState.QUEUED)
    ended = house.record(job, id="v", state=JobState.FAILED, reason=Reason.PROVIDER_ERROR)
    counted = (ended.cost.usd or 0) + (ended.cost.possible_usd or 0)
    assert house.standing("key", "vk_a") == (0, counted)


def test_a_create_of_unknown_outcome_keeps_its_quote(house):
    """Nobody knows whether it was accepted: it stays held, and takes no running job's place."""
    token = house.key("vk_a", max_budget="1", max_parallel_requests=1).text
    job = house.intend(token, house.admit(token)[0])
    house.record(job, failure="Timeout", state=JobState.UNKNOWN)
    assert house.standing("key", "vk_a") == (Decimal("0.8"), 0)
    house.admit(token, "0.20")


@pytest.mark.parametrize(
    ("parts", "allowance", "admitted"),
    [
        pytest.param({}, {"max_budget": "8"}, False, id="a budget denies"),
        pytest.param({}, {}, True, id="no budget, no price needed"),
        pytest.param({}, {"soft_budget": "8"}, True, id="a soft budget refuses nothing"),
        pytest.param(
            {"budgets": {"unknown_price": "allow"}}, {"max_budget": "8"}, True, id="allow"
        ),
    ],
)
def test_an_unknown_price_goes_by_policy(houses, parts, allowance, admitted):
    """By default a budget refuses what nobody knows the price of, and says so."""
    house = houses(parts=parts)
    token = house.key(**allowance).text
    if admitted:
        house.admit(token, None)
        return
    with pytest.raises(Refusal, match="nobody knows what sora-2 costs") as caught:
        house.admit(token, None)
    assert (caught.value.status, caught.value.code) == (400, "budget_exceeded")


def test_a_refusal_says_how_the_budget_stands_and_when_it_begins_anew(house):
    """The text names budget, spend, what is held, what this would cost, and the time."""
    token = house.key(max_budget="2", budget_duration="1mo", alias="films").text
    house.run(token)
    house.admit(token)
    with pytest.raises(Refusal) as caught:
        house.admit(token)
    assert (caught.value.status, caught.value.code) == (400, "budget_exceeded")
    assert caught.value.message == (
        "budget of key films exceeded: $2.00 may be spent, $0.80 is spent and $0.80 held by "
        "running jobs, and this one would cost $0.80; it begins anew at 2026-12-01 00:00 UTC"
    )


def test_the_gateways_budget_is_nobodys_to_read(houses):
    """A key learns that the gateway's money is used up, and not how much there is."""
    house = houses(parts={"budgets": {"max_budget": 0.5}})
    with pytest.raises(Refusal, match=r"^the budget of this gateway is used up$"):
        house.admit(house.key().text)
    with pytest.raises(Refusal):
        house.admit("sk-master-of-tests")


def test_a_window_that_is_over_lets_creates_in_again(house):
    """At midnight the day's budget begins anew; what still runs belongs to the day it was made."""
    token = house.key("vk_a", max_budget="1.60", budget_duration="24h").text
    house.run(token)
    late = house.intend(token, house.admit(token)[0])
    assert tries(house, token, 1) == 0
    house.clock.now = datetime(2026, 11, 21, 0, 0, tzinfo=UTC)
    assert house.standing("key", "vk_a") == (0, 0)
    assert tries(house, token, 3) == 2
    house.record(late, id="v", state=JobState.QUEUED)
    house.record(late, id="v", state=JobState.COMPLETED)
    assert house.standing("key", "vk_a") == (Decimal("1.6"), 0)
    house.clock.move(seconds=-1)
    assert house.standing("key", "vk_a") == (0, Decimal("1.6"))


def test_a_soft_budget_tells_once_a_window_over_restarts_too(house):
    """Somebody is told when it is reached and in the next window, not after a restart."""
    token = house.key("vk_a", soft_budget="1", budget_duration="1d").text
    for _ in range(4):
        house.run(token)
    assert house.heard.kinds == ["budget_warning"]
    _, message, key, facts = house.heard.alerts[0]
    assert message == "key vk_a reached $1.00, its soft budget"
    assert facts == {
        "spent_usd": "0.80",
        "held_usd": "0.80",
        "until": "2026-11-21T00:00:00+00:00",
    }
    assert key.startswith("budget_warning:key:vk_a:")
    house.close()
    house.open()
    house.run(token)
    assert house.heard.kinds == ["budget_warning"]
    house.clock.move(days=1)
    for _ in range(4):
        house.run(token)
    assert house.heard.kinds == ["budget_warning"] * 2


def test_an_exceeded_budget_tells_once(house):
    """However many creates it refuses."""
    token = house.key("vk_a", max_budget="1").text
    assert tries(house, token, 10) == 1
    assert house.heard.kinds == ["budget_exceeded"]


def test_a_budget_that_is_set_later_counts_what_was_spent_before(house):
    """Spend and running jobs count from the beginning of the window, not of the budget."""
    made = house.key("vk_a")
    house.run(made.text)
    house.admit(made.text)
    allowance = Allowance(max_budget=Decimal(2), budget_duration="1mo")
    changes.change(
        house.store,
        made.account,
        house.act,
        to=lambda now: msgspec.structs.replace(now, allowance=allowance),
    )
    house.directory.refresh()
    assert house.standing("key", "vk_a") == (Decimal("0.8"), Decimal("0.8"))
    assert tries(house, made.text, 3) == 0


def test_only_the_jobs_of_the_gateway_count(house):
    """A job that a library in another process made is in the ledger, and in nobody's budget."""
    house.ledger.intend(house.make.job(tags={"key": "vk_a"}))
    stranger = house.make.job(tags={"colour": "red"})
    house.ledger.intend(stranger)
    house.record(stranger, id="v", state=JobState.COMPLETED)
    house.governance.keeper.round()
    assert house.standing("gateway", "") == (0, 0)


def test_who_a_request_names_pays_nothing(house):
    """The field `user` of a request is for reports: no budget is charged for what it says."""
    house.group("user", "victim", max_budget="1")
    token = house.key("vk_a").text
    asked, _ = house.admit(token)
    job = house.job(house.principal(token), asked, user="victim")
    house.ledger.intend(job)
    house.record(job, id="v", state=JobState.COMPLETED)
    house.governance.keeper.round()
    assert house.standing("user", "victim") == (0, 0)
    assert house.standing("key", "vk_a") == (0, Decimal("0.8"))
