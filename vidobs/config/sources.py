"""What each source gives: arguments, a YAML file, environment variables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING

import msgspec

from vidobs.config.settings import SETTINGS, Combine, Setting
from vidobs.core.capture import CapturePolicy
from vidobs.core.errors import ConfigError, unknown_name

if TYPE_CHECKING:
    from vidobs.config.yaml_file import Document

CONFIG_ENV = "VIDOBS_CONFIG"

# The keys a person writes: `capture` stands for `capture.content` and `capture.media`.
KEYS = frozenset(setting.name.partition(".")[0] for setting in SETTINGS)
_BY_NAME = {setting.name: setting for setting in SETTINGS}


class Given(msgspec.Struct, frozen=True):
    """A setting that a source gives, checked, and the source as one reads it."""

    name: str
    value: object
    source: str
    inside: Mapping[str, str] = {}  # of one entry of a mapping: where each of its parts stands


def from_document(document: Document) -> Iterator[Given]:
    """Yield what arguments or a file give; `None` counts as not given."""
    for key, value in document.values.items():
        if key not in KEYS:
            raise ConfigError(f"{document.where(key)}: {unknown_name('setting', key, KEYS)}")
        if value is not None:
            yield from _key(document, key, value)


def _key(document: Document, key: str, value: object) -> Iterator[Given]:
    setting = _BY_NAME.get(key)
    if setting is None:
        yield from _group(document, key, value)
    elif setting.combine is Combine.BY_KEY and isinstance(value, Mapping):
        for part, inner in value.items():
            given = _given(setting, {part: inner}, document.where(key, part))
            names = inner if isinstance(inner, Mapping) else ()
            inside = {name: document.where(key, part, name) for name in names}
            yield msgspec.structs.replace(given, inside=inside)
    else:
        yield _given(setting, value, document.where(key))


def _group(document: Document, key: str, value: object) -> Iterator[Given]:
    """A key with parts of its own; a plain text sets the first of them."""
    parts = {s.name.partition(".")[2]: s for s in SETTINGS if s.name.startswith(f"{key}.")}
    if isinstance(value, CapturePolicy):
        value = msgspec.structs.asdict(value)
    if not isinstance(value, Mapping):
        first = next(iter(parts.values()))
        yield _given(first, value, document.where(key))
        return
    for part, inner in value.items():
        if part not in parts:
            problem = unknown_name(f"key of {key}", str(part), parts)
            raise ConfigError(f"{document.where(key, str(part))}: {problem}")
        if inner is not None:
            yield _given(parts[part], inner, document.where(key, part))


def from_environment(environ: Mapping[str, str]) -> Iterator[Given]:
    """Yield what the variables of vidobs give; an empty one counts as not given."""
    for setting in SETTINGS:
        if setting.env and environ.get(setting.env):
            yield _given(setting, environ[setting.env], f"environment {setting.env}")


def from_fallbacks(environ: Mapping[str, str]) -> Iterator[Given]:
    """Yield what the variables of other programs give, for settings that are given nowhere else."""
    for setting in SETTINGS:
        if setting.fallback_env and environ.get(setting.fallback_env):
            source = f"environment {setting.fallback_env}"
            yield _given(setting, environ[setting.fallback_env], source)


def misspelt(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield a warning for each variable that looks like one of ours, written wrong."""
    known = [*(s.env for s in SETTINGS if s.env), CONFIG_ENV]
    for name in sorted(environ):
        if name.startswith("VIDOBS_") and name not in known:
            near = get_close_matches(name, known, n=1, cutoff=0.8)
            if near:
                yield f"environment {name} is not a setting; did you mean {near[0]}?"


def _given(setting: Setting, value: object, source: str) -> Given:
    return Given(setting.name, setting.read(value, f"{source}: {setting.name}"), source)
