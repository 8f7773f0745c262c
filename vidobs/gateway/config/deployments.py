"""Entries of `model_list`, as LiteLLM has them.

https://docs.litellm.ai/docs/proxy/configs
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from vidobs.config import readers
from vidobs.core.errors import ConfigError, unknown_name
from vidobs.core.price_rows import PriceRow
from vidobs.core.standard_webhooks import key_of as key_of_secret
from vidobs.dialects.variants import VARIANTS
from vidobs.gateway.config.addresses import base_url, key_of
from vidobs.gateway.config.model import Deployment
from vidobs.gateway.config.prices import is_price, price_rows
from vidobs.gateway.config.sections import MODELS, mapping

if TYPE_CHECKING:
    from vidobs.config.yaml_file import Document
    from vidobs.dialects.rows import Variant

PARAMS, INFO = "litellm_params", "model_info"
_OF_PROVIDER = {variant.provider: variant for variant in VARIANTS.values()}
_PARAMS = frozenset(
    {
        "model", "api_key", "api_base", "base_url", "api_version", "weight", "timeout",
        "extra_headers", "custom_llm_provider", "dialect", "webhook_secret",
    }
)  # fmt: skip
_INFO = frozenset({"id", "mode", "description", "base_model", "supported_openai_params"})
_ID_HEX = 12


class Listed(msgspec.Struct, frozen=True):
    """What `model_list` came to."""

    deployments: tuple[Deployment, ...] = ()
    prices: tuple[PriceRow, ...] = ()
    warnings: tuple[str, ...] = ()


def listed(document: Document, environ: Mapping[str, str]) -> Listed:
    """Read `model_list`; entries of providers that make no videos here are left out, with a word.

    Raises:
        ConfigError: an entry cannot be used; with its line.
    """
    value = document.values.get(MODELS) or []
    if not isinstance(value, list):
        raise ConfigError(f"{document.where(MODELS)}: {MODELS} must be a list")
    deployments: list[Deployment] = []
    prices: list[PriceRow] = []
    warnings: list[str] = []
    for index, entry in enumerate(value):
        one = _Entry(document, index, entry, environ)
        warnings += one.unread()
        if one.variant is None:
            warnings.append(one.left_out())
            continue
        made = one.deployment()
        deployments.append(_distinct(made, deployments))
        prices += price_rows(one.prices(), made, one.where)
    return Listed(tuple(deployments), tuple(prices), tuple(warnings))


def provider_and_model(named: str) -> tuple[str, str]:
    """Split LiteLLM's name of a model; one without a provider is OpenAI's."""
    provider, slash, model = named.partition("/")
    return (provider, model) if slash else ("openai", named)


class _Entry:
    """One entry of the list."""

    def __init__(
        self, document: Document, index: int, entry: object, environ: Mapping[str, str]
    ) -> None:
        self.where = document.where(MODELS, index)
        self._document = document
        self._index = index
        self._environ = environ
        self._entry = mapping(document, entry, MODELS, index)
        self._params = mapping(document, self._entry.get(PARAMS), MODELS, index, PARAMS)
        self._info = mapping(document, self._entry.get(INFO), MODELS, index, INFO)
        self.name = readers.text(self._entry.get("model_name"), f"{self.where}: model_name")
        named = readers.text(self._params.get("model"), f"{self.where}: {PARAMS}.model")
        self._provider, self._model = provider_and_model(named)
        own = self._params.get("custom_llm_provider")
        if isinstance(own, str) and own:
            self._provider, self._model = own, named.removeprefix(f"{own}/")
        self.variant = self._variant()

    def _variant(self) -> Variant | None:
        dialect = self._params.get("dialect")
        if dialect is None:
            return _OF_PROVIDER.get(self._provider)
        found = VARIANTS.get(str(dialect))
        if found is None:
            where = self._place(PARAMS, "dialect")
            raise ConfigError(f"{where}: {unknown_name('dialect', str(dialect), VARIANTS)}")
        return found

    def unread(self) -> list[str]:
        """Warn of keys that are LiteLLM's and not read."""
        said = []
        for section, given, known in (
            (PARAMS, self._params, _PARAMS),
            (INFO, self._info, _INFO),
        ):
            for key in given:
                if key not in known and not is_price(key):
                    place = self._place(section, key)
                    said.append(f"{place}: {section}.{key} is LiteLLM's; vidobs does not read it")
        return said

    def left_out(self) -> str:
        """Say that the entry makes no videos here."""
        known = ", ".join(sorted(_OF_PROVIDER))
        return (
            f"{self.where}: model {self.name!r} is left out: provider {self._provider!r} makes no "
            f"videos by the OpenAI protocol here; known: {known}"
        )

    def deployment(self) -> Deployment:
        """Return what the entry says."""
        params, variant = self._params, self.variant
        if variant is None:
            raise AssertionError
        place = self._place(PARAMS)
        base = base_url(
            _text(params.get("api_base") or params.get("base_url")), variant, self._environ, place
        )
        key, bearer = key_of(_text(params.get("api_key")), variant, self._environ, place)
        headers = {str(k): str(v) for k, v in self._headers().items()}
        if key is not None:
            header = variant.key_header
            headers |= {"Authorization": f"Bearer {key}"} if bearer or not header else {header: key}
        version = _text(params.get("api_version"))
        return Deployment(
            id=_text(self._info.get("id")) or _id(self.name, self._provider, self._model, base),
            model_name=self.name,
            provider=self._provider,
            variant=variant,
            upstream_model=self._model,
            base_url=base,
            api_key=key,
            headers=headers,
            query={} if version is None else {"api-version": version},
            weight=self._number("weight", 1.0),
            timeout_s=self._number("timeout", 600.0),
            webhook_key=self._webhook_key(),
        )

    def prices(self) -> dict[str, object]:
        """Return the prices among what is said of the model."""
        both = {**self._params, **self._info}
        return {key: value for key, value in both.items() if is_price(key) and value is not None}

    def _headers(self) -> Mapping[str, object]:
        given = self._params.get("extra_headers")
        return mapping(self._document, given, MODELS, self._index, PARAMS, "extra_headers")

    def _webhook_key(self) -> bytes | None:
        given = _text(self._params.get("webhook_secret"))
        try:
            return None if given is None else key_of_secret(given)
        except ValueError as error:
            place = self._place(PARAMS, "webhook_secret")
            raise ConfigError(f"{place}: webhook_secret: {error}") from None

    def _number(self, key: str, default: float) -> float:
        value = self._params.get(key)
        if value is None:
            return default
        number = readers.seconds(value, f"{self._place(PARAMS, key)}: {key}")
        if not math.isfinite(number):
            raise ConfigError(f"{self._place(PARAMS, key)}: {key} must be a number")
        return number

    def _place(self, *path: str) -> str:
        return self._document.where(MODELS, self._index, *path)


def _text(value: object) -> str | None:
    if value is None or isinstance(value, Mapping | list | bool):
        return None
    return str(value).strip() or None


def _id(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:_ID_HEX]


def _distinct(made: Deployment, others: list[Deployment]) -> Deployment:
    """Give an entry an id of its own, where one before it says the same."""
    taken = {other.id for other in others}
    number, its_id = 1, made.id
    while its_id in taken:
        number += 1
        its_id = f"{made.id}-{number}"
    return made if its_id == made.id else msgspec.structs.replace(made, id=its_id)
