"""Media beside the ledger: the folder, the bytes on their way into it, and the pictures."""
