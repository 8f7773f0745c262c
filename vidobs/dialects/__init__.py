"""Pure codecs between a wire shape and the records of `vidobs.core`: no I/O, no SDK.

One for now, with its face in `openai`: the OpenAI Videos protocol, read so leniently that servers
which speak a variant of it (Azure, vLLM-Omni, SGLang, new-api, the LiteLLM proxy, "202 style"
gateways) are understood too. Where they differ stands in tables: words for states in `states`,
fields of answers in `wire` and `usage`, shapes of errors in `failures`.
"""
