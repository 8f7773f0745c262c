import pytest

from vidobs.testing import isolated


@pytest.fixture
def seen():
    """What vidobs records."""
    with isolated() as found:
        yield found


@pytest.fixture(params=["sync", "async"])
def kind(request):
    """Both kinds of httpx client."""
    return request.param
