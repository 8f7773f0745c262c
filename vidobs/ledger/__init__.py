"""The ledger: the jobs, the money and the transactional outbox, in SQLite."""
