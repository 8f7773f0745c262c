"""`Idempotency-Key`: one video for one key, whatever the number of requests that carry it."""
