"""SGLang Diffusion, as in 0.5.23: `entrypoints/openai/video_api.py`.

A deleted video comes back as a Video with that status; a file in cloud storage as HTTP 400 with its
address in `detail`; W3C trace headers of a create are the parent of its own spans. A DELETE forgets
a running job, which 0.5.23 renders to its end all the same.
"""

from vidobs.dialects.rows import (
    CHARACTERS,
    MADE_FROM_VIDEOS,
    Errors,
    Facts,
    Manner,
    Members,
    Nesting,
    Variant,
)

_GPU_S = 2.5  # of the fake server, for a second of video


def _more(facts: Facts) -> Members:
    path = f"outputs/{facts.id}.mp4"
    done = facts.completed
    return {
        "quality": "standard",
        "url": None,
        "urls": [None] if done else None,
        "file_path": path if facts.status != "failed" else None,
        "file_paths": [path] if done else None,
        "num_outputs": 1 if done else None,
        "peak_memory_mb": 40960.5 if done else None,
        "inference_time_s": _GPU_S * facts.seconds if done else None,
        "revised_prompt": None,
        "action": None,
        "lidar": None,
    }


def _uuid(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


DIALECT = Variant(
    name="sglang",
    provider="sglang",
    servers=("SGLang Diffusion", "FastVideo"),
    nesting=Nesting.JSON,
    url_reference=("reference_url",),
    key_env=("SGLANG_API_KEY",),
    base_env=("SGLANG_API_BASE",),
    keyless=True,
    lacks=MADE_FROM_VIDEOS | CHARACTERS,
    cancels=True,
    joins_traces=True,
    pointer_status=400,
    manner=Manner(
        new_id=_uuid,
        without=frozenset({"prompt"}),
        more=_more,
        most_progress=99,
        job_error=lambda _, message: {"message": message},
        errors=Errors.DETAIL,
        deleted_word="deleted",
        honours_keys=False,
        openai_headers=False,
        expires=False,
    ),
)
