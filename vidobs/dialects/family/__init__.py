"""The dialects, one file each: every module here has one, as `DIALECT`."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vidobs.dialects.rows import Variant


def members() -> Mapping[str, Variant]:
    """Return the dialects by their names, OpenAI's first."""
    modules = (import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__))
    known: list[Variant] = [module.DIALECT for module in modules]
    known.sort(key=lambda variant: (variant.name != "openai", variant.name))
    return {variant.name: variant for variant in known}
