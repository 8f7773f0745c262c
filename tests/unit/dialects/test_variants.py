"""The dialects by name, and what a client has to know of each."""

import pytest

from vidobs.core.errors import ConfigError
from vidobs.dialects.outgoing import form_fields, referring
from vidobs.dialects.rows import Nesting, Variant
from vidobs.dialects.variants import VARIANTS, variant_of

EVERY = pytest.mark.parametrize("variant", VARIANTS.values(), ids=list(VARIANTS))


def test_every_file_of_the_family_is_a_dialect():
    """OpenAI's comes first, the others by name."""
    assert list(VARIANTS) == [
        "openai", "202", "azure", "litellm", "new-api", "sglang", "vllm-omni",
    ]  # fmt: skip
    assert all(name == variant.name for name, variant in VARIANTS.items())


def test_no_two_dialects_share_a_provider_or_a_variable():
    """A job, a price and a key belong to one of them."""
    for field in ("provider", "key_env", "base_env"):
        told = [getattr(variant, field) for variant in VARIANTS.values()]
        assert len(set(told)) == len(VARIANTS), field


@EVERY
def test_a_row_says_who_speaks_it_and_where_its_key_is(variant):
    """Errors name the variable."""
    assert variant.servers
    assert variant.key_env
    assert variant.base_env
    assert variant.api_path.endswith("/v1")


def test_a_name_that_is_none_is_refused():
    """With the known ones and the nearest."""
    with pytest.raises(ConfigError) as caught:
        variant_of("vllm_omni")

    assert str(caught.value) == (
        "unknown dialect 'vllm_omni'; known: 202, auto, azure, litellm, new-api, openai, sglang,"
        " vllm-omni; did you mean 'vllm-omni'?"
    )


@pytest.mark.parametrize(
    ("base_url", "name"),
    [
        (None, "openai"),
        ("https://api.openai.com/v1", "openai"),
        ("https://mine.openai.azure.com", "azure"),
        ("https://mine.services.ai.azure.com/openai/v1", "azure"),
        ("http://gpu-box:8000/v1", "openai"),
    ],
)
def test_an_address_tells_azure_and_nothing_else(base_url, name):
    """Every other server may be at any address."""
    assert variant_of("auto", base_url).name == name


def test_a_row_of_your_own_is_taken_as_it_is():
    """No registration is needed."""
    mine = Variant(name="mine", provider="me")

    assert variant_of(mine) is mine


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        (("input_reference", "image_url"), {"input_reference": {"image_url": "https://h/a.png"}}),
        (("image_reference", "image_url"), {"image_reference": {"image_url": "https://h/a.png"}}),
        (("reference_url",), {"reference_url": "https://h/a.png"}),
    ],
)
def test_a_url_goes_where_the_dialect_has_it(path, sent):
    """Everything else stays in its place."""
    given = {"prompt": "a", "input_reference": {"image_url": "https://h/a.png"}}

    assert referring(given, path) == {"prompt": "a", **sent}


@pytest.mark.parametrize("reference", [{"file_id": "file_1"}, "text", None])
def test_what_is_no_url_stays(reference):
    """The server says itself what it thinks of it."""
    given = {"input_reference": reference}

    assert referring(given, ("reference_url",)) == given


def test_a_form_holds_objects_as_the_server_reads_them():
    """OpenAI's in brackets, others as JSON text; plain values are the same."""
    given = {"a": {"b": 1, "c": [True]}, "d": [{"e": "x"}], "f": False, "g": 1.5, "h": None}

    assert form_fields(given) == [
        ("a[b]", "1"), ("a[c][]", "true"), ("d[][e]", "x"), ("f", "false"), ("g", "1.5"),
    ]  # fmt: skip
    assert form_fields(given, Nesting.JSON) == [
        ("a", '{"b":1,"c":[true]}'), ("d", '[{"e":"x"}]'), ("f", "false"), ("g", "1.5"),
    ]  # fmt: skip
