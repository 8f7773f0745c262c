"""OpenAI's own, and what says that it is compatible."""

from vidobs.dialects.rows import Variant

DIALECT = Variant(
    name="openai",
    provider="openai",
    servers=("OpenAI", "Inworld", "Base44 AI Gateway", "LaoZhang", "APIYI"),
    tried_with="the clients of openai 2.2 to 3.x, and that of litellm 1.106",
    default_base="https://api.openai.com/v1",
)
