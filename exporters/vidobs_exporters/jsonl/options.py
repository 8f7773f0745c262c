"""What the user set for a file, checked before the first event."""

from __future__ import annotations

from pathlib import Path

from vidobs import ConfigError

MAX_BYTES = 100 * 1024 * 1024
GZIP = "gzip"


def path_of(name: str, path: object) -> Path:
    """Return the absolute path of the file; a relative one starts at the directory of this moment.

    Raises:
        ConfigError: it is none, or a folder.
    """
    if not isinstance(path, str | Path) or not str(path):
        raise ConfigError(
            f"exporter {name!r}: path is {path!r}; give the path of a file, "
            "such as 'vidobs-events.jsonl'"
        )
    absolute = Path(path).expanduser().absolute()
    if absolute.is_dir():
        raise ConfigError(
            f"exporter {name!r}: path {str(path)!r} is a folder; add the name of a file"
        )
    return absolute


def number_of(name: str, option: str, value: object) -> int | None:
    """Return a whole number above 0, or `None` for no limit.

    Raises:
        ConfigError: it is neither.
    """
    given = int(value) if isinstance(value, str) and value.isdecimal() else value
    if given is None or (isinstance(given, int) and not isinstance(given, bool) and given > 0):
        return given
    raise ConfigError(
        f"exporter {name!r}: {option} is {value!r}; give a whole number, 1 or more, or null for "
        "no limit"
    )


def compressed(name: str, compress: object) -> bool:
    """Tell whether files that are put aside are compressed.

    Raises:
        ConfigError: in a way that is not known.
    """
    if compress in (None, GZIP):
        return compress == GZIP
    raise ConfigError(
        f"exporter {name!r}: compress is {compress!r}; give {GZIP!r}, or leave it out"
    )
