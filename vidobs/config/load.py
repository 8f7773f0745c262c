"""All sources merged into one `Settings`, and where each value came from."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from vidobs.config import litellm, readers, sources
from vidobs.config.settings import SETTINGS, Combine, Setting, Settings
from vidobs.config.sources import CONFIG_ENV, Given
from vidobs.config.yaml_file import Document, PathIn, first_unset, read_yaml
from vidobs.core.errors import ConfigError
from vidobs.delivery import registry
from vidobs.delivery.places import Places

if TYPE_CHECKING:
    from vidobs.core.prices import PriceRow

DEFAULT_FILE = "vidobs.yaml"
ARGUMENTS = "configure()"
DEFAULT = "default"
GATEWAY = "gateway"  # the section that only `vidobs gateway` reads


class Loaded(msgspec.Struct, frozen=True):
    """What `load` found.

    `provenance` has an entry for every setting of the table ("default", "vidobs.yaml:12",
    "environment VIDOBS_LEDGER", "configure()"), and one more for each key of `exporters` and
    `policies`, such as `exporters.webhook/audit`. `places` say where exporters stand, down to the
    line of each option.
    """

    settings: Settings
    provenance: Mapping[str, str]
    file: str | None = None
    warnings: tuple[str, ...] = ()
    places: Places = Places()


def load(
    given: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    yaml_path: Path | None = None,
    *,
    read_elsewhere: Collection[str] = (),
) -> Loaded:
    """Read every source: arguments, then environment, then file, then default.

    `given` are the arguments of `configure()`; without `environ` the process's own is read; without
    `yaml_path` the file that VIDOBS_CONFIG names, else `vidobs.yaml` in the working directory if
    there is one. Reads at most that one file; creates nothing. Nothing is said of the sections of
    the file that are `read_elsewhere`.

    Raises:
        ConfigError: a source gives something that cannot be used; says where, what is wrong and
            what is allowed.
    """
    environ = os.environ if environ is None else environ
    path = yaml_path or config_file(environ)
    foreign = _read(path, environ, read_elsewhere)
    layers = (
        tuple(sources.from_document(Document(ARGUMENTS, given or {}))),
        tuple(sources.from_environment(environ)),
        _from_file(foreign),
        tuple(sources.from_fallbacks(environ)),
    )
    loaded = _loaded(layers, foreign, path)
    return msgspec.structs.replace(loaded, warnings=(*loaded.warnings, *sources.misspelt(environ)))


def only(given: Mapping[str, object], *, yaml_path: Path | None = None) -> Loaded:
    """Read arguments, and a file if one is named, and nothing else that is lying around.

    The process's environment serves only what the file takes from it by name.

    Raises:
        ConfigError: as `load` does.
    """
    foreign = _read(yaml_path, os.environ)
    arguments = tuple(sources.from_document(Document(ARGUMENTS, given)))
    return _loaded((arguments, _from_file(foreign)), foreign, yaml_path)


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


def _read(
    path: Path | None, environ: Mapping[str, str], read_elsewhere: Collection[str] = ()
) -> litellm.Translated:
    if path is None:
        return litellm.Translated(Document(DEFAULT_FILE, {}))
    document = read_yaml(path, environ, wanted=_wanted)
    gone = (GATEWAY, *read_elsewhere)
    kept = {key: value for key, value in document.values.items() if key not in gone}
    document = msgspec.structs.replace(document, values=kept)
    there = registry.installed() if litellm.SECTION in document.values else ()
    return litellm.translated(document, environ, installed=there)


def _loaded(
    layers: Sequence[Sequence[Given]], foreign: litellm.Translated, path: Path | None
) -> Loaded:
    values, provenance = merge(layers)
    if foreign.source and foreign.source in provenance["callbacks"]:
        _preset(values, provenance, foreign)
    settings = _settings(values)
    if not settings.disabled:
        _refuse_unset(settings)
    return Loaded(
        settings,
        provenance,
        foreign.document.name if path else None,
        foreign.warnings,
        _places(layers, provenance),
    )


def _preset(
    values: dict[str, object], provenance: dict[str, str], foreign: litellm.Translated
) -> None:
    """Set up exporters as LiteLLM's settings say, where the user's own options do not."""
    given = values.get("exporters")
    exporters = dict(given) if isinstance(given, Mapping) else {}
    for exporter_id, preset in foreign.presets.items():
        exporters[exporter_id] = {**preset, **exporters.get(exporter_id, {})}
        provenance.setdefault(f"exporters.{exporter_id}", foreign.source)
    values["exporters"] = exporters


def _refuse_unset(settings: Settings) -> None:
    """Insist on the variables of those exporters that are on."""
    for item in settings.callbacks:
        exporter_id = item if isinstance(item, str) else getattr(item, "name", None)
        unset = first_unset(settings.exporters.get(str(exporter_id)))
        if unset is not None:
            raise ConfigError(unset.problem)


def _places(layers: Sequence[Sequence[Given]], provenance: Mapping[str, str]) -> Places:
    """Where exporters stand: of several sources the best one's places."""
    found = [one for layer in reversed(layers) for one in layer if one.name == "exporters"]
    exporters: dict[str, str] = {}
    options: dict[tuple[str, str], str] = {}
    for given in found:
        for exporter_id in given.value if isinstance(given.value, Mapping) else ():
            exporters[exporter_id] = given.source
            options |= {(exporter_id, name): place for name, place in given.inside.items()}
    return Places(provenance["callbacks"], exporters, options)


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
