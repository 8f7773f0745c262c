"""The price book: finds the rows of a model and remembers what it has priced.

Which row counts: one that names the model before one for `*`; then the layer added last, so that
rows of the user come before the built-in ones; then one that names the provider before one for
`*`; then the one that says most about the job.
"""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING

from vidobs.core.price_rows import (
    ANY,
    PriceRow,
    PriceStatus,
    PriceTable,
    PriceUnit,
    parse_price_rows,
    read_price_table,
)
from vidobs.core.tariff import Groups, Priced, PriceQuery, priced

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date

    from vidobs.core.money import Cost

__all__ = [
    "ANY",
    "PriceBook",
    "PriceQuery",
    "PriceRow",
    "PriceStatus",
    "PriceTable",
    "PriceUnit",
    "Priced",
    "parse_price_rows",
    "read_price_table",
]

MEMO_SIZE = 1024  # answers kept; a service asks for few different videos

_DATE = re.compile(r"-(\d{4}-\d{2}-\d{2}|\d{8})$")

Layer = dict[tuple[str, str], tuple[PriceRow, ...]]


class PriceBook:
    """Prices of every model, immutable but for its memory of answers."""

    __slots__ = ("_groups", "_layers", "_memo", "_providers", "_quotes", "quoted")

    def __init__(self, *layers: Iterable[PriceRow]) -> None:
        """Index rows, the layer that counts most first; a `row_id` counts once."""
        seen: set[str] = set()
        self._layers: tuple[Layer, ...] = tuple(_layer(rows, seen) for rows in layers)
        self._providers = frozenset(key[0] for layer in self._layers for key in layer) - {ANY}
        self._memo: dict[PriceQuery, Priced] = {}
        self._groups: dict[tuple[str, str], Groups] = {}
        self._quotes: dict[tuple[object, ...], Cost] = {}
        self.quoted = self._quotes.get  # what `keep_quote` kept; `None` for what it did not

    def price(self, query: PriceQuery) -> Priced:
        """Price a job. Under a microsecond when the same was asked before; does not raise."""
        known = self._memo.get(query)
        if known is not None:
            return known
        answer = priced(query, self._groups_of(query.provider, query.model))
        if len(self._memo) >= MEMO_SIZE:
            self._memo.clear()
        self._memo[query] = answer
        return answer

    def keep_quote(self, asked: tuple[object, ...], quote: Cost) -> None:
        """Remember what these prices made of a request, in whatever form that is asked for."""
        if len(self._quotes) >= MEMO_SIZE:
            self._quotes.clear()
        self._quotes[asked] = quote

    def with_rows(self, rows: Iterable[PriceRow]) -> PriceBook:
        """Return a book in which `rows` come first; a row with the same `row_id` is replaced."""
        return PriceBook(rows, *(chain.from_iterable(layer.values()) for layer in self._layers))

    def rows(self, provider: str | None = None, model: str | None = None) -> tuple[PriceRow, ...]:
        """Return the rows, those that count most first; optionally of one provider or model."""
        return tuple(
            row
            for layer in self._layers
            for (its_provider, its_model), rows in layer.items()
            if provider is None or its_provider == provider.lower()
            if model is None or its_model == model.strip().lower()
            for row in rows
        )

    def knows(self, provider: str, model: str) -> bool:
        """Whether a row names this model of the provider; rows for `*` do not count."""
        return any(self._named(provider.lower(), name) for name in self._spellings(provider, model))

    def providers(self, model: str | None = None) -> tuple[str, ...]:
        """Return the providers in the book, optionally those with a row that names `model`."""
        known = sorted(self._providers)
        return tuple(name for name in known if model is None or self.knows(name, model))

    def retired(self, provider: str, model: str, on: date) -> PriceRow | None:
        """Return a row of a model that is gone by `on`; `None` while any row of it is alive."""
        for name in self._spellings(provider, model):
            groups = self._named(provider.lower(), name)
            rows = [row for group in groups for row in group]
            if rows:
                return rows[0] if all(row.retired(on) for row in rows) else None
        return None

    def _groups_of(self, provider: str, model: str) -> Groups:
        """The rows that may price a model, in groups, the one that counts most first."""
        groups = self._groups.get((provider, model))
        if groups is None:
            groups = self._find(provider, model)
            if len(self._groups) >= MEMO_SIZE:
                self._groups.clear()
            self._groups[(provider, model)] = groups
        return groups

    def _find(self, provider: str, model: str) -> Groups:
        known = provider.lower()
        spellings = (self._named(known, name) for name in self._spellings(provider, model))
        named = next((rows for rows in spellings if rows), ())
        return named + self._named(known, ANY)

    def _named(self, provider: str, model: str) -> Groups:
        """Groups of rows that carry exactly this (lower-case) model, by layer and provider."""
        found = (layer.get((name, model)) for layer in self._layers for name in (provider, ANY))
        return tuple(rows for rows in found if rows)

    def _spellings(self, provider: str, model: str) -> Iterator[str]:
        """The model as given, then without a provider's prefix, then without a date at the end."""
        name = model.strip().lower()
        yield name
        prefix, slash, rest = name.partition("/")
        bare = name
        if slash and (prefix in self._providers or prefix == provider.lower()):
            bare = rest
            yield bare
        if (undated := _DATE.sub("", bare)) != bare:
            yield undated


def _layer(rows: Iterable[PriceRow], seen: set[str]) -> Layer:
    """Index the rows whose id was not seen before."""
    index: dict[tuple[str, str], list[PriceRow]] = {}
    for row in rows:
        if (row_id := row.row_id.lower()) not in seen:
            seen.add(row_id)
            index.setdefault((row.provider.lower(), row.model.strip().lower()), []).append(row)
    return {key: tuple(found) for key, found in index.items()}
