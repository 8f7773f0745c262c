"""What the gateway says of itself: whether it is well, and which models it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vidobs.gateway.wire.answers import Answer, json_answer

if TYPE_CHECKING:
    from vidobs.gateway.core import Core
    from vidobs.gateway.wire.asked import Asked

LIVE = json_answer({"status": "ok"})


def ready(core: Core, *, draining: bool) -> Answer:
    """Tell whether requests may be sent here: the ledger works, and it is not being stopped."""
    backlog = core.runtime.store.backlog
    ledger = "broken" if backlog.broken else "ok"
    now_s = core.loop.time()
    resting = [one for one in core.balance.upstreams if one.rests_until > now_s]
    fit = not draining and not backlog.broken
    return json_answer(
        {
            "status": "ok" if fit else "draining" if draining else "unready",
            "ledger": ledger,
            "deployments": len(core.balance.upstreams),
            "resting": len(resting),
            "videos_open": len(core.book.open),
        },
        status=200 if fit else 503,
    )


def models(core: Core, asked: Asked) -> Answer:
    """List the models that a key may use, as OpenAI's API has them."""
    data = [
        {"id": name, "object": "model", "created": 0, "owned_by": _owner(core, name)}
        for name in core.balance.models
        if asked.principal.may_use(name)
    ]
    return json_answer({"object": "list", "data": data})


def model_info(core: Core, asked: Asked) -> Answer:
    """List the deployments, as LiteLLM's proxy does; no key, and no address of a server."""
    now_s = core.loop.time()
    data = [
        {
            "model_name": one.deployment.model_name,
            "litellm_params": {
                "model": f"{one.deployment.provider}/{one.deployment.upstream_model}",
                "weight": one.deployment.weight,
            },
            "model_info": {
                "id": one.deployment.id,
                "mode": "video_generation",
                "resting": one.rests_until > now_s,
            },
        }
        for one in core.balance.upstreams
        if asked.principal.may_use(one.deployment.model_name)
    ]
    return json_answer({"data": data})


def _owner(core: Core, name: str) -> str:
    found = core.balance.order(name)
    return found[0].deployment.provider if found else "vidobs"
