"""Rows by the dozen: few statements, and every row in its place."""

import apsw
import pytest

from vidobs.ledger.inserts import Insert


@pytest.fixture
def cursor():
    """Open a table of two columns and a constant one."""
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT NOT NULL, c TEXT) STRICT")
    yield connection.cursor()
    connection.close()


@pytest.mark.parametrize("number", [0, 1, 2, 16, 17, 31, 33, 63, 64, 65, 200])
def test_every_row_is_inserted(cursor, number):
    """In their order, whatever their number."""
    insert = Insert(cursor, "INSERT INTO t (b, a, c) VALUES (?, ?, 'x')")

    done = insert.run([each for row in range(number) for each in (f"row {row}", row + 1)])

    assert done == number
    found = cursor.execute("SELECT * FROM t ORDER BY a").fetchall()
    assert found == [(row + 1, f"row {row}", "x") for row in range(number)]


@pytest.mark.parametrize(
    ("number", "calls"), [(1, 1), (16, 1), (23, 2), (32, 1), (37, 2), (63, 3), (64, 1), (128, 2)]
)
def test_few_statements_are_enough(cursor, number, calls):
    """One for every number up to 16; larger numbers are put together from a few."""
    executed = []
    cursor.exec_trace = lambda _, statement, __: executed.append(statement) or True
    insert = Insert(cursor, "INSERT INTO t (b, a) VALUES (?, ?)")

    insert.run([each for row in range(number) for each in ("", row)])

    assert len(executed) == calls
    assert insert.fits(number) == (calls == 1)


def test_rows_that_are_there_are_changed_and_counted(cursor):
    """What follows the values belongs to every statement; rows that it spares do not count."""
    cursor.execute("INSERT INTO t (a, b) VALUES (1, 'old'), (2, 'kept'), (3, 'old')")
    insert = Insert(
        cursor,
        "INSERT INTO t (a, b) VALUES (?, ?)\n"
        "ON CONFLICT (a) DO UPDATE SET b = excluded.b WHERE b = 'old'",
    )

    assert insert.run([1, "new", 2, "new", 3, "new"]) == 2
    assert cursor.execute("SELECT b FROM t ORDER BY a").fetchall() == [
        ("new",),
        ("kept",),
        ("new",),
    ]
