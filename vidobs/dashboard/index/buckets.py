"""Durations counted in buckets 5 % apart, and the quantiles that can be read from them. Pure.

The middle of a bucket, in the sense of ratios, is within 2.5 % of everything in it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

RATIO = 1.05
_LEAST_S = 0.001  # what is shorter lies in the first bucket
_LOG = math.log(RATIO)


def bucket_of(seconds: float) -> int:
    """Return the bucket of a duration."""
    return 0 if seconds <= _LEAST_S else 1 + int(math.log(seconds / _LEAST_S) / _LOG)


def seconds_of(bucket: int) -> float:
    """Return the duration that stands for a bucket."""
    if bucket == 0:
        return 0.0
    return float(f"{_LEAST_S * RATIO ** (bucket - 0.5):.4g}")


def quantile(counts: Mapping[int, int], share: float) -> float | None:
    """Return the duration that this share of all does not pass; `None` where there is none."""
    wanted = math.ceil(share * sum(counts.values()))
    seen = 0
    for bucket in sorted(counts):
        seen += counts[bucket]
        if seen >= wanted > 0:
            return seconds_of(bucket)
    return None
