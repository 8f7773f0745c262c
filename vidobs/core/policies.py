"""Whether a provider bills a job that did not end with a video.

Only what a provider states is written down here. Everything else is *unknown*: such a job is
released and shown as possible spend, never counted as free and never as billed.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

import msgspec

from vidobs.core.errors import ConfigError, unknown_name


class Billed(StrEnum):
    """Whether a kind of job is billed."""

    YES = "yes"  # the provider says so
    NO = "no"  # the provider says so
    UNKNOWN = "unknown"  # nobody says


class BillingPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider says about jobs without a video, and where it says so."""

    bill_on_failed: Billed = Billed.UNKNOWN
    bill_on_moderated: Billed = Billed.UNKNOWN
    bill_on_cancelled: Billed = Billed.UNKNOWN
    failed_source: str | None = None
    moderated_source: str | None = None
    cancelled_source: str | None = None


UNSTATED = BillingPolicy()

_OPENAI = "asked and not answered: https://community.openai.com/t/1368799"
_RUNWAY = "https://docs.dev.runwayml.com/api-details/moderation"
_WAN = "https://www.alibabacloud.com/help/en/model-studio: failed tasks are not billed"
_ARK = "https://www.volcengine.com/docs/82379/1544106: only tasks that succeed are billed"
_LAOZHANG = "https://docs.laozhang.ai/en/api-capabilities/gemini-omni-video-generation"
_LITELLM = "litellm 1.109.1, cost_calculator.py: the key is charged at the create, for good"
_OWN = "the operator pays for the GPU, whatever comes out"


def _free_without_video(source: str) -> BillingPolicy:
    return BillingPolicy(
        bill_on_failed=Billed.NO,
        bill_on_moderated=Billed.NO,
        failed_source=source,
        moderated_source=source,
    )


_NEVER_ANSWERED = BillingPolicy(
    failed_source=_OPENAI, moderated_source=_OPENAI, cancelled_source=_OPENAI
)
_OPERATED = BillingPolicy(
    bill_on_failed=Billed.YES,
    bill_on_moderated=Billed.YES,
    bill_on_cancelled=Billed.YES,
    failed_source=_OWN,
    moderated_source=_OWN,
    cancelled_source=_OWN,
)
_MODEL_STUDIO = _free_without_video(_WAN)
_SEEDANCE = _free_without_video(_ARK)

POLICIES: Mapping[str, BillingPolicy] = MappingProxyType(
    {
        "openai": _NEVER_ANSWERED,
        "azure": _NEVER_ANSWERED,
        "self_hosted": _OPERATED,
        "hosted_vllm": _OPERATED,
        "sglang": _OPERATED,
        "litellm_proxy": BillingPolicy(
            bill_on_failed=Billed.YES,
            bill_on_moderated=Billed.YES,
            failed_source=_LITELLM,
            moderated_source=_LITELLM,
        ),
        "runwayml": BillingPolicy(
            bill_on_failed=Billed.NO,
            bill_on_moderated=Billed.YES,
            failed_source="the SDK, runwayml 5.24.0: a refunded task reports 0 credits",
            moderated_source=_RUNWAY,
        ),
        "fal_ai": BillingPolicy(
            bill_on_failed=Billed.NO,
            failed_source="fal documentation: errors of the server are not billed",
            moderated_source="fal documentation: it differs by model",
        ),
        "dashscope": _MODEL_STUDIO,
        "qwencloud": _MODEL_STUDIO,
        "volcengine": _SEEDANCE,
        "byteplus": _SEEDANCE,
        "xai": BillingPolicy(
            bill_on_moderated=Billed.YES,
            moderated_source="https://github.com/vercel/ai/issues/13390",
        ),
        "laozhang": _free_without_video(_LAOZHANG),
    }
)

_RULES = ("bill_on_failed", "bill_on_moderated", "bill_on_cancelled")


def parse_policies(data: object, *, where: str = "") -> dict[str, BillingPolicy]:
    """Return the built-in policies with what a user writes over them.

    `data` is `{provider: {bill_on_failed: yes | no | unknown, ...}}`; YAML's own booleans do too.
    Raises `ConfigError` for anything else.
    """
    place = f"{where}: " if where else ""
    if not isinstance(data, Mapping):
        got = type(data).__name__
        raise ConfigError(f"{place}billing policies: expected a mapping of providers, got {got}")
    merged = dict(POLICIES)
    for provider, rules in data.items():
        at = f"{place}billing policy of {provider!r}"
        if not isinstance(rules, Mapping):
            raise ConfigError(f"{at}: expected a mapping, got {type(rules).__name__}")
        merged[str(provider)] = _override(merged.get(str(provider), UNSTATED), rules, at)
    return merged


def _override(policy: BillingPolicy, rules: Mapping[object, object], at: str) -> BillingPolicy:
    changes: dict[str, object] = {}
    for rule, given in rules.items():
        if rule not in _RULES:
            raise ConfigError(f"{at}: {unknown_name('rule', str(rule), _RULES)}")
        changes[str(rule)] = _billed(given, f"{at}: {rule}")
        changes[str(rule).replace("bill_on_", "") + "_source"] = "configuration"
    return msgspec.structs.replace(policy, **changes)


def _billed(given: object, at: str) -> Billed:
    if isinstance(given, bool):
        return Billed.YES if given else Billed.NO
    try:
        return Billed(str(given))
    except ValueError:
        known = [billed.value for billed in Billed]
        raise ConfigError(f"{at}: {unknown_name('answer', str(given), known)}") from None
