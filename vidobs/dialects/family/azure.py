"""Azure OpenAI, the v1 API.

The key goes in a header of its own, a token of Entra ID as a bearer. `api-version` is optional, and
not read from the environment: there it is that of the older API for chats.
https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle
"""

from vidobs.dialects.rows import Errors, Manner, Variant

DIALECT = Variant(
    name="azure",
    provider="azure",
    servers=("Azure OpenAI",),
    tried_with="the Azure clients of openai 2.2 to 3.x, and that of litellm 1.106",
    key_header="api-key",
    key_env=("AZURE_OPENAI_API_KEY", "AZURE_API_KEY"),
    token_env=("AZURE_OPENAI_AD_TOKEN", "AZURE_AD_TOKEN"),
    base_env=("AZURE_OPENAI_API_BASE", "AZURE_API_BASE", "AZURE_OPENAI_ENDPOINT"),
    api_path="/openai/v1",
    manner=Manner(errors=Errors.AZURE),
)
