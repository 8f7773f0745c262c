import pytest
from governance_kit import House


@pytest.fixture
def houses(tmp_path):
    """Open gateways' governance on one folder; all are closed at the end."""
    opened = []

    def open_one(**settings):
        opened.append(House(tmp_path, **settings))
        return opened[-1]

    yield open_one
    for house in opened:
        house.close()


@pytest.fixture
def house(houses):
    """A gateway's governance without configured budgets."""
    return houses()
