"""`/videos/characters`: people and things that several videos show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vidobs.core.calls import Operation
from vidobs.dialects.outgoing import character_path
from vidobs.gateway.routes.failing import answer_of_error, answer_of_silence
from vidobs.gateway.seams import Refusal
from vidobs.gateway.upstream.http import NoAnswer
from vidobs.gateway.upstream.outgoing import outgoing
from vidobs.gateway.videos.ids import CHARACTER
from vidobs.gateway.wire.answers import Answer, envelope, json_answer
from vidobs.gateway.wire.bodies import read_body

if TYPE_CHECKING:
    from vidobs.gateway.core import Core
    from vidobs.gateway.upstream.http import Reply
    from vidobs.gateway.upstream.server import Upstream
    from vidobs.gateway.wire.asked import Asked
    from vidobs.gateway.wire.bodies import Body

_OK = range(200, 300)


async def create_character(core: Core, asked: Asked) -> Answer:
    """Make a character at the server of the model that is named, or of the only one."""
    body = await read_body(asked, core.config.sizes)
    try:
        upstream = _server(core, asked, body)
        out = outgoing(Operation.CHARACTER, body, upstream, source=None, changed={})
        data, headers = out.encoded()
        try:
            reply = await core.http.send(upstream, "POST", out.path, data=data, headers=headers)
        except NoAnswer as error:
            return answer_of_silence(error)
    finally:
        body.close()
    return _told(core, asked, upstream, reply)


async def get_character(core: Core, asked: Asked) -> Answer:
    """Tell of a character."""
    sealed, upstream = core.finder.sealed(asked, asked.video_id or "", kind=CHARACTER)
    try:
        reply = await core.http.send(upstream, "GET", character_path(sealed.raw))
    except NoAnswer as error:
        return answer_of_silence(error)
    return _told(core, asked, upstream, reply)


def _server(core: Core, asked: Asked, body: Body) -> Upstream:
    """LiteLLM's `target_model_names` names several; the first counts."""
    named = body.text("target_model_names") or body.text("model")
    if named is None:
        provider = asked.provider(body.fields)
        fitting = [
            one
            for one in core.balance.upstreams
            if provider is None or one.deployment.provider == provider
        ]
        if len({one.deployment.model_name for one in fitting}) != 1:
            message = "say for which model the character is: target_model_names"
            raise Refusal(400, message, code="missing_required_parameter", param="model")
        named = fitting[0].deployment.model_name
    model = named.partition(",")[0].strip()
    found = core.balance.order(model)
    if not found or not asked.principal.may_use(model):
        raise Refusal(400, f"there is no model {model[:100]!r}", code="model_not_found")
    return found[0]


def _told(core: Core, asked: Asked, upstream: Upstream, reply: Reply) -> Answer:
    if reply.status not in _OK:
        return answer_of_error(reply, upstream)
    try:
        answer = msgspec.json.decode(reply.body, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError):
        answer = {}
    raw = answer.get("id")
    if not isinstance(raw, str) or not raw:
        message = f"{upstream.address} names no character"
        return envelope(502, message, code="upstream_unreadable", error_type="server_error")
    owner = asked.principal.owner
    its_id = core.signer.seal(upstream.deployment.id, owner, raw, kind=CHARACTER)
    return json_answer({**answer, "id": its_id})
