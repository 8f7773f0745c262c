"""What `vidobs doctor` looks at. Nothing here creates or changes anything.

What is sent, if that is wanted, is one made-up event through each exporter.
"""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import msgspec

from vidobs import config
from vidobs.cli.sample import sample_event
from vidobs.cli.trying import try_all
from vidobs.core.errors import ConfigError, VidobsError
from vidobs.delivery import registry
from vidobs.ledger import filesystems

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vidobs.cli._read import Doors
    from vidobs.config import Loaded, Settings
    from vidobs.core.protocols import Exporter

OTLP = "opentelemetry-exporter-otlp-proto-http"
_NEEDED = (
    "vidobs",
    "apsw",
    "httpx",
    "msgspec",
    "opentelemetry-api",
    "opentelemetry-sdk",
    "structlog",
)
_OPTIONAL = ("openai", "httpx2", "ddtrace", OTLP, "av")
_TRUE = "true"


class Verdict(StrEnum):
    """How bad a finding is."""

    OK = "ok"  # as it should be
    NOTE = "note"  # worth knowing
    WRONG = "wrong"  # does not work


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    name: str
    verdict: Verdict
    says: str


def examine(doors: Doors, *, send: bool) -> tuple[Finding, ...]:
    """Look at everything; a thing that is broken does not keep the others from being looked at.

    With `send` each exporter is tried with one made-up event.
    """
    try:
        loaded = config.load()
    except ConfigError as error:
        wrong = Finding("configuration", Verdict.WRONG, str(error))
        return (*_installation(), wrong)
    return (
        *_installation(),
        *_configuration(loaded),
        *_ledger(loaded.settings, doors),
        *_exporters(loaded, send=send),
        *_telemetry(loaded.settings),
    )


def _installation() -> Iterator[Finding]:
    system = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    yield Finding("python", Verdict.OK, system)
    for name in (*_NEEDED, *_OPTIONAL):
        found = _version(name)
        missing = Verdict.WRONG if name in _NEEDED else Verdict.OK
        yield Finding(f"package {name}", Verdict.OK if found else missing, found or "not installed")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _configuration(loaded: Loaded) -> Iterator[Finding]:
    yield Finding(
        "configuration", Verdict.OK, loaded.file or "no vidobs.yaml; VIDOBS_CONFIG is not set"
    )
    for warning in loaded.warnings:
        yield Finding("configuration", Verdict.NOTE, warning)
    if loaded.settings.disabled:
        says = f"switched off by {loaded.provenance['disabled']}: nothing is recorded"
        yield Finding("disabled", Verdict.NOTE, says)


def _ledger(settings: Settings, doors: Doors) -> Iterator[Finding]:
    url = settings.ledger
    if url.path is None:
        yield Finding("ledger", Verdict.NOTE, f"{url}, gone when the process ends")
        return
    yield Finding("ledger", Verdict.OK, str(url))
    yield _writable(Path(url.path))
    kind = filesystems.network_type(url.path)
    if kind is not None:
        yield Finding("ledger place", Verdict.WRONG, filesystems.warning(url.path, kind))
    if not Path(url.path).exists():
        yield Finding("ledger tables", Verdict.NOTE, "no file yet; the first job makes it")
        return
    try:
        info = doors.open_reader().info()
    except VidobsError as error:
        yield Finding("ledger tables", Verdict.WRONG, str(error))
        return
    counts = f"schema {info.schema}, {info.jobs} jobs, {info.events} events"
    yield Finding("ledger tables", Verdict.OK, f"{counts}, journal mode {info.journal_mode}")
    verdict = Verdict.OK if info.sound else Verdict.WRONG
    yield Finding("ledger integrity", verdict, info.problem or "quick_check found nothing")


def _writable(path: Path) -> Finding:
    """Whether the file, or where it will be made, can be written; SQLite needs the folder too."""
    folder = next(parent for parent in path.parents if parent.exists())
    if not folder.is_dir():
        return Finding("ledger writable", Verdict.WRONG, f"{folder} is no folder")
    for place in (path, folder) if path.exists() else (folder,):
        if not os.access(place, os.W_OK):
            return Finding("ledger writable", Verdict.WRONG, f"no permission to write {place}")
    return Finding("ledger writable", Verdict.OK, "yes")


def _exporters(loaded: Loaded, *, send: bool) -> Iterator[Finding]:
    """Build those that are on, and send one made-up event through each, if wanted."""
    settings = loaded.settings
    names = [name for name in settings.callbacks if isinstance(name, str)]
    if not names:
        yield Finding("exporters", Verdict.NOTE, "none is on; name some in `callbacks`")
    built: list[Exporter] = []
    for name in names:
        try:
            built.append(_built(name, loaded))
        except ConfigError as error:
            yield Finding(f"exporter {name}", Verdict.WRONG, str(error))
    yield from _tried(built) if send else _untried(built)
    for name in settings.exporters:
        if name not in names:
            yield Finding(f"exporter {name}", Verdict.NOTE, "set up, but not named in `callbacks`")


def _built(name: str, loaded: Loaded) -> Exporter:
    """Return an exporter as it is, without what chooses events for it."""
    options = loaded.settings.exporters.get(name, {})
    return registry.build(name, options, found=registry.installed(), places=loaded.places)


def _tried(exporters: Sequence[Exporter]) -> Iterator[Finding]:
    bits = Random().getrandbits  # noqa: S311 - ids, not secrets
    sample = sample_event(now=datetime.now(UTC), getrandbits=bits)
    for exporter, tried in zip(exporters, try_all(exporters, sample), strict=True):
        verdict = Verdict.OK if tried.ok else Verdict.WRONG
        yield Finding(f"exporter {exporter.name}", verdict, f"test event: {tried.says}")


def _untried(exporters: Sequence[Exporter]) -> Iterator[Finding]:
    for exporter in exporters:
        exporter.close()
        kind = exporter.name.partition("/")[0]
        says = f"on, {registry.installed()[kind].value}; nothing was sent"
        yield Finding(f"exporter {exporter.name}", Verdict.OK, says)


def _telemetry(settings: Settings) -> Iterator[Finding]:
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == _TRUE:
        yield Finding("opentelemetry", Verdict.NOTE, "switched off by OTEL_SDK_DISABLED")
    elif settings.otel == "otlp" and _version(OTLP) is None:
        says = "otel: otlp needs the exporter; install it with: pip install 'vidobs[otlp]'"
        yield Finding("opentelemetry", Verdict.WRONG, says)
    elif settings.otel == "none":
        says = "spans go to the provider that the program sets up, if any"
        yield Finding("opentelemetry", Verdict.OK, says)
    else:
        yield Finding("opentelemetry", Verdict.OK, f"set up by vidobs: {settings.otel}")
    if _version("ddtrace"):
        says = "installed; where it patches httpx, vidobs adds no HTTP spans of its own"
        yield Finding("ddtrace", Verdict.NOTE, says)
