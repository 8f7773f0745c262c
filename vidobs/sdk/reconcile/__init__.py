"""Finds out how jobs ended that nobody asked about, and what was made without anybody knowing."""
