"""An exporter that gets some events, in the form chosen for it."""

from itertools import product

import msgspec
import pytest
from exporter_kit import an_event
from hypothesis import given
from hypothesis import strategies as st

from vidobs import EventName, Exporter, ExportError
from vidobs.core.capture import Content
from vidobs.delivery.options import READERS, chosen
from vidobs.delivery.subscription import SubscribedExporter

DONE, MOVED = EventName.COMPLETED, EventName.PROGRESS


@pytest.fixture
def subscribe(make_sink):
    """Put options around an exporter that keeps what it gets."""

    def made(inner=None, **options):
        values = {name: READERS[name](value, Content.FULL) for name, value in options.items()}
        inner = inner or make_sink()
        return SubscribedExporter(inner, chosen(values)), inner

    return made


def batch_of(names):
    """Build a batch of events with these names."""
    return [an_event(name, number) for number, name in enumerate(names, start=1)]


def test_to_the_relay_it_is_the_exporter_itself(subscribe, make_sink):
    """Name, durability, closing, and whatever else the exporter has are its own."""

    class Complete(type(make_sink())):
        max_batch = 5

        def check(self, event):
            """Return what it was sent."""
            return f"took {event.name}"

    wrapped, inner = subscribe(Complete("sink/audit", durable=False), events="video.completed")

    assert isinstance(wrapped, Exporter)
    assert (wrapped.name, wrapped.durable, wrapped.max_batch) == ("sink/audit", False, 5)
    assert wrapped.check(an_event(EventName.FAILED)) == "took video.failed"
    wrapped.close()
    assert inner.closed == 1


def test_what_the_exporter_lacks_is_lacking(subscribe):
    """Optional members are not made up."""
    wrapped, _ = subscribe(events="*")

    assert not hasattr(wrapped, "check")
    assert not hasattr(wrapped, "max_batch")


def test_only_what_is_wanted_is_handed_on(subscribe):
    """The order stays, and what is left out is counted."""
    wrapped, inner = subscribe(events="!video.progress")
    batch = batch_of([MOVED, DONE, MOVED, MOVED, DONE])

    wrapped.export(batch)

    assert inner.batches == [[batch[1], batch[4]]]
    assert wrapped.passed_over == 3


def test_nothing_left_is_nothing_to_do(subscribe):
    """The exporter does not see an empty batch."""
    wrapped, inner = subscribe(events="!video.progress")

    wrapped.export(batch_of([MOVED, MOVED]))

    assert inner.batches == []
    assert wrapped.passed_over == 2


@pytest.mark.parametrize("wanted", list(product([True, False], repeat=4)))
@pytest.mark.parametrize("arrived", range(6))
def test_how_many_arrived_is_said_of_the_whole_batch(subscribe, wanted, arrived):
    """What the exporter says of its part comes out as a place in the batch it came from."""
    wrapped, inner = subscribe(events="video.completed")
    batch = batch_of([DONE if want else MOVED for want in wanted])
    error = ExportError("half", delivered=arrived)
    inner.script.append(error)
    kept = [place for place, want in enumerate(wanted, start=1) if want]

    if not kept:
        wrapped.export(batch)
        return
    with pytest.raises(ExportError) as caught:
        wrapped.export(batch)

    there = batch[: caught.value.delivered]
    assert caught.value is error
    assert sum(event.name is DONE for event in there) == min(arrived, len(kept))
    assert not there or there[-1].name is DONE
    assert wrapped.passed_over == sum(event.name is MOVED for event in there)


@given(st.lists(st.booleans(), max_size=8), st.lists(st.integers(0, 3), max_size=8))
def test_with_retries_every_wanted_event_arrives_once(wanted, steps):
    """However often it breaks off: the rest of the batch completes what arrived."""
    arrived = []

    class Breaking:
        name, durable = "breaking", True

        def export(self, batch):
            """Take as many as the next step says."""
            most = steps.pop(0) if steps else len(batch)
            arrived.extend(batch[:most])
            if most < len(batch):
                raise ExportError("broke off", delivered=most)

        def close(self):
            """Do nothing."""

    choices = chosen({"events": frozenset({DONE})})
    wrapped = SubscribedExporter(Breaking(), choices)
    batch = batch_of([DONE if want else MOVED for want in wanted])
    rest = batch
    for _ in range(10):
        try:
            wrapped.export(rest)
            break
        except ExportError as error:
            rest = rest[error.delivered :]
    else:
        pytest.fail("it never ends")

    assert arrived == [event for event in batch if event.name is DONE]
    assert wrapped.passed_over == len(batch) - len(arrived)


def test_other_failures_pass_through(subscribe):
    """What is no `ExportError` says nothing of what arrived."""
    wrapped, inner = subscribe(events="*")
    inner.script.append(OSError("gone"))

    with pytest.raises(OSError, match="gone"):
        wrapped.export([an_event()])

    assert wrapped.passed_over == 0


def test_the_prompt_is_lowered(subscribe):
    """The exporter sees no more of it than was chosen for it."""
    wrapped, inner = subscribe(capture="none")
    batch = [an_event(prompt="a heron at dawn")]

    wrapped.export(batch)

    assert inner.events == [an_event()]
    assert batch[0].job.prompt == "a heron at dawn"


def retold(event):
    """Change an event."""
    return msgspec.structs.replace(event, detail=f"{event.detail or ''}!")


def no_progress(event):
    """Leave some out."""
    return None if event.name is MOVED else event


def test_processors_run_in_order(subscribe):
    """Each gets what the one before made; what one leaves out the next never sees."""
    seen = []

    def look(event):
        seen.append(event.name)
        return retold(event)

    wrapped, inner = subscribe(processors=[retold, no_progress, look])

    wrapped.export(batch_of([MOVED, DONE]))

    assert seen == [DONE]
    assert [event.detail for event in inner.events] == ["!!"]
    assert wrapped.passed_over == 1


def test_processors_see_what_is_left_of_the_prompt(subscribe):
    """Lowering comes first, so that no processor gets what its exporter must not have."""
    seen = []
    wrapped, _ = subscribe(capture="none", processors=lambda event: seen.append(event.job.prompt))

    wrapped.export([an_event(prompt="a heron at dawn")])

    assert seen == [None]


def test_a_processor_by_its_path(subscribe):
    """In YAML a function is named by module and place in it."""
    wrapped, inner = subscribe(processors=["copy:copy", "copy:deepcopy"])

    wrapped.export([an_event()])

    assert inner.events == [an_event()]


def test_a_processor_that_raises_fails_the_batch(subscribe):
    """Nothing goes out, not even what came before it; the relay sees the error itself."""

    def broken(event):
        if event.name is MOVED:
            raise LookupError("no such team")
        return event

    wrapped, inner = subscribe(processors=broken)

    with pytest.raises(LookupError, match="no such team"):
        wrapped.export(batch_of([DONE, MOVED]))

    assert inner.batches == []


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda _: {"id": 1}, "returned dict"),
        (lambda _: True, "returned bool"),
        (
            lambda event: msgspec.structs.replace(event, id="mine"),
            "changed the id, by which receivers know an event again",
        ),
    ],
)
def test_what_a_processor_returns_must_be_the_event(subscribe, made, said):
    """Anything else is an error that names the processor, and nothing goes out."""
    wrapped, inner = subscribe(processors=[made])

    with pytest.raises(ExportError) as caught:
        wrapped.export([an_event()])

    assert str(caught.value) == (
        f"exporter 'sink': processor {made.__qualname__} {said}; return the event, a copy made by "
        "msgspec.structs.replace(), or None to leave it out"
    )
    assert caught.value.retryable is None
    assert inner.batches == []
