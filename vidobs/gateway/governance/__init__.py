"""Virtual keys, budgets, limits and spend: who may make videos, how many, and for how much."""
