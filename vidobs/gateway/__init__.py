"""The gateway: a proxy of the OpenAI Videos protocol with keys, budgets, limits and guardrails."""
