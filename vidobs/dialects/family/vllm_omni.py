"""vLLM-Omni, as in 0.30.0: `entrypoints/openai/api_server.py` and `protocol/videos.py`.

Forms only, with objects as JSON text; the status of a failed job comes with HTTP 4xx or 5xx and
repeats that number as `error.code`; DELETE aborts a running job.
"""

from vidobs.dialects.rows import (
    CHARACTERS,
    MADE_FROM_VIDEOS,
    Bodies,
    Errors,
    Facts,
    Manner,
    Members,
    Nesting,
    Variant,
)

_GPU_S = 2.5  # of the fake server, for a second of video
_FPS = 24


def _more(facts: Facts) -> Members:
    worked_s = _GPU_S * facts.seconds if facts.worked else None
    return {
        "completed_at": facts.ended_at,
        "quality": "default",
        "media_type": "video/mp4",
        "file_name": f"{facts.id}.mp4" if facts.completed else None,
        "inference_time_s": worked_s,
        "fps": float(_FPS),
        "num_frames": _FPS * facts.seconds,
        "duration_s": float(facts.seconds),
        "metrics": None,
        "stage_durations": stages(facts.seconds) if facts.completed else {},
        "peak_memory_mb": 40960.5 if facts.completed else 0.0,
        "action": None,
    }


def stages(seconds: int) -> dict[str, float]:
    """Return how long each stage of the fake server takes."""
    return {"text_encode": 0.25, "diffuse": 2.0 * seconds, "vae_decode": 0.5 * seconds - 0.25}


def _status_of(code: str) -> int:
    return 400 if "moderation" in code else 500


DIALECT = Variant(
    name="vllm-omni",
    provider="hosted_vllm",  # LiteLLM's name for it
    servers=("vLLM-Omni",),
    tried_with="the client of litellm 1.106",
    bodies=Bodies.FORM,
    nesting=Nesting.JSON,
    url_reference=("image_reference", "image_url"),
    key_env=("HOSTED_VLLM_API_KEY",),
    base_env=("HOSTED_VLLM_API_BASE",),
    api_path_always=True,  # as LiteLLM reads the variable
    keyless=True,
    lacks=MADE_FROM_VIDEOS | CHARACTERS,
    cancels=True,
    manner=Manner(
        new_id="video_gen_{}".format,
        more=_more,
        most_progress=0,  # it jumps to 100
        job_error=lambda code, message: {"code": _status_of(code), "message": message},
        failed_status=_status_of,
        errors=Errors.DETAIL,
        missing_status=422,
        failed_content_status=422,
        sync=True,
        page_size=None,
        honours_keys=False,
        openai_headers=False,
        expires=False,
    ),
)
