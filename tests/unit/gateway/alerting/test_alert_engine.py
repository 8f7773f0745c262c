"""People are told once while something lasts, and once that it is over."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from vidobs.gateway.alerting.engine import Engine, Manners, Phase

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
KIND = "stuck"
STEP_S = 10

steps = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from(["hold", "clear", "wait"])),
    max_size=60,
)


def at(seconds):
    """A moment."""
    return START + timedelta(seconds=seconds)


def engine(**manners):
    """An engine with these manners."""
    return Engine(Manners(**manners))


def told(alerts):
    """What was told, in short."""
    return [(alert.phase.value, alert.condition.key) for alert in alerts]


@given(steps, st.sampled_from([0, 15, 45]), st.sampled_from([0, 60]), st.sampled_from([1, 2, 50]))
def test_never_twice_while_it_lasts_and_never_silent(steps, after_s, quiet_s, per_minute):
    """Firing and recovered take turns; what lasts for long enough is told; the cap holds."""
    one = Engine(Manners(after_s={KIND: after_s}, quiet_s=quiet_s, per_minute=per_minute))
    holds, said, times = {}, {}, []
    for number, (key, what) in enumerate(steps):
        now = at(number * STEP_S)
        if what == "hold":
            one.hold(KIND, key, "x", now=now)
            holds.setdefault(key, now)
        elif what == "clear":
            one.clear(KIND, key)
            holds.pop(key, None)
        for alert in one.tick(now):
            name = alert.condition.key
            assert (alert.phase is Phase.FIRING) != said.get(name, False)
            said[name] = alert.phase is Phase.FIRING
            assert said[name] == (name in holds)
            if said[name]:
                assert now - holds[name] >= timedelta(seconds=after_s)
            times.append(now)
    for now in times:
        assert sum(now - timedelta(minutes=1) < other <= now for other in times) <= per_minute
    end = len(steps) * STEP_S  # everything lasts as it is: in the end everybody knows
    for minute in range(1, 12):
        for alert in one.tick(at(end + minute * 60)):
            said[alert.condition.key] = alert.phase is Phase.FIRING
    assert {name for name, firing in said.items() if firing} == set(holds)


@given(st.integers(1, 40))
def test_a_restart_tells_nothing_again(number):
    """What was told before stays told; only its end is news."""
    before = engine()
    for key in range(number):
        before.hold(KIND, str(key), "x", now=START)
    kept = [alert.condition for alert in before.tick(START)]

    after = Engine(Manners(), kept)
    for condition in kept:
        after.hold(KIND, condition.key, "x", now=at(60))
    assert after.tick(at(60)) == []
    after.clear(KIND, "0")
    assert told(after.tick(at(120))) == [("recovered", "0")]


def test_it_must_last():
    """What is over before its time is never told."""
    one = engine(after_s={KIND: 60})
    one.hold(KIND, "a", "x", now=START)
    assert one.tick(at(59)) == []
    one.clear(KIND, "a")
    assert one.tick(at(61)) == []
    one.hold(KIND, "a", "x", now=at(70))
    one.hold(KIND, "a", "y", now=at(100))
    [alert] = one.tick(at(130))
    assert (alert.condition.since, alert.condition.message) == (at(70), "y")


def test_flapping_is_quiet():
    """What comes back soon is told when the quiet time is over, if it still lasts."""
    one = engine(quiet_s=300)
    one.hold(KIND, "a", "x", now=START)
    assert told(one.tick(START)) == [("firing", "a")]
    one.clear(KIND, "a")
    assert told(one.tick(at(10))) == [("recovered", "a")]
    one.hold(KIND, "a", "x", now=at(20))
    assert one.tick(at(20)) == []
    assert one.tick(at(309)) == []
    assert told(one.tick(at(310))) == [("firing", "a")]


def test_between_two_looks_nothing_happened():
    """An end that nobody looked at is none."""
    one = engine()
    one.hold(KIND, "a", "x", now=START)
    one.tick(START)
    one.clear(KIND, "a")
    one.hold(KIND, "a", "x", now=at(1))
    assert one.tick(at(1)) == []


def test_what_nobody_clears_ends_by_itself():
    """It is told once while it is told of again and again, and its end is nobody's news."""
    one = engine(quiet_s=0)
    for second in range(0, 100, 10):
        one.hold(KIND, "a", "x", now=at(second), for_s=30)
        assert told(one.tick(at(second))) == ([("firing", "a")] if second == 0 else [])
    assert one.tick(at(121)) == []
    assert one.tick(at(122)) == []
    one.hold(KIND, "a", "x", now=at(130), for_s=30)
    assert told(one.tick(at(130))) == [("firing", "a")]


def test_a_flood_comes_in_portions():
    """What waits is told later, in the order in which it began; what is over by then is not."""
    one = engine(per_minute=2)
    for number, key in enumerate("abcd"):
        one.hold(KIND, key, "x", now=at(number))
    assert told(one.tick(at(10))) == [("firing", "a"), ("firing", "b")]
    assert one.tick(at(30)) == []
    one.clear(KIND, "c")
    assert told(one.tick(at(70))) == [("firing", "d")]
