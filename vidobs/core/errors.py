"""The error tree of vidobs.

Exceptions of the user's own client pass through vidobs untouched; these are only ours::

    VidobsError
    ├── ConfigError            a setting, a YAML file or a price row cannot be used
    │   └── MissingExtraError  (also ImportError) an optional package is not installed
    ├── UnsupportedClientError (also TypeError) `wrap` was given something that is no client
    ├── SpendLimitError        a create was refused before anything was sent
    ├── LedgerError            the ledger cannot do what was asked
    │   ├── LedgerBusyError    another process holds the write lock; try again
    │   └── LedgerUnusableError  the file is full, read-only, corrupt or not a ledger
    │       ├── LedgerMissingError  nothing has been observed yet
    │       └── LedgerSchemaError  another version of vidobs wrote the file
    └── ExportError            an exporter could not deliver a batch

A message says what happened, what was given and what to do.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class VidobsError(Exception):
    """Base of every error that vidobs raises."""


class ConfigError(VidobsError):
    """A setting, a configuration file or a price row cannot be used."""


class MissingExtraError(ConfigError, ImportError):
    """An optional package is not installed; the message prints the install command."""

    def __init__(self, extra: str, needed_for: str) -> None:
        super().__init__(
            f"{needed_for} needs packages that are not installed; "
            f"install them with: pip install 'vidobs[{extra}]'"
        )
        self.extra = extra


class UnsupportedClientError(VidobsError, TypeError):
    """`wrap` was given an object that is not a client vidobs knows."""


class SpendLimitError(VidobsError):
    """A create would pass `max_spend_usd`, or has no price to check; nothing was sent."""


class LedgerError(VidobsError):
    """The ledger cannot do what was asked."""


class LedgerBusyError(LedgerError):
    """Another process holds the ledger's write lock for longer than the write may wait."""


class LedgerUnusableError(LedgerError):
    """The ledger's file is full, read-only, corrupt, gone or no ledger at all."""


class LedgerMissingError(LedgerUnusableError):
    """There is no ledger at the place yet: it appears with the first observed job."""


class LedgerSchemaError(LedgerUnusableError):
    """The ledger is of another version: too new for this one, or older and not brought up yet."""


class ExportError(VidobsError):
    """An exporter could not deliver a batch, or not all of it.

    `retryable` tells the relay whether to keep the events and try again. `None` means that it is
    not clear whether receiver or events are at fault, as with a wrong key: they are tried several
    times before one is given up. `retry_after_s` is the wait the receiver asked for, in seconds,
    where it did. `delivered` says how many events at the
    beginning of the batch arrived before it failed: they are not sent again. `gone` means that the
    receiver never wants anything again: the exporter is switched off until somebody enables it.
    """

    def __init__(
        self,
        message: str,
        *,
        retryable: bool | None = True,
        retry_after_s: float | None = None,
        delivered: int = 0,
        gone: bool = False,
    ) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.retry_after_s = retry_after_s
        self.delivered = delivered
        self.gone = gone


def unknown_name(kind: str, given: str, known: Iterable[str]) -> str:
    """Return the text for a name that is not known, with the nearest known one.

    >>> unknown_name("exporter", "consol", ["console", "jsonl"])
    "unknown exporter 'consol'; known: console, jsonl; did you mean 'console'?"
    """
    names = sorted(known)
    near = get_close_matches(given, names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"unknown {kind} {given!r}; known: {', '.join(names) or 'none'}{hint}"
