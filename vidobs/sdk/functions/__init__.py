"""LiteLLM's video functions, on our own client."""
