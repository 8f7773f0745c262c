"""Guardrails: what looks at prompts before they leave, and at jobs after they ended."""
