"""Identifiers, built from a time and random bits that the caller brings."""

from __future__ import annotations

SEED_BITS = 74  # the random bits of a UUIDv7

_VERSION_7 = 7 << 76
_VARIANT = 2 << 62
_RAND_A = (1 << 12) - 1
_RAND_B = (1 << 62) - 1


def uuid7_hex(now_ns: int, random: int) -> str:
    """Return the 32 hex digits of a UUIDv7 (RFC 9562) for a time in ns and 74 random bits."""
    return "%032x" % (
        (now_ns // 1_000_000 << 80)
        | _VERSION_7
        | ((random >> 62 & _RAND_A) << 64)
        | _VARIANT
        | (random & _RAND_B)
    )


def event_id(now_ns: int, random: int) -> str:
    """Return a UUIDv7 in its usual form with hyphens."""
    ms = now_ns // 1_000_000
    return "%08x-%04x-7%03x-%04x-%012x" % (  # noqa: UP031 - format() takes half as long again
        ms >> 16,
        ms & 0xFFFF,
        random >> 62 & _RAND_A,
        0x8000 | (random >> 48 & 0x3FFF),
        random & 0xFFFF_FFFF_FFFF,
    )


def job_id(now_ns: int, random: int) -> str:
    """Return the id of a job: sortable by time, unique across processes."""
    return "job_" + uuid7_hex(now_ns, random)


def trace_id(random: int) -> str:
    """Return a W3C trace id (32 hex digits, never all zero) from 128 random bits."""
    return "%032x" % (random or 1)


def span_id(random: int) -> str:
    """Return a W3C span id (16 hex digits, never all zero) from 64 random bits."""
    return "%016x" % (random or 1)
