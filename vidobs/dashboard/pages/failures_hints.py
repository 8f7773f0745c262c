"""What can be done about a failure, by its reason, and what such jobs cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vidobs.core.jobs import Reason
from vidobs.core.policies import POLICIES, UNSTATED, Billed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vidobs.core.policies import BillingPolicy

_HINTS = {
    Reason.MODERATION_INPUT: (
        "The provider refused the prompt or an input. Sent unchanged it is refused again: change "
        "what it asks for."
    ),
    Reason.MODERATION_OUTPUT: (
        "The video was made, and withheld by a filter of the provider. Another try may pass, and "
        "renders everything once more."
    ),
    Reason.INVALID_REQUEST: (
        "The provider did not understand the request. Look at the code, the message, and the "
        "length, size and model of the examples; sent unchanged it fails again."
    ),
    Reason.AUTH: (
        "The key is missing, wrong, or may not use this model. It is the key of the program that "
        "sends; vidobs keeps none."
    ),
    Reason.QUOTA: "The account is out of credit; until there is some, every create fails.",
    Reason.BUDGET: (
        "A budget was reached, so it was refused before anything was sent, and nothing was spent. "
        "Raise the budget, or wait for its next period."
    ),
    Reason.RATE_LIMITED: (
        "Too many requests, and the retries of the client did not help. Send fewer at a time, or "
        "have the provider raise the limit."
    ),
    Reason.PROVIDER_ERROR: (
        "The provider broke. A later try often passes; where it goes on, tell the provider the ids "
        "of the examples."
    ),
    Reason.TIMEOUT: (
        "The provider gave up on it. A shorter or smaller video, or a later try, may pass."
    ),
    Reason.NOT_SENT: (
        "The connection never opened, so nothing was accepted and nothing is billed. Check the "
        "address, the proxy and the network between the program and the server."
    ),
    Reason.LOST: (
        "The provider does not know the job any more. `vidobs reconcile` asks for what is still "
        "unknown, and lists what may have been made twice."
    ),
}
_NO_REASON = "The answer gave no reason that is known here; code and message are the provider's."
_NEVER_BILLED = frozenset({Reason.BUDGET, Reason.NOT_SENT})


def hint(reason: Reason | None) -> str:
    """Return what to do about failures for a reason."""
    return _NO_REASON if reason is None else _HINTS[reason]


def billing(
    provider: str, reason: Reason | None, overrides: Mapping[str, BillingPolicy]
) -> str | None:
    """Return whether the provider bills such jobs, and where it says so; `None` where none can be.

    `overrides` is the setting `policies`.
    """
    if reason in _NEVER_BILLED:
        return None
    policy = overrides.get(provider) or POLICIES.get(provider, UNSTATED)
    moderated = reason is not None and reason.moderation
    billed = policy.bill_on_moderated if moderated else policy.bill_on_failed
    source = policy.moderated_source if moderated else policy.failed_source
    jobs = "jobs that a filter stopped" if moderated else "jobs that failed"
    if billed is Billed.UNKNOWN:
        said = (
            f"{provider} does not say whether it bills {jobs}: what they may have cost is shown as "
            "possible spend, and in no total."
        )
    else:
        said = f"{provider} {'bills' if billed is Billed.YES else 'does not bill'} {jobs}."
    return f"{said} ({source})" if source else said
