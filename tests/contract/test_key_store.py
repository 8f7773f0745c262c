"""What every store of virtual keys does, whatever its database."""

import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest

from vidobs.gateway.governance.database import AliasTakenError, StaleAccountError, StoreError
from vidobs.gateway.governance.records import (
    Account,
    Action,
    Allowance,
    AuditEntry,
    Edit,
    Kind,
    Token,
)
from vidobs.gateway.governance.sqlite_store import SqliteKeyStore
from vidobs.gateway.governance.store import AuditWanted, Wanted

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
BACKENDS = {"sqlite": lambda folder: SqliteKeyStore(str(folder / "gateway.db"))}


@pytest.fixture(params=BACKENDS)
def opened(request, tmp_path):
    """Open stores on one database, as processes do; all are closed at the end."""
    stores = []

    def open_one():
        stores.append(BACKENDS[request.param](tmp_path))
        return stores[-1]

    yield open_one
    for store in stores:
        store.close()


@pytest.fixture
def store(opened):
    """A store."""
    return opened()


def account(account_id="vk_1", *, kind=Kind.KEY, minute=0, **fields):
    """Return a new account."""
    at = NOW + timedelta(minutes=minute)
    return Account(kind=kind, id=account_id, created_at=at, updated_at=at, **fields)


def token(number, owner="vk_1", **fields):
    """Return a token."""
    return Token(hash=bytes([number] * 32), owner=owner, shown="sk-...x", created_at=NOW, **fields)


def edit(after, *tokens, before=None, action=Action.CREATED, at=NOW):
    """Return a change."""
    audit = AuditEntry(
        at=at,
        actor="master",
        action=action,
        kind=after.kind,
        object_id=after.id,
        before=before,
        after=after,
    )
    return Edit(account=after, tokens=tokens, audit=audit)


def test_an_account_comes_back_as_it_was_saved(store):
    """Every field, amounts exactly; only its version is new."""
    whole = account(
        alias="films",
        user_id="ada",
        team_id="t",
        models=("a", "b"),
        metadata={"x": [1, {"y": None}]},
        blocked=True,
        expires_at=NOW,
        allowance=Allowance(max_budget=Decimal("0.100000001"), budget_duration="30d", rpm_limit=5),
    )
    saved = store.save(edit(whole, token(1)))
    assert saved.version > 0
    assert msgspec.structs.replace(saved, version=0) == whole
    assert store.find(Kind.KEY, "vk_1") == saved
    assert store.by_alias(Kind.KEY, "films") == saved
    assert store.find(Kind.TEAM, "vk_1") is None
    assert store.owner_of(bytes([1] * 32)) == "vk_1"
    assert store.owner_of(bytes(32)) is None
    assert list(store.tokens_of("vk_1")) == [token(1)]


def test_who_looked_too_early_is_told(opened):
    """Compare and swap: a change of what another one changed meanwhile is refused, all of it."""
    one, other = opened(), opened()
    first = one.save(edit(account()))
    one.save(edit(msgspec.structs.replace(first, blocked=True), action=Action.BLOCKED))
    late = msgspec.structs.replace(first, models=("m",))
    with pytest.raises(StaleAccountError):
        other.save(edit(late, token(9), action=Action.UPDATED))
    assert other.find(Kind.KEY, "vk_1").blocked
    assert other.owner_of(bytes([9] * 32)) is None
    assert other.count_audit(AuditWanted()) == 2


def test_ids_and_living_aliases_are_there_once(store):
    """For each kind; a deleted account leaves its alias to others."""
    first = store.save(edit(account(alias="a")))
    for clash in (account("vk_2", alias="a"), account("vk_1")):
        with pytest.raises(AliasTakenError):
            store.save(edit(clash))
    store.save(edit(account("t", kind=Kind.TEAM, alias="a")))
    store.save(edit(msgspec.structs.replace(first, deleted=True), action=Action.DELETED))
    again = store.save(edit(account("vk_2", alias="a")))
    assert store.by_alias(Kind.KEY, "a") == again
    assert store.find(Kind.KEY, "vk_1").deleted


def test_a_token_is_closed_by_saving_it_again(store):
    """Rotation: the old one gets an end, the new one comes last."""
    first = store.save(edit(account(), token(1)))
    until = NOW + timedelta(hours=1)
    store.save(edit(first, token(1, until=until), token(2), action=Action.ROTATED))
    assert list(store.tokens_of("vk_1")) == [token(1, until=until), token(2)]


def test_accounts_are_listed_by_page(store):
    """The newest first; filters and counts go together; deleted ones are not there."""
    for number in range(5):
        user = "ada" if number % 2 else "bob"
        store.save(edit(account(f"vk_{number}", minute=number, user_id=user, team_id="t")))
    gone = store.find(Kind.KEY, "vk_4")
    store.save(edit(msgspec.structs.replace(gone, deleted=True), action=Action.DELETED))
    page = Wanted(kind=Kind.KEY, limit=2, offset=1)
    assert [one.id for one in store.accounts(page)] == ["vk_2", "vk_1"]
    assert store.count(page) == 4
    of_ada = Wanted(kind=Kind.KEY, user_id="ada", team_id="t")
    assert [one.id for one in store.accounts(of_ada)] == ["vk_3", "vk_1"]
    assert store.count(of_ada) == 2
    assert store.count(Wanted(kind=Kind.USER)) == 0


def test_the_audit_log_has_every_change(store):
    """In order, with before and after; filtered by what it was and by time."""
    first = store.save(edit(account()))
    later = NOW + timedelta(days=1)
    changed = msgspec.structs.replace(first, blocked=True)
    store.save(edit(changed, before=first, action=Action.BLOCKED, at=later))
    store.save(edit(account("t", kind=Kind.TEAM)))
    lines = store.audit(AuditWanted(object_id="vk_1"))
    assert [(one.action, one.at, one.before) for one in lines] == [
        (Action.BLOCKED, later, first),
        (Action.CREATED, NOW, None),
    ]
    assert lines[0].after == changed
    assert [one.kind for one in store.audit(AuditWanted(kind=Kind.TEAM))] == [Kind.TEAM]
    assert [one.at for one in store.audit(AuditWanted(since=later))] == [later]
    assert store.count_audit(AuditWanted()) == 3
    assert [one.seq for one in store.audit(AuditWanted(limit=1, offset=1))] == [2]


def test_changes_tell_what_is_new_here_and_elsewhere(opened):
    """Each once, to everybody who asks; nothing while nothing changed."""
    one, other = opened(), opened()
    assert one.changes(0) is None
    saved = one.save(edit(account(), token(1)))
    for store in (one, other):
        found = store.changes(0)
        assert (found.accounts, found.tokens) == ((saved,), (token(1),))
        assert store.changes(found.version) is None
    changed = other.save(edit(msgspec.structs.replace(saved, blocked=True), action=Action.BLOCKED))
    for store in (one, other):
        found = store.changes(saved.version)
        assert (found.accounts, found.tokens) == ((changed,), ())


def test_many_admins_at_once_are_all_heard(opened):
    """Several threads and stores save at once: nothing is lost, versions never repeat."""
    stores = [opened() for _ in range(3)]
    seen = []

    def save(store, name):
        seen.extend(store.save(edit(account(f"{name}_{number}"))).version for number in range(10))

    threads = [
        threading.Thread(target=save, args=(store, f"vk_{place}"))
        for place, store in enumerate([*stores, stores[0]])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == list(range(1, 41))
    assert stores[0].count(Wanted(kind=Kind.KEY)) == 40


def test_a_file_of_something_else_is_left_alone(tmp_path):
    """A foreign database, or no database at all, is said and not changed."""
    other = tmp_path / "gateway.db"
    other.write_bytes(b"these are not the keys you are looking for" * 100)
    with pytest.raises(StoreError, match="cannot be used"):
        SqliteKeyStore(str(other))
    assert other.read_bytes().startswith(b"these are not")
