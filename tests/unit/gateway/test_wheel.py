"""Things that are due, by one timer."""

import asyncio

from vidobs.gateway.videos.wheel import TICK_S, Wheel


def turned(rests, *, most=None):
    """Add things that are due after `rests`; return what was handed over, and how late."""

    async def story():
        loop = asyncio.get_running_loop()
        done, came = asyncio.Event(), []

        def due(thing, place):
            came.append((thing, loop.time() - begun, place == places[thing]))
            if len(came) == (most or len(rests)):
                wheel.close()
                done.set()

        wheel = Wheel(loop, due)
        begun = loop.time()
        places = [wheel.add(number, rest) for number, rest in enumerate(rests)]
        await asyncio.wait_for(done.wait(), 20)
        return came, places

    return asyncio.run(story())


def test_nothing_comes_early_and_all_comes_in_order():
    """Whatever the order in which it was added; each is told its place."""
    rests = [0.3, 0.0, 0.12, 0.3, 0.01, 0.2]
    came, _ = turned(rests)
    assert all(at >= rests[thing] for thing, at, _ in came)
    assert all(known for _, _, known in came)
    assert [rests[thing] for thing, _, _ in came][-3:] == [0.2, 0.3, 0.3]


def test_what_is_due_together_has_one_place():
    """A thousand things are a few places, none of them 0."""
    came, places = turned([0.1] * 1000)
    assert len(came) == 1000
    assert len(set(places)) <= 2
    assert all(places)


def test_a_closed_wheel_hands_over_nothing():
    """What is left in it stays there."""
    came, _ = turned([0.0, 10 * TICK_S], most=1)
    assert [thing for thing, _, _ in came] == [0]
