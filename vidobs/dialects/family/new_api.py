"""new-api and its forks, as in `dto/openai_video.go` and `relay/channel/task/sora/adaptor.go`.

Bodies without what has no value, states in many words, no list and no deletion; a result has its
tokens in `usage` and the address of the file in `metadata`.
"""

from vidobs.core.calls import Operation
from vidobs.dialects.rows import CHARACTERS, Errors, Facts, Manner, Members, Variant

_TOKENS = 21_600  # of the fake server, for a second of 1280x720


def _more(facts: Facts) -> Members:
    made: dict[str, object] = {"task_id": facts.id}
    if facts.completed:
        tokens = _TOKENS * facts.seconds
        made["usage"] = {"completion_tokens": tokens, "total_tokens": tokens}
        made["metadata"] = {"url": f"{facts.base_url}/videos/{facts.id}/content"}
    return made


DIALECT = Variant(
    name="new-api",
    provider="new_api",
    servers=("new-api and its forks",),
    url_reference=("input_reference",),
    key_env=("NEW_API_KEY",),
    base_env=("NEW_API_BASE",),
    lacks=CHARACTERS | {Operation.LIST, Operation.DELETE, Operation.EDIT, Operation.EXTEND},
    manner=Manner(
        new_id="task_{}".format,
        words={
            "queued": "submitted",
            "in_progress": "processing",
            "completed": "success",
            "failed": "failure",
        },
        without=frozenset({"prompt"}),
        nulls=False,
        more=_more,
        errors=Errors.BARE,
        honours_keys=False,
        openai_headers=False,
        expires=False,
    ),
)
