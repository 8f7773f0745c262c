import msgspec
import pytest

from vidobs.dashboard.index.fingerprints import MOST_CHARS, Failing, likeness


@pytest.mark.parametrize(
    ("message", "like"),
    [
        ("Worker 12 ended after 31.5 s", "Worker <n> ended after <n> s"),
        ("video_68f0ab12 was withheld", "<id> was withheld"),
        ("req 0194f1c2-7f3e-7000-8000-1234567890ab", "req <id>"),
        ("no such file 'a fox.png' in \"b\"", "no such file <text> in <text>"),
        ("it's not the user's fault", "it's not the user's fault"),
        ("see https://example.com/a?b=1 now", "see <url> now"),
        ("at 12:30:05,  2026-11-20", "at <n>, <n>-<n>-<n>"),
        ("deadbeefdeadbeefdeadbeef", "<id>"),
        ("out of memory", "out of memory"),
        ("", None),
        (None, None),
    ],
)
def test_what_differs_is_taken_out(message, like):
    """Numbers, ids, addresses and quotations do not tell failures apart; words do."""
    assert likeness(message) == like


def test_messages_are_cut():
    """A page of HTML as a message is no more than its beginning, and takes no time."""
    assert len(likeness("word " * 100_000)) <= MOST_CHARS


@pytest.mark.parametrize(
    "other",
    [
        {"provider": "azure"},
        {"model": None},
        {"reason": "lost"},
        {"code": "x"},
        {"message": None},
    ],
)
def test_fingerprints_tell_kinds_apart(other):
    """The same provider, model, reason, code and likeness is one kind; anything else another."""
    one = Failing("openai", "sora-2", "timeout", None, "Job <n> took too long")

    assert msgspec.structs.replace(one).fingerprint == one.fingerprint
    assert msgspec.structs.replace(one, **other).fingerprint != one.fingerprint
