"""Webhooks to the gateway's clients: told, signed, when a video of theirs ended."""
