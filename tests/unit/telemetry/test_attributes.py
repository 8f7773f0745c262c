"""Values of attributes are bounded and can be encoded, whatever a provider or a user sent."""

import json
from decimal import Decimal

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from vidobs.core.calls import Attribution
from vidobs.core.jobs import Usage
from vidobs.telemetry import attributes

ANY_TEXT = st.text(st.characters(codec=None), max_size=200)


@given(st.one_of(ANY_TEXT, st.builds(lambda part: part * 2000, ANY_TEXT)))
def test_a_prompt_is_valid_json_of_bounded_size(prompt):
    """However it is cut, the value can be parsed and holds a beginning of the prompt."""
    value = attributes.messages(prompt)
    assert len(value.encode()) <= attributes.MAX_PROMPT_BYTES
    ((message,),) = (json.loads(value),)
    (part,) = message["parts"]
    assert (message["role"], part["type"]) == ("user", "text")
    assert prompt.encode("utf-8", "replace").decode().startswith(part["content"])


def test_a_prompt_that_fits_is_kept_whole():
    """Nothing is lost below the bound, and most of it is used above."""
    assert "Ein Kätzchen" in attributes.messages("Ein Kätzchen")
    assert len(attributes.messages("x" * 99_999)) == attributes.MAX_PROMPT_BYTES


@given(st.text(st.characters(codec=None), max_size=2000))
def test_every_text_can_be_encoded(text):
    """Lone surrogates are replaced and length is bounded."""
    value = attributes.text(text)
    value.encode("utf-8")
    assert len(value) <= attributes.MAX_TEXT


def test_tags_cannot_push_other_attributes_out(create):
    """A span holds 128 attributes, so only the first tags are kept."""
    tags = {f"t{number}": "x" for number in range(500)}
    call = msgspec.structs.replace(create, attribution=Attribution(user=None, tags=tags))
    out = attributes.of_call(call)
    assert len(out) < 100
    assert out["vidobs.tag.t31"] == "x"
    assert "vidobs.tag.t32" not in out
    assert "user.id" not in out


def test_prompts_of_calls_go_the_same_way(create):
    """A create shows its prompt only when the capture policy left one."""
    assert "gen_ai.input.messages" not in attributes.of_call(create)
    kept = attributes.of_call(msgspec.structs.replace(create, prompt="A cat"))
    assert "A cat" in kept["gen_ai.input.messages"]
    hashed = attributes.of_call(msgspec.structs.replace(create, prompt="hmac:12ab"))
    assert hashed["vidobs.request.prompt_hash"] == "hmac:12ab"
    assert "gen_ai.input.messages" not in hashed


def test_output_seconds_take_the_best_evidence(job):
    """The probed file, else what the provider counted, else what was asked for, times outputs."""
    assert float(attributes.output_seconds(job)) == 8.04
    asked = msgspec.structs.replace(
        job, file=None, request=msgspec.structs.replace(job.request, n=3)
    )
    assert attributes.output_seconds(asked) == 24
    silent = msgspec.structs.replace(
        asked, request=msgspec.structs.replace(job.request, seconds=None)
    )
    assert attributes.output_seconds(silent) is None


def test_what_a_server_says_of_its_work_is_on_the_span_of_the_job(job):
    """Inference time, peak memory and each stage, by name; nothing where it says nothing."""
    usage = Usage(
        gpu_seconds=Decimal("41.25"),
        peak_memory_mb=Decimal("40960.5"),
        stage_s={"vae": Decimal("1.25"), "denoise": Decimal(40)},
    )
    told = attributes.of_job(msgspec.structs.replace(job, usage=usage))
    silent = attributes.of_job(msgspec.structs.replace(job, usage=None))

    assert {name: value for name, value in told.items() if name not in silent} == {
        "vidobs.render.inference_s": 41.25,
        "vidobs.render.peak_memory_mb": 40960.5,
        "vidobs.render.stage_s.vae": 1.25,
        "vidobs.render.stage_s.denoise": 40.0,
    }
