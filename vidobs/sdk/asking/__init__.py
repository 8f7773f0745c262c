"""Asks providers about jobs of the ledger over our own client, each with its own key."""
