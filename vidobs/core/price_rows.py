"""Price rows: what one unit of one model costs, and the check of rows that users write.

The built-in table and the rows of a configuration file have the same keys; docs/prices.md lists
them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

import msgspec

from vidobs.core.errors import ConfigError, unknown_name
from vidobs.core.tiers import names_of

ANY = "*"
LIMIT = Decimal(10) ** 9  # an amount or a quantity beyond it is a mistake, not a job


class PriceUnit(StrEnum):
    """What a price is for."""

    OUTPUT_SECOND = "output_second"  # a second of finished video
    VIDEO = "video"  # a finished video, whatever its length
    VIDEO_TOKEN = "video_token"  # noqa: S105 - a token of video, counted by the provider
    TEXT_TOKEN_OUT = "text_token_out"  # noqa: S105 - a token of text, written beside the video
    TOKEN_IN = "token_in"  # noqa: S105 - a token of the prompt and the inputs
    INPUT_SECOND = "input_second"  # a second of the source video
    INPUT_IMAGE = "input_image"  # a reference image beyond the free ones
    TASK_MINIMUM = "task_minimum"  # the least that a job costs
    CREDIT = "credit"  # a credit, counted by the provider
    GPU_SECOND = "gpu_second"  # a second of one GPU, on the operator's own hardware
    PROVIDER_REPORTED = "provider_reported"  # the provider names the amount at the end


_GPU_HOUR = "gpu_hour"  # how people know the price of a GPU; a row has it by the second
_HOUR_S = 3600
# Units whose row may lack `usd`: the provider, or the operator, names it.
UNPRICED = frozenset({PriceUnit.PROVIDER_REPORTED, PriceUnit.GPU_SECOND})


class PriceStatus(StrEnum):
    """Whether the model can still be used, as far as is known."""

    ACTIVE = "active"  # sold
    RETIRING = "retiring"  # sold, with an end in sight
    RETIRED = "retired"  # gone; the row prices old jobs
    UNVERIFIED = "unverified"  # probably gone


class PriceRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one unit costs in US dollars, and which jobs it is for.

    `None` in `resolution`, `audio`, `region`, `input` or `seconds` matches every job that no other
    row names. `default_tier` marks the row of a request that names no resolution or audio.
    """

    model: str  # "*" for every model of the provider
    unit: PriceUnit
    provider: str = ANY
    usd: Decimal | None = None
    resolution: tuple[str, ...] | None = None  # tiers such as "720p", or exact sizes
    audio: bool | None = None
    region: str | None = None
    input: str | None = None  # "video": only with one; "no_video": only without; "audio": neither
    seconds: Decimal | None = None  # only for videos of exactly this length
    default_tier: bool = False
    default_seconds: Decimal | None = None  # the documented length when a request names none
    free: int = 0  # units that cost nothing, such as the first five images
    gpus: Decimal = Decimal(1)  # GPUs that one job keeps busy; for `gpu_second`
    status: PriceStatus = PriceStatus.ACTIVE
    retired_on: date | None = None
    source: str | None = None
    via: str | None = None  # where the number was read, when not at the source
    as_of: date | None = None
    notes: str | None = None

    @property
    def row_id(self) -> str:
        """A readable name, the same in every release: `runwayml/veo3.1/output_second@silent`."""
        sound = {None: None, True: "audio", False: "silent"}[self.audio]
        length = None if self.seconds is None else f"{self.seconds}s"
        tiers = "+".join(self.resolution) if self.resolution else None
        marks = [mark for mark in (tiers, length, sound, self.input, self.region) if mark]
        name = f"{self.provider}/{self.model}/{self.unit}"
        return f"{name}@{','.join(marks)}" if marks else name

    def retired(self, on: date) -> bool:
        """Whether the model was gone on that day."""
        if self.retired_on is not None:
            return self.retired_on <= on
        return self.status is PriceStatus.RETIRED


class PriceTable(msgspec.Struct, frozen=True):
    """The file of built-in prices."""

    generated: date
    currency: str
    rows: tuple[PriceRow, ...]


def read_price_table(data: bytes) -> PriceTable:
    """Decode the built-in table; amounts are exact, never passed through a float."""
    return msgspec.json.decode(data, type=PriceTable)


def parse_price_rows(data: object, *, where: str = "") -> tuple[PriceRow, ...]:
    """Check the rows of a user, as read from YAML or given in Python.

    Raises `ConfigError` that names the place (`where`, such as a file), the row, what it says and
    what is known. A row needs `model`, `unit` and `usd`; without a `provider` it is for every one.
    """
    place = f"{where}: " if where else ""
    if isinstance(data, Mapping | str | bytes) or not isinstance(data, Sequence):
        raise ConfigError(f"{place}expected a list of price rows, got {type(data).__name__}")
    return tuple(_row(entry, index, place) for index, entry in enumerate(data, start=1))


def _row(entry: object, index: int, place: str) -> PriceRow:
    if isinstance(entry, PriceRow):
        return entry
    if not isinstance(entry, Mapping):
        got = type(entry).__name__
        raise ConfigError(f"{place}price row {index}: expected a mapping, got {got}")
    at = f"{place}price row {index} (model {entry.get('model')!r})"
    try:
        return _checked(dict(entry))
    except (ConfigError, msgspec.ValidationError) as error:
        raise ConfigError(f"{at}: {error}") from None


def _checked(entry: dict[str, Any]) -> PriceRow:
    known = PriceRow.__struct_fields__
    for key in entry:
        if key not in known:
            raise ConfigError(unknown_name("key", str(key), known))
    if not isinstance(entry.get("model"), str) or not entry["model"].strip():
        raise ConfigError("'model' is missing; write '*' for every model of the provider")
    hourly = entry.get("unit") == _GPU_HOUR
    unit = PriceUnit.GPU_SECOND if hourly else _unit(entry.get("unit"))
    for name in ("usd", "seconds", "default_seconds", "gpus"):
        if entry.get(name) is not None:
            entry[name] = _amount(name, entry[name])
    if entry.get("usd") is None and unit not in UNPRICED:
        raise ConfigError(f"'usd' is missing; give the price of one {unit} in US dollars")
    if hourly:
        usd = entry.get("usd")
        entry |= {"unit": unit, "usd": None if usd is None else usd / _HOUR_S}
    entry["resolution"] = _resolution(entry.get("resolution"))
    row = msgspec.convert(entry, PriceRow)
    if row.free < 0:
        raise ConfigError(f"'free' must not be negative, got {row.free}")
    return row


def _unit(given: object) -> PriceUnit:
    if given is None:
        raise ConfigError(f"'unit' is missing; known units: {', '.join(PriceUnit)}")
    try:
        return PriceUnit(str(given))
    except ValueError:
        raise ConfigError(
            unknown_name("unit", str(given), [unit.value for unit in PriceUnit])
        ) from None


def _resolution(given: object) -> object:
    """Tiers and sizes in the spelling that a request is matched by."""
    sizes = [given] if isinstance(given, str) else given
    if not isinstance(sizes, list | tuple):
        return sizes
    for size in sizes:
        if not isinstance(size, str) or not names_of(size):
            raise ConfigError(f"{size!r} is no resolution; write a tier such as '720p', or pixels")
    return [names_of(size)[0] for size in sizes]


def _amount(name: str, given: object) -> Decimal:
    """A number without the noise of a float: 0.1 is 0.1."""
    numeric = isinstance(given, int | float | str | Decimal) and not isinstance(given, bool)
    try:
        amount = Decimal(str(given).strip()) if numeric else Decimal("NaN")
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite():
        raise ConfigError(f"{name!r} is not a number: {given!r}")
    if amount < 0:
        raise ConfigError(f"{name!r} must not be negative, got {given}")
    if amount > LIMIT:
        raise ConfigError(f"{name!r} is out of range: {given}")
    return amount
