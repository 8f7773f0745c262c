"""The proxy of LiteLLM, as in 1.109.1: `proxy/video_endpoints/endpoints.py`.

Its ids hold provider, model and the provider's own id, and are another text in the answer to the
create than in every later one. What it charges stands in a header of the create; it gives nothing
back when the job fails.
"""

from vidobs.core.calls import Operation
from vidobs.dialects.litellm_ids import packed, unpacked
from vidobs.dialects.rows import Errors, Facts, Manner, Members, Variant
from vidobs.dialects.usage import COST_HEADER

_UPSTREAM = "openai"  # behind the fake proxy
_USD = 0.1  # that it charges for a second


def _more(facts: Facts) -> Members:
    return {"usage": {"duration_seconds": float(facts.seconds)} if facts.first else None}


DIALECT = Variant(
    name="litellm",
    provider="litellm_proxy",
    servers=("LiteLLM proxy",),
    tried_with="the proxy of litellm 1.106 itself, before a played OpenAI and Azure",
    key_env=("LITELLM_PROXY_API_KEY",),
    base_env=("LITELLM_PROXY_API_BASE",),
    provider_header="custom-llm-provider",
    lacks=frozenset({Operation.DELETE}),
    packs_ids=True,
    manner=Manner(
        told_id=lambda its_id, model: packed(_UPSTREAM, model, its_id),
        own_id=lambda told: unpacked(told).raw,
        without=frozenset({"prompt"}),
        more=_more,
        created_headers=lambda facts: {COST_HEADER: str(round(_USD * facts.seconds, 9))},
        errors=Errors.NUMBERED,
        honours_keys=False,
        openai_headers=False,
    ),
)
