import subprocess
import sys
import threading
import time
from datetime import timedelta

import msgspec
import pytest
from governance_kit import MASTER, House

from vidobs.gateway.governance import changes
from vidobs.gateway.governance.records import Kind
from vidobs.gateway.governance.tokens import new_token
from vidobs.gateway.seams import Refusal, Role


def refused(house, token):
    """Return the code with which a key is refused."""
    with pytest.raises(Refusal) as caught:
        house.principal(token)
    assert caught.value.status == 401
    return caught.value.code


def test_a_key_says_whose_it_is(house):
    """Its owner, its name, its user and team, its models."""
    house.group("team", "films")
    made = house.key("vk_a", alias="trailer", user="ada", team="films", models=("sora-2",))
    principal = house.principal(made.text)
    assert (principal.role, principal.owner, principal.alias) == (Role.KEY, "vk_a", "trailer")
    assert (principal.user_id, principal.team_id) == ("ada", "films")
    assert principal.may_use("sora-2")
    assert not principal.may_use("veo")


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(new_token(), id="foreign"),
        pytest.param("sk-", id="short"),
        pytest.param("Bearer sk-x", id="malformed"),
        pytest.param("sk-" + "a" * 10_000_000, id="huge"),
        pytest.param("sk-\ud800\x00é", id="no text"),
        pytest.param(MASTER[:-1], id="nearly the master key"),
        pytest.param(MASTER + "\n", id="the master key and more"),
    ],
)
def test_a_wrong_key_is_refused(house, token):
    """One answer for all of them, which says nothing of what was wrong."""
    assert refused(house, token) == "invalid_api_key"


def test_a_hash_opens_nothing(house):
    """Who stole the file has no key."""
    made = house.key()
    for stolen in (made.token.hash.hex(), made.token.shown, made.account.id):
        assert refused(house, stolen) == "invalid_api_key"


@pytest.mark.parametrize("token", [None, ""])
def test_no_key_is_refused_with_what_to_send(house, token):
    """The text names the header."""
    with pytest.raises(Refusal, match="Authorization: Bearer") as caught:
        house.principal(token)
    assert caught.value.code == "missing_api_key"


def test_a_key_expires_to_the_second(house):
    """At its time, and not before."""
    made = house.key()
    until = house.clock.now + timedelta(hours=1)
    changes.change(
        house.store,
        made.account,
        house.act,
        to=lambda now: msgspec.structs.replace(now, expires_at=until),
    )
    house.directory.refresh()
    house.clock.now = until - timedelta(milliseconds=1)
    assert house.principal(made.text).owner == made.account.id
    house.clock.now = until
    assert refused(house, made.text) == "key_expired"


def test_a_blocked_team_closes_its_keys(house):
    """All of them at once, also one that joined later."""
    team = house.group("team", "films")
    first = house.key(team="films")
    changes.block(house.store, team, house.act, blocked=True)
    second = house.key(team="films")
    assert refused(house, first.text) == refused(house, second.text) == "key_blocked"
    assert house.principal(house.key().text).role is Role.KEY


@pytest.mark.parametrize(
    ("key", "team", "open_to"),
    [
        ((), (), None),
        (("a",), (), ("a",)),
        ((), ("a", "b"), ("a", "b")),
        (("a", "c"), ("a", "b"), ("a",)),
        (("c",), ("a", "b"), ("no-default-models",)),
        (("all-team-models",), ("a",), ("a",)),
        (("all-proxy-models",), (), None),
    ],
)
def test_a_key_has_the_models_that_its_team_has_too(house, key, team, open_to):
    """Nobody gets more from a key than its team may use."""
    house.group("team", "films", models=team)
    principal = house.principal(house.key(team="films", models=key).text)
    assert (principal.models or None) == open_to


def test_the_master_key_and_nobody(tmp_path):
    """With a master key it is asked for; without one anybody may come in, keys keep their owner."""
    house = House(tmp_path, master=None)
    made = house.key("vk_a")
    assert house.principal(None).role is Role.ANYONE
    assert house.principal("sk-whatever").owner == "anyone"
    assert house.principal(made.text).owner == "vk_a"
    house.close()
    house = House(tmp_path)
    assert house.principal(MASTER).role is Role.MASTER
    house.close()


OTHER = """
import sys
from datetime import UTC, datetime
from vidobs.gateway.governance import changes
from vidobs.gateway.governance.sqlite_store import SqliteKeyStore
store = SqliteKeyStore(sys.argv[1])
key = changes.key_named(store, "vk_a")
changes.block(store, key, changes.Act("other", datetime.now(UTC)), blocked=True)
"""


def test_another_process_blocks_a_key(house, tmp_path):
    """The thread that keeps the memory in step notices by itself."""
    made = house.key("vk_a")
    house.governance.start()
    assert house.principal(made.text).owner == "vk_a"
    command = [sys.executable, "-c", OTHER, str(tmp_path / "gateway.db")]
    subprocess.run(command, check=True)
    deadline = time.monotonic() + 20
    while True:
        try:
            house.principal(made.text)
        except Refusal as refusal:
            break_code = refusal.code
            break
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)
    assert break_code == "key_blocked"


def test_two_admins_at_once_lose_nothing(houses):
    """Each change is made to what the other one left."""
    one, two = houses(), houses()
    made = one.key("vk_a")
    stale = two.store.find(Kind.KEY, "vk_a")
    changes.change(
        one.store,
        made.account,
        one.act,
        to=lambda now: msgspec.structs.replace(now, models=("m",)),
    )
    changes.change(
        two.store, stale, two.act, to=lambda now: msgspec.structs.replace(now, alias="a")
    )
    found = one.store.find(Kind.KEY, "vk_a")
    assert (found.models, found.alias) == (("m",), "a")
