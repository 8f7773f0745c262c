"""The videos that the gateway made: their ids, what is known of them, and who asks upstream."""
