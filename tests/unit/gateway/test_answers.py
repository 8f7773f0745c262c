"""First answers, and the key of the ids, on disk."""

import asyncio
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from vidobs.core.errors import ConfigError, LedgerUnusableError
from vidobs.gateway.idempotency.replays import Replays, scope_of
from vidobs.gateway.idempotency.store import Kept, SqliteAnswers
from vidobs.gateway.seams import Refusal
from vidobs.gateway.videos.keeping_key import signing_key


@pytest.fixture(params=["file", "memory"])
def answers(request, tmp_path):
    """An empty store."""
    store = SqliteAnswers(str(tmp_path / "answers") if request.param == "file" else None)
    yield store
    store.close()


def test_a_claim_becomes_an_answer(answers):
    """In between it is known that somebody has sent it, and as which job."""
    claimed = Kept(request_hash="h", job_id="job_1")
    assert answers.find(b"s", after_us=0) is None
    answers.claim(b"s", claimed, at_us=10)
    assert answers.find(b"s", after_us=0) == claimed
    told = Kept(request_hash="h", job_id="", status=200, headers=((b"a", b"b"),), body=b"{}")
    answers.finish(b"s", told)
    found = answers.find(b"s", after_us=0)
    assert (found.status, found.headers, found.body) == (200, ((b"a", b"b"),), b"{}")
    assert found.job_id == "job_1"


def test_keys_end(answers):
    """After their time nothing is known of them; dropped ones are free at once."""
    for number in range(3):
        claimed = Kept(request_hash="h", job_id="j")
        answers.claim(b"%d" % number, claimed, at_us=number)
    assert answers.find(b"1", after_us=1) is None
    answers.drop(b"2")
    answers.sweep(before_us=0)
    assert [answers.find(b"%d" % n, after_us=-1) is None for n in range(3)] == [True, False, True]


async def test_old_answers_go_though_nobody_asks(answers):
    """At the start, and again and again after it; what is young enough stays."""
    times_us = [100]
    looked: asyncio.Queue[int] = asyncio.Queue()

    def now_us():
        looked.put_nowait(times_us[0])
        return times_us[0]

    replays = Replays(answers, now_us=now_us, keep_s=50e-6, recover=None)
    for at_us in (40, 60, 80):
        answers.claim(b"%d" % at_us, Kept(request_hash="h", job_id="j"), at_us=at_us)

    def left():
        return [at for at in (40, 60, 80) if answers.find(b"%d" % at, after_us=0) is not None]

    replays.start(every_s=0.001)
    assert left() == [60, 80]
    times_us[0] = 120
    while await looked.get() != 120:
        pass
    assert left() == [80]
    replays.close()


def test_a_file_that_is_no_store_is_said(tmp_path):
    """With its path, and nothing is sent then."""
    (tmp_path / "answers").write_bytes(b"x" * 5000)
    with pytest.raises(LedgerUnusableError, match="answers cannot be used"):
        SqliteAnswers(str(tmp_path / "answers"))


def test_the_file_is_its_owners(tmp_path):
    """As the ledger is; a folder that cannot be made is said."""
    SqliteAnswers(str(tmp_path / "answers")).close()
    assert stat.S_IMODE((tmp_path / "answers").stat().st_mode) == 0o600
    with pytest.raises(LedgerUnusableError):
        SqliteAnswers(str(tmp_path / "answers" / "answers"))


def test_scopes_are_of_one_owner_and_one_kind():
    """The same key of somebody else, or for a remix, is another one; a long one is refused."""
    assert len({scope_of("a", "create", "k"), scope_of("b", "create", "k"),
                scope_of("a", "remix", "k"), scope_of("a", "create", "l")}) == 4  # fmt: skip
    with pytest.raises(Refusal):
        scope_of("a", "create", "k" * 256)


def test_the_key_is_made_once_and_is_its_owners(tmp_path):
    """Several that start at once agree on one; nobody else may read it."""
    ledger = str(tmp_path / "deep" / "ledger.db")
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: signing_key(ledger), range(16)))
    assert len(keys) == 1
    place = tmp_path / "deep" / "ledger.db.gateway-key"
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert [file.name for file in place.parent.iterdir()] == [place.name]
    place.write_bytes(b"short")
    with pytest.raises(ConfigError, match="holds no key"):
        signing_key(ledger)
    assert signing_key(None) != signing_key(None)
