"""The edges in a user's program: `wrap(client)` for the official SDKs."""
