from decimal import Decimal

import pytest

from vidobs.core.calls import Operation
from vidobs.core.jobs import JobState
from vidobs.gateway.seams import Refusal


def request(house, token, operation=Operation.CREATE):
    """Count a request; return the headers."""
    now = house.clock.now
    return house.admission.request(house.principal(token), now, operation=operation)


def refused(house, ask):
    """Return the refusal of something that is over a limit."""
    with pytest.raises(Refusal) as caught:
        ask()
    assert (caught.value.status, caught.value.code) == (429, "rate_limit_exceeded")
    assert int(caught.value.headers["retry-after"]) > 0
    return caught.value


@pytest.mark.parametrize("whose", ["key", "user", "team", "gateway"])
def test_requests_a_minute(houses, whose):
    """Whoever's limit it is: so many pass, then it says when to come again."""
    house = houses(parts={"limits": {"rpm_limit": 2}} if whose == "gateway" else {})
    for kind in ("user", "team"):
        house.group(kind, "x", **({"rpm_limit": 2} if whose == kind else {}))
    limit = {"rpm_limit": 2} if whose == "key" else {}
    token = house.key(user="x", team="x", **limit).text
    assert request(house, token) == {
        "x-ratelimit-limit-requests": "2",
        "x-ratelimit-remaining-requests": "1",
        "x-ratelimit-reset-requests": "60s",
    }
    request(house, token, Operation.DOWNLOAD)
    house.clock.move(seconds=20)
    over = refused(house, lambda: request(house, token, Operation.REMIX))
    assert over.headers["retry-after"] == "40"
    assert over.headers["x-ratelimit-remaining-requests"] == "0"
    house.clock.move(seconds=40)
    request(house, token)


def test_polls_are_free_unless_they_are_to_count(houses):
    """A client that waits for its video does not use up its requests."""
    house = houses()
    token = house.key(rpm_limit=1).text
    for _ in range(50):
        assert request(house, token, Operation.RETRIEVE) == {}
    request(house, token)
    counting = houses(parts={"limits": {"count_polls": True}})
    request(counting, token, Operation.RETRIEVE)
    refused(counting, lambda: request(counting, token))


def test_seconds_of_output_a_minute(house):
    """Counted as they are asked for, a part of one as a whole one."""
    token = house.key(output_seconds_per_minute=20).text
    _, permit = house.admit(token, seconds="8")
    assert permit.headers["x-ratelimit-remaining-output-seconds"] == "12"
    house.admit(token, seconds="7.5")
    over = refused(house, lambda: house.admit(token, seconds="8"))
    assert "limit of 20 seconds of output a minute; 8 more were asked for" in over.message
    house.admit(token, seconds="4")
    house.clock.move(minutes=1)
    house.admit(token, seconds="20")
    assert (
        "ask for a shorter video"
        in refused(house, lambda: house.admit(token, seconds="21")).message
    )


def test_seconds_of_a_create_that_made_nothing(houses):
    """They are free again, once; that it was asked for stays counted."""
    model = {"models": {"sora-2": {"rpm_limit": 4, "output_seconds_per_minute": 16}}}
    house = houses(parts={"limits": model})
    token = house.key(output_seconds_per_minute=8).text
    _, failed = house.admit(token, seconds="8")
    refused(house, lambda: house.admit(token, seconds="8"))
    failed.give_back()
    failed.give_back()
    _, second = house.admit(token, seconds="8")
    assert "seconds of output" in refused(house, lambda: house.admit(token)).message
    second.give_back()
    house.admit(token, seconds="1")
    house.admit(token, seconds="1")
    over = refused(house, lambda: house.admit(token, seconds="1"))
    assert "limit of 4 requests a minute" in over.message


def test_seconds_are_given_back_to_the_minute_they_were_counted_in(house):
    """A create that fails late frees nothing of what the next minute counts."""
    token = house.key(output_seconds_per_minute=8).text
    _, late = house.admit(token, seconds="8")
    house.clock.move(minutes=1)
    house.admit(token, seconds="8")
    late.give_back()
    refused(house, lambda: house.admit(token, seconds="8"))
    house.clock.move(seconds=59)
    _, last = house.admit(house.key(output_seconds_per_minute=8).text, seconds="8")
    house.clock.move(seconds=61)
    last.give_back()
    assert house.admit(token, seconds="8")[1].headers["x-ratelimit-reset-output-seconds"] == "60s"


@pytest.mark.parametrize("whose", ["key", "user", "team", "model"])
def test_jobs_at_a_time(houses, whose):
    """A place is free again when a job ends, fails, or was never accepted."""
    model = {"models": {"sora-2": {"max_parallel_requests": 2}}}
    house = houses(parts={"limits": model} if whose == "model" else {})
    for kind in ("user", "team"):
        house.group(kind, "x", **({"max_parallel_requests": 2} if whose == kind else {}))
    limit = {"max_parallel_requests": 2} if whose == "key" else {}
    token = house.key(user="x", team="x", **limit).text
    asked, _ = house.admit(token)
    _, second = house.admit(token)
    assert "2 jobs may run at a time" in refused(house, lambda: house.admit(token)).message
    second.give_back()
    _, third = house.admit(token)
    refused(house, lambda: house.admit(token))
    job = house.intend(token, asked)
    house.record(job, id="v", state=JobState.QUEUED)
    refused(house, lambda: house.admit(token))
    house.record(job, id="v", state=JobState.COMPLETED)
    house.admit(token)
    third.give_back()
    third.give_back()
    house.admit(token)
    refused(house, lambda: house.admit(token))


def test_places_are_taken_again_after_a_restart(house):
    """What was running before still runs."""
    token = house.key(max_parallel_requests=1).text
    job = house.intend(token, house.admit(token)[0])
    house.record(job, id="v", state=JobState.QUEUED)
    house.close()
    house.open()
    refused(house, lambda: house.admit(token))


def test_a_models_limits_are_everybodys(houses):
    """Requests and seconds of one name of `model_list`, whoever asks."""
    limits = {"veo": {"rpm_limit": 3, "output_seconds_per_minute": 20}}
    house = houses(parts={"limits": {"models": limits}})
    one, other = house.key().text, house.key().text
    house.admit(one, model="veo")
    house.admit(other, model="veo")
    assert "model veo" in refused(house, lambda: house.admit(one, model="veo")).message
    house.admit(other, model="veo", seconds="1")
    over = refused(house, lambda: house.admit(one, model="veo", seconds="1"))
    assert "limit of 3 requests a minute" in over.message
    house.admit(one, model="sora-2")


def test_what_a_budget_refuses_counts_against_no_limit(house):
    """Nothing was made, so nothing is used up."""
    token = house.key("vk_a", max_budget="1", output_seconds_per_minute=8).text
    for _ in range(3):
        with pytest.raises(Refusal, match="budget of key"):
            house.admit(token, "2")
    house.admit(token, "1")
    assert house.standing("key", "vk_a") == (Decimal(1), 0)
