"""The key of the ids: a file beside the ledger, made once, readable by its owner only."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from vidobs.core.errors import ConfigError

_BYTES = 32


def signing_key(ledger: str | None) -> bytes:
    """Return the key, made where there is none; for a ledger in memory a fresh one.

    Raises:
        ConfigError: the file cannot be read, or holds no key.
    """
    if ledger is None:
        return secrets.token_bytes(_BYTES)
    place = Path(f"{ledger}.gateway-key")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        _make(place)
        key = place.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot keep the key of the videos' ids: {error}") from None
    if len(key) != _BYTES:
        raise ConfigError(f"{place} holds no key of {_BYTES} bytes; ids that it signed are lost")
    return key


def _make(place: Path) -> None:
    """Write the file, whole or not at all, unless another process was faster."""
    if place.exists():
        return
    draft = place.with_name(f"{place.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, place)
    finally:
        draft.unlink()
