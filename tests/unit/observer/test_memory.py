"""What a process remembers of polls and prompts: bounded, and right when threads meet."""

import threading

from vidobs.observer.memory import PollCounts, Prompts

JOB = ("openai", "video_1")


def test_polls_between_changes_are_counted():
    """Each change takes along the polls since the last."""
    polls = PollCounts()
    assert polls.changed(JOB, ("queued", 0)) == 1
    assert [polls.same(JOB, ("queued", 0)) for _ in range(3)] == [True] * 3
    assert not polls.same(JOB, ("in_progress", 5))
    assert polls.changed(JOB, ("in_progress", 5)) == 4


def test_a_poll_that_failed_changes_nothing():
    """The next one that says the same is no change."""
    polls = PollCounts()
    polls.changed(JOB, ("queued", 0))
    assert polls.changed(JOB, None) == 1
    assert polls.same(JOB, ("queued", 0))


def test_what_was_not_written_goes_with_the_next():
    """Polls that were not worth a write are not lost."""
    polls = PollCounts()
    polls.keep(JOB, polls.changed(JOB, ("queued", 0)))
    assert polls.changed(JOB, ("completed", 100)) == 2


def test_a_forgotten_job_is_new():
    """After a write that failed the same answer counts as a change."""
    polls = PollCounts()
    polls.changed(JOB, ("completed", 100))
    polls.forget(JOB)
    assert not polls.same(JOB, ("completed", 100))


def test_memory_is_bounded():
    """The oldest goes, of polls and of prompts."""
    polls, prompts = PollCounts(most=3), Prompts(most=3)
    for number in range(5):
        polls.changed(("openai", f"{number}"), ("queued", 0))
        prompts.keep(("openai", f"{number}"), f"prompt {number}")
    assert [polls.same(("openai", f"{n}"), ("queued", 0)) for n in range(5)] == [
        False,
        False,
        True,
        True,
        True,
    ]
    assert prompts.get(("openai", "1")) is None
    assert prompts.get(("openai", "4")) == "prompt 4"


def test_threads_do_not_break_it():
    """Changes from many threads at the bound neither raise nor grow."""
    polls = PollCounts(most=10)
    errors = []

    def work(thread):
        try:
            for number in range(2000):
                polls.changed(("openai", f"{thread}-{number}"), ("queued", 0))
        except RuntimeError as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(polls._last) <= 10
