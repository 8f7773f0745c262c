"""vidobs' own client of the OpenAI Videos protocol, over httpx."""
