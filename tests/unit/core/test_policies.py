import pytest

from vidobs.core.errors import ConfigError
from vidobs.core.policies import POLICIES, UNSTATED, Billed, BillingPolicy, parse_policies


def test_what_nobody_states_is_unknown():
    """No provider is held to bill, or not to bill, without a source."""
    assert POLICIES["openai"].bill_on_failed is Billed.UNKNOWN
    assert BillingPolicy() == UNSTATED
    for policy in POLICIES.values():
        for kind in ("failed", "moderated", "cancelled"):
            stated = getattr(policy, f"bill_on_{kind}") is not Billed.UNKNOWN
            assert not stated or getattr(policy, f"{kind}_source")


def test_a_user_overrides_one_rule():
    """The rest of the provider's policy, and of the others, stays."""
    merged = parse_policies(
        {"runwayml": {"bill_on_failed": "yes"}, "mine": {"bill_on_failed": False}}
    )

    assert merged["runwayml"].bill_on_failed is Billed.YES
    assert merged["runwayml"].failed_source == "configuration"
    assert merged["runwayml"].bill_on_moderated is Billed.YES
    assert merged["mine"].bill_on_failed is Billed.NO
    assert merged["xai"] == POLICIES["xai"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "x.yaml: billing policies: expected a mapping of providers, got list"),
        ({"xai": "no"}, "x.yaml: billing policy of 'xai': expected a mapping, got str"),
        (
            {"xai": {"bill_on_fail": "no"}},
            (
                "x.yaml: billing policy of 'xai': unknown rule 'bill_on_fail'; known:"
                " bill_on_cancelled, bill_on_failed, bill_on_moderated;"
                " did you mean 'bill_on_failed'?"
            ),
        ),
        (
            {"xai": {"bill_on_failed": "yess"}},
            (
                "x.yaml: billing policy of 'xai': bill_on_failed: unknown answer 'yess'; known:"
                " no, unknown, yes; did you mean 'yes'?"
            ),
        ),
    ],
)
def test_a_bad_policy_says_what_is_wrong(data, message):
    """An error names the file, the provider, the rule and what is known."""
    with pytest.raises(ConfigError) as caught:
        parse_policies(data, where="x.yaml")

    assert str(caught.value) == message


@pytest.mark.parametrize("provider", ["self_hosted", "hosted_vllm", "sglang"])
def test_on_a_server_of_your_own_every_job_is_paid_for(provider):
    """The GPU worked, whatever came out."""
    policy = POLICIES[provider]

    assert {policy.bill_on_failed, policy.bill_on_moderated, policy.bill_on_cancelled} == {
        Billed.YES
    }
