"""What becomes of events when the receiver of one webhook misbehaves, and another does not.

The real relay takes them out of a real ledger and sends them to two real servers; only the clock
stands still until it is turned. docs/exporters/webhook.md says the same in a table.
"""

from contextlib import nullcontext
from datetime import timedelta

import pytest
from exporter_kit import an_event
from outbox_kit import START, OpenOutbox
from sink_kit import Reply, Sink

from vidobs.delivery.relay import Relay
from vidobs.delivery.relay_worker import GATHER, RelayWorker
from vidobs.delivery.worker import AGAIN
from vidobs_exporters.webhook import WebhookExporter

BROKEN, HEALTHY = "webhook/broken", "webhook/healthy"
SHORT_S = 0.01  # for which an exporter waits for a server that hangs; nothing else is waited for
MINUTE, HOUR, DAY = 60, 3600, 86_400
EVENTS = [an_event(number=number) for number in range(1, 6)]
IDS = [event.id for event in EVENTS]


class Clock:
    """A clock that stands still until it is turned."""

    def __init__(self):
        self.now = START

    def time_ns(self):
        """Return the time."""
        return int(self.now.timestamp()) * 10**9


class Choosy(Sink):
    """A receiver that may not want one event."""

    poison = IDS[1]
    status = None  # what it answers to that

    def took(self, request):
        """Note a request; return what to answer."""
        usual = super().took(request)
        unwanted = self.status is not None and request.headers["webhook-id"] == self.poison
        return Reply(self.status) if unwanted else usual


class World:
    """Two receivers, what sends to them, and the outbox between."""

    def __init__(self, path, broken, healthy):
        self.clock = Clock()
        self.broken, self.healthy = broken, healthy
        self.outbox = OpenOutbox(path)
        self.exporters = []
        self.workers = {}

    def start(self, **options):
        """Record the events and let both exporters begin; `options` are those of the broken one."""
        self.outbox.add_many(EVENTS, f"{BROKEN},{HEALTHY}")
        self.open(BROKEN, self.broken, "first", **options)
        self.open(HEALTHY, self.healthy, "first")
        self.run(BROKEN)
        self.run(HEALTHY)

    def open(self, name, sink, owner, **options):
        """Let a process, the owner, send to a receiver."""
        exporter = WebhookExporter(name, **{"url": sink.url, "allow_private": True, **options})
        self.exporters.append(exporter)
        self.workers[name] = RelayWorker(
            exporter,
            outbox=self.outbox,
            now=lambda: self.clock.now,
            owner=owner,
            report=lambda *_: None,
            quiet=nullcontext,
            chance=lambda: 1.0,
        )

    def run(self, name=BROKEN):
        """Let an exporter work until it rests; return for how long."""
        for _ in range(1000):
            rest = self.workers[name].step(self.clock.now)
            if rest not in (AGAIN, GATHER):
                return rest.seconds
        raise AssertionError("it never rests")

    def pass_time(self, seconds):
        """Turn the clock from rest to rest of the broken one; return how often it failed."""
        until, before = self.clock.now + timedelta(seconds=seconds), self.workers[BROKEN].failed
        while self.clock.now < until:
            rest = self.run()
            self.clock.now = min(until, self.clock.now + timedelta(seconds=rest))
        self.run()
        return self.workers[BROKEN].failed - before

    @property
    def dead(self):
        """The dead letters: exporter and id of the event."""
        return [(exporter, IDS[seq - 1]) for exporter, seq, _ in self.outbox.dead]

    def close(self):
        """Give everything back."""
        for exporter in self.exporters:
            exporter.close()


@pytest.fixture
def world(tmp_path):
    """Two receivers that take everything so far; the healthy one always gets it at once."""
    with Choosy() as broken, Sink() as healthy:
        one = World(tmp_path / "ledger.db", broken, healthy)
        yield one
        one.close()
        assert got(healthy) == IDS
        assert HEALTHY not in {exporter for exporter, _ in one.dead}
        one.outbox.connection.close()


def got(sink):
    """Return the ids of what arrived, in order."""
    return [request.headers["webhook-id"] for request in sink.requests]


OUTAGES = {
    "refused": Sink.stop,
    "500": lambda sink: sink.answers(500),
    "503": lambda sink: sink.answers(503),
    "dropped": Sink.drops,
    "error that breaks off": lambda sink: sink.breaks_off(503),
}
SLOW = {"hanging": Sink.hangs, "error that drips": lambda sink: sink.drips(503)}


@pytest.mark.parametrize("fault", (OUTAGES | SLOW).values(), ids=OUTAGES | SLOW)
def test_an_hour_of_outage_costs_nothing(world, fault):
    """It is tried once a minute in the end; afterwards another process delivers it, in order."""
    fault(world.broken)
    world.start(timeout_s=SHORT_S if fault in SLOW.values() else 15)
    tries = world.pass_time(HOUR)
    during = got(world.broken)

    world.broken.stop()
    world.broken.start()
    world.broken.answers(200)
    world.broken.forget()
    world.clock.now += timedelta(seconds=MINUTE)
    world.open(BROKEN, world.broken, "second")
    world.run()

    assert set(during) <= {IDS[0]}
    assert 60 <= tries <= 70
    assert got(world.broken) == IDS
    assert world.dead == []


def test_500_for_ever_is_waited_for(world):
    """Nothing is given up, nothing is lost, and it is asked no more than once a minute."""
    world.broken.answers(500)
    world.start()

    tries = world.pass_time(6 * HOUR)

    assert 360 <= tries <= 370
    assert set(got(world.broken)) == {IDS[0]}
    assert world.dead == []
    assert world.outbox.behind(BROKEN) == len(EVENTS)


def test_an_answer_that_breaks_off_is_a_delivery_if_it_began_well(world):
    """Nothing is sent twice because the rest of a 200 never came."""
    world.broken.breaks_off(200)

    world.start()
    world.pass_time(HOUR)

    assert got(world.broken) == IDS
    assert world.dead == []


def test_a_lost_answer_repeats_the_same_message(world):
    """The receiver had the event, and nobody knows; the second time it is the same to the byte."""
    world.broken.drops()
    world.start()
    world.broken.answers(200)
    world.pass_time(MINUTE)

    first, second = world.broken.requests[:2]
    assert first.raw == second.raw
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == IDS[0]
    assert got(world.broken) == [IDS[0], *IDS]


def test_an_hour_that_is_asked_for_is_waited(world):
    """429 with `Retry-After: 3600`: not a second sooner, and then at once."""
    world.broken.answers_next(200)
    world.broken.answers_next(429, {"Retry-After": str(HOUR)})
    world.start()
    world.pass_time(HOUR - 1)
    during = got(world.broken)

    world.pass_time(1)

    assert during == IDS[:2]
    assert got(world.broken) == [IDS[0], IDS[1], *IDS[1:]]
    assert world.dead == []


@pytest.mark.parametrize("status", [400, 413, 422])
def test_an_event_that_is_refused_does_not_hold_up_the_others(world, status):
    """It becomes a dead letter at once, and every other event arrives once."""
    world.broken.status = status

    world.start()

    assert [one for one in got(world.broken) if one != IDS[1]] == [IDS[0], *IDS[2:]]
    assert world.dead == [(BROKEN, IDS[1])]
    assert f"answered {status}" in world.outbox.dead[0][2]


@pytest.mark.parametrize("status", [302, 401, 404, 409])
def test_an_event_that_only_fails_becomes_a_dead_letter_later(world, status):
    """The receiver may be at fault for a while; then the event is, and the others arrive."""
    world.broken.status = status
    world.start()
    early = list(world.dead)

    world.pass_time(HOUR)

    assert early == []
    assert [one for one in got(world.broken) if one != IDS[1]] == [IDS[0], *IDS[2:]]
    assert world.dead == [(BROKEN, IDS[1])]


@pytest.mark.parametrize("status", [302, 401, 404])
def test_a_wrong_key_that_is_put_right_costs_nothing(world, status):
    """Or a wrong address: for the first minute nothing is given up."""
    world.broken.answers(status)
    world.start()
    world.pass_time(MINUTE)
    world.broken.answers(200)
    world.broken.forget()

    world.pass_time(HOUR)

    assert got(world.broken) == IDS
    assert world.dead == []


def test_a_redirect_is_not_followed(world):
    """A private server that it leads to hears nothing; in the end all events are dead letters."""
    with Sink() as private:
        world.broken.redirects(f"{private.url}/latest/meta-data/")
        world.start()
        world.pass_time(2 * HOUR)

        assert private.requests == []
    assert world.dead == [(BROKEN, event) for event in IDS]
    assert "redirects are not followed" in world.outbox.dead[0][2]


def test_a_receiver_that_is_gone_is_left_alone(world):
    """410: nothing more is sent, nothing is lost, and enabling it delivers what waited."""
    world.broken.answers_next(200)
    world.broken.answers_next(410)
    world.start()
    world.pass_time(DAY)
    during = got(world.broken)

    world.outbox.enable(BROKEN)
    world.broken.forget()
    world.pass_time(MINUTE)

    assert during == IDS[:2]
    assert got(world.broken) == IDS[1:]
    assert world.dead == []


def test_an_address_that_is_not_allowed_hears_nothing(world):
    """What leads to this machine is refused at each try; then the events are dead letters."""
    url = world.broken.url.replace("127.0.0.1", "2130706433")  # the same, to who looks it up

    world.start(url=url, allow_private=False, allow_http=True)
    world.pass_time(2 * HOUR)

    assert world.broken.requests == []
    assert world.dead == [(BROKEN, event) for event in IDS]
    assert "127.0.0.1, which is loopback; if that is meant, set" in world.outbox.dead[0][2]


def test_a_receiver_that_hangs_holds_up_nobody_else(world):
    """Each exporter has a thread of its own: the others are served while one waits."""
    world.open(BROKEN, world.broken, "here", timeout_s=60)
    world.open(HEALTHY, world.healthy, "here")
    world.broken.hangs()
    relay = Relay(
        world.exporters,
        outbox=world.outbox,
        clock=world.clock,
        owner="here",
        report=lambda *_: None,
    )
    world.outbox.add_many(EVENTS, relay.route)

    relay.wake()
    world.broken.wait(1)
    world.healthy.wait(len(EVENTS))
    world.broken.stop()  # which ends the wait
    left = relay.close(0.5)

    assert got(world.broken) == IDS[:1]
    assert left == len(EVENTS)
