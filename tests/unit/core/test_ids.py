"""Ids made from a time and random bits."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from vidobs.core import ids

times = st.integers(0, 2**48 * 1_000_000 - 1)
bits = st.integers(0, 2**ids.SEED_BITS - 1)


@given(times, bits)
def test_the_id_of_an_event_is_a_uuid_of_version_7(now_ns, random):
    """It is what the hex digits of a job's id are, in the usual form."""
    made = ids.event_id(now_ns, random)

    assert made == str(UUID(ids.uuid7_hex(now_ns, random)))
    assert (UUID(made).version, UUID(made).variant) == (7, "specified in RFC 4122")
    assert UUID(made).int >> 80 == now_ns // 1_000_000
