"""Settings: where they come from, what they may be, and what holds in the end."""

from vidobs.config.choices import Durability, HttpSpans, OtelSetup, PollSpans
from vidobs.config.ledger_url import LedgerUrl
from vidobs.config.load import Loaded, config_file, load, only, switched_off
from vidobs.config.settings import Settings
from vidobs.config.shown import Shown, shown

__all__ = [
    "Durability",
    "HttpSpans",
    "LedgerUrl",
    "Loaded",
    "OtelSetup",
    "PollSpans",
    "Settings",
    "Shown",
    "config_file",
    "load",
    "only",
    "shown",
    "switched_off",
]
