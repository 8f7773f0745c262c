"""The dashboard: pages over the ledger, which they only read."""
