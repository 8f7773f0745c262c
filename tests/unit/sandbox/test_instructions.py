"""What a person is told who has started a sandbox."""

import pytest

from vidobs.sandbox.instructions import instructions
from vidobs.sandbox.settings import PLAYED, played

HERE = "http://127.0.0.1:8000/v1"


@pytest.mark.parametrize(
    ("dialect", "variables", "client"),
    [
        (
            "openai",
            f"OPENAI_BASE_URL={HERE} OPENAI_API_KEY=any",
            f"vidobs.wrap(openai.OpenAI(base_url='{HERE}', api_key='any'))",
        ),
        (
            "vllm-omni",
            f"HOSTED_VLLM_API_BASE={HERE}",
            f"vidobs.Client(base_url='{HERE}', dialect='vllm-omni')",
        ),
        (
            "azure",
            "AZURE_OPENAI_API_BASE=http://127.0.0.1:8000/openai/v1 AZURE_OPENAI_API_KEY=any",
            (
                "vidobs.Client(base_url='http://127.0.0.1:8000/openai/v1', api_key='any', "
                "dialect='azure')"
            ),
        ),
    ],
)
def test_how_to_use_it_is_said(dialect, variables, client):
    """The variables of the dialect, and the line of Python that does without."""
    assert instructions(dialect, HERE) == (
        f"\n  export {variables}\n\nor in Python:\n\n  client = {client}\n\n"
        "A prompt with [[fault:NAME]] makes one video go wrong. Ctrl-C ends."
    )


@pytest.mark.parametrize("dialect", PLAYED)
def test_every_dialect_is_played_and_explained(dialect):
    """Whatever API it is."""
    assert len(played(dialect)) == 1
    assert instructions(dialect, HERE).endswith("Ctrl-C ends.")


def test_how_to_use_another_api_is_said():
    """The variables that its SDK reads, and what to hand it."""
    assert instructions("runway", "http://127.0.0.1:8000") == (
        "\n  export RUNWAYML_BASE_URL=http://127.0.0.1:8000 RUNWAYML_API_SECRET=any"
        "\n\nfor its SDK, with\n\n  http = vidobs.wrap(httpx.Client(), dialect='runway')\n\n"
        "A prompt with [[fault:NAME]] makes one video go wrong. Ctrl-C ends."
    )


def test_a_dialect_that_there_is_not_is_refused():
    """With the known ones."""
    with pytest.raises(ValueError, match="unknown dialect 'vllm'; known: 202, azure"):
        played("vllm")
