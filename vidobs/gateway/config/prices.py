"""Prices as LiteLLM's `model_info` has them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vidobs.core.price_rows import PriceUnit, parse_price_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vidobs.core.price_rows import PriceRow
    from vidobs.gateway.config.model import Deployment

_SECOND = re.compile(r"output_cost_per_(?:video_per_)?second(?:_(?P<tier>\w+))?")
_UNITS = {
    "output_cost_per_video": PriceUnit.VIDEO,
    "input_cost_per_image": PriceUnit.INPUT_IMAGE,
    "input_cost_per_video_per_second": PriceUnit.INPUT_SECOND,
}


def is_price(key: str) -> bool:
    """Tell whether a key of LiteLLM's is a price that counts for videos."""
    return key in _UNITS or _SECOND.fullmatch(key) is not None


def price_rows(
    prices: Mapping[str, object], deployment: Deployment, where: str
) -> tuple[PriceRow, ...]:
    """Return the prices of a deployment as rows of our own.

    Raises:
        ConfigError: one is no amount.
    """
    rows = [_row(key, usd, deployment, where) for key, usd in prices.items()]
    return parse_price_rows(rows, where=where)


def _row(key: str, usd: object, deployment: Deployment, where: str) -> dict[str, object]:
    row: dict[str, object] = {
        "model": deployment.upstream_model,
        "provider": deployment.provider,
        "unit": str(_UNITS.get(key, PriceUnit.OUTPUT_SECOND)),
        "usd": usd,
        "source": where,
    }
    found = _SECOND.fullmatch(key)
    if found is not None and found["tier"]:
        row["resolution"] = found["tier"]
    return row
