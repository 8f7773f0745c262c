"""All sources merged into one `Settings`, and where each value came from."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from vidobs.config import litellm, readers, sources
from vidobs.config.settings import SETTINGS, Combine, Setting, Settings
from vidobs.config.sources import CONFIG_ENV, Given
from vidobs.config.yaml_file import Document, PathIn, read_yaml
from vidobs.core.errors import ConfigError

if TYPE_CHECKING:
    from vidobs.core.prices import PriceRow

DEFAULT_FILE = "vidobs.yaml"
ARGUMENTS = "configure()"
DEFAULT = "default"


class Loaded(msgspec.Struct, frozen=True):
    """What `load` found.

    `provenance` has an entry for every setting of the table ("default", "vidobs.yaml:12",
    "environment VIDOBS_LEDGER", "configure()"), and one more for each key of `exporters` and
    `policies`, such as `exporters.webhook/audit`.
    """

    settings: Settings
    provenance: Mapping[str, str]
    file: str | None = None
    warnings: tuple[str, ...] = ()


def load(
    given: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    yaml_path: Path | None = None,
) -> Loaded:
    """Read every source: arguments, then environment, then file, then default.

    `given` are the arguments of `configure()`; without `environ` the process's own is read; without
    `yaml_path` the file that VIDOBS_CONFIG names, else `vidobs.yaml` in the working directory if
    there is one. Reads at most that one file; creates nothing.

    Raises:
        ConfigError: a source gives something that cannot be used; says where, what is wrong and
            what is allowed.
    """
    environ = os.environ if environ is None else environ
    path = yaml_path or config_file(environ)
    document = read_yaml(path, environ, wanted=_wanted) if path else Document(DEFAULT_FILE, {})
    foreign = litellm.translated(document)
    values, provenance = merge(
        (
            tuple(sources.from_document(Document(ARGUMENTS, given or {}))),
            tuple(sources.from_environment(environ)),
            _from_file(foreign),
            tuple(sources.from_fallbacks(environ)),
        )
    )
    warnings = (*foreign.warnings, *sources.misspelt(environ))
    return Loaded(_settings(values), provenance, document.name if path else None, warnings)


def only(given: Mapping[str, object], *, yaml_path: Path | None = None) -> Loaded:
    """Read arguments, and a file if one is named, and nothing else that is lying around.

    The process's environment serves only what the file takes from it by name.

    Raises:
        ConfigError: as `load` does.
    """
    document = (
        read_yaml(yaml_path, os.environ, wanted=_wanted)
        if yaml_path
        else Document(DEFAULT_FILE, {})
    )
    foreign = litellm.translated(document)
    arguments = sources.from_document(Document(ARGUMENTS, given))
    values, provenance = merge((tuple(arguments), _from_file(foreign)))
    file = document.name if yaml_path else None
    return Loaded(_settings(values), provenance, file, foreign.warnings)


def switched_off(environ: Mapping[str, str]) -> bool:
    """Tell whether VIDOBS_DISABLED is set, without reading anything else; never raises."""
    return environ.get("VIDOBS_DISABLED", "").strip().lower() in readers.TRUE


def config_file(environ: Mapping[str, str]) -> Path | None:
    """Return the file to read, or `None`.

    Raises:
        ConfigError: VIDOBS_CONFIG names a file that is not there.
    """
    named = environ.get(CONFIG_ENV)
    if not named:
        usual = Path(DEFAULT_FILE)
        return usual if usual.is_file() else None
    path = Path(named).expanduser()
    if not path.is_file():
        raise ConfigError(f"environment {CONFIG_ENV}: there is no file {named!r}")
    return path


def merge(
    layers: Sequence[Iterable[Given]],
) -> tuple[dict[str, object], dict[str, str]]:
    """Combine what the sources give, best source first, into values and their provenance."""
    every = [given for layer in layers for given in layer]
    values: dict[str, object] = {}
    provenance: dict[str, str] = {}
    for setting in SETTINGS:
        found = [given for given in every if given.name == setting.name]
        provenance[setting.name] = DEFAULT
        if found:
            values[setting.name] = _combined(setting, found, provenance)
    return values, provenance


def _combined(setting: Setting, found: list[Given], provenance: dict[str, str]) -> object:
    """One value of several, best source first; notes where it came from."""
    if setting.combine is Combine.BEST:
        provenance[setting.name] = found[0].source
        return found[0].value
    provenance[setting.name] = ", ".join(given.source for given in found)
    if setting.combine is Combine.PRICES:
        return _rows([given.value for given in reversed(found)])
    merged: dict[object, object] = {}
    for given in reversed(found):
        if isinstance(given.value, Mapping):
            merged |= given.value
            provenance |= {f"{setting.name}.{key}": given.source for key in given.value}
    return merged


def _rows(lists: Iterable[object]) -> tuple[PriceRow, ...]:
    """All rows; of rows for the same thing the last one stays."""
    rows = [row for rows in lists if isinstance(rows, tuple) for row in rows]
    return tuple({row.row_id: row for row in rows}.values())


def _from_file(foreign: litellm.Translated) -> tuple[Given, ...]:
    """What the file gives; LiteLLM's callbacks come behind our own."""
    own = tuple(sources.from_document(foreign.document))
    if not foreign.callbacks:
        return own
    ours = next((given for given in own if given.name == "callbacks"), None)
    if ours is None:
        return (*own, Given("callbacks", foreign.callbacks, foreign.source))
    own_first = ours.value if isinstance(ours.value, tuple) else ()
    both = readers.callbacks((*own_first, *foreign.callbacks), ours.source)
    together = Given("callbacks", both, f"{ours.source} + {foreign.source}")
    return (*(given for given in own if given is not ours), together)


def _wanted(path: PathIn) -> bool:
    """Whether a value in the file is ours to read."""
    match path:
        case (litellm.SECTION, key, *_):
            return key in litellm.KEYS
        case (section, *_):
            return section == litellm.SECTION or section in sources.KEYS
    return True


def _settings(values: dict[str, object]) -> Settings:
    plain = {name: value for name, value in values.items() if "." not in name}
    groups: dict[str, dict[str, object]] = {}
    for name, value in values.items():
        group, dot, part = name.partition(".")
        if dot:
            groups.setdefault(group, {})[part] = value
    return msgspec.convert({**plain, **groups}, Settings)
