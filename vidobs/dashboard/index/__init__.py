"""The read model of the dashboard: lists, sums and groups over the ledger, in a cache file."""

from vidobs.dashboard.index._index import Index

__all__ = ["Index"]
