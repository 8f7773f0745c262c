"""How guardrails are set up: `gateway.guardrails`, a list in the order in which they look."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import TypeAlias

import msgspec

from vidobs.config import readers
from vidobs.core.errors import ConfigError, unknown_name
from vidobs.core.verdicts import Stage
from vidobs.gateway.guardrails import functions, moderations
from vidobs.gateway.guardrails.denylist import Denylist, read_words
from vidobs.gateway.guardrails.findings import Check
from vidobs.gateway.guardrails.functions import FunctionCheck, function_at
from vidobs.gateway.guardrails.guardrail import Guardrail, Mode, OnError
from vidobs.gateway.guardrails.moderations import Moderations
from vidobs.gateway.guardrails.patterns import Patterns

Options: TypeAlias = Mapping[str, object]

MOST = 50  # entries
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_GENERAL = ("name", "type", "mode", "when", "keys", "models", "on_error")
_LIMIT = Decimal(1)


class Kind(msgspec.Struct, frozen=True):
    """A type of guardrail: its own options, and what makes a check of them."""

    options: tuple[str, ...]
    made: Callable[[Options, str], Check]


def read_guardrails(value: object, where: str) -> tuple[Guardrail, ...]:
    """Read the list.

    Raises:
        ConfigError: an entry cannot be used; says which, what is wrong and what is allowed.
    """
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > MOST:
        raise ConfigError(f"{where}: guardrails must be a list of at most {MOST} entries")
    made = [_guardrail(entry, f"{where}: guardrails[{at}]") for at, entry in enumerate(value)]
    names = [one.name for one in made]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"{where}: two guardrails have the name {name!r}")
    return tuple(made)


def _guardrail(entry: object, where: str) -> Guardrail:
    if not isinstance(entry, Mapping):
        raise ConfigError(f"{where} must be a mapping with 'name' and 'type'")
    name = readers.text(entry.get("name"), f"{where}.name")
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{where}.name: allowed are letters, digits, '_', '-' and '.'")
    given_kind = readers.text(entry.get("type"), f"{where}.type")
    kind = KINDS.get(given_kind)
    if kind is None:
        raise ConfigError(f"{where}.type: {unknown_name('type', given_kind, KINDS)}")
    for key in entry:
        if key not in (*_GENERAL, *kind.options):
            known = (*_GENERAL, *kind.options)
            raise ConfigError(f"{where}: {unknown_name(f'option of {given_kind}', key, known)}")
    return built(name, given_kind, entry, where)


def built(name: str, kind: str, entry: Options, where: str) -> Guardrail:
    """Return the guardrail of a known kind.

    Raises:
        ConfigError: an option cannot be used.
    """
    check = KINDS[kind].made(entry, where)
    mode = Mode(str(_choice(Mode, entry.get("mode", Mode.BLOCK), f"{where}.mode")))
    stages = frozenset(_stages(entry.get("when", "prompt"), f"{where}.when"))
    if mode is Mode.REDACT and (not check.redacts or Stage.RESULT in stages):
        what = "a result" if check.redacts else kind
        raise ConfigError(f"{where}.mode: {what} cannot be redacted; allowed: block, log")
    on_error = _choice(OnError, entry.get("on_error", OnError.CLOSED), f"{where}.on_error")
    return Guardrail(
        name=name,
        check=check,
        mode=mode,
        stages=stages,
        keys=frozenset(_texts(entry.get("keys"), f"{where}.keys")),
        models=frozenset(_texts(entry.get("models"), f"{where}.models")),
        on_error=OnError(str(on_error)),
    )


def _choice(members: type[Mode | OnError | Stage], value: object, where: str) -> object:
    return readers.choice(members)(value, where)


def _stages(value: object, where: str) -> list[Stage]:
    given = value if isinstance(value, list) else [value]
    stages = [Stage(str(_choice(Stage, one, where))) for one in given]
    if not stages:
        raise ConfigError(f"{where}: allowed: prompt, result, or a list of both")
    return stages


def _texts(value: object, where: str) -> list[str]:
    if value is None:
        return []
    items = value if isinstance(value, list) else [value]
    return [readers.text(str(one) if isinstance(one, int) else one, where) for one in items]


# -- the kinds -------------------------------------------------------------------------------------


def _denylist(entry: Options, where: str) -> Check:
    entries = _texts(entry.get("words"), f"{where}.words")
    path = entry.get("words_file")
    if path is not None:
        place = f"{where}.words_file"
        entries += read_words(readers.text(path, place), place)
    if not entries:
        raise ConfigError(f"{where}: a denylist needs 'words' or 'words_file' with an entry")
    return Denylist(entries, where=where)


def _regex(entry: Options, where: str) -> Check:
    value = entry.get("patterns")
    if isinstance(value, Mapping):
        patterns = {str(name): readers.text(one, f"{where}.patterns.{name}")
                    for name, one in value.items()}  # fmt: skip
    else:
        listed = _texts(value, f"{where}.patterns")
        patterns = {f"pattern {at}": one for at, one in enumerate(listed, start=1)}
    if not patterns:
        raise ConfigError(f"{where}: a regex needs 'patterns': a list, or a mapping by name")
    return Patterns(patterns, where=f"{where}.patterns")


def _moderations(entry: Options, where: str) -> Check:
    base = readers.text(entry.get("api_base", moderations.BASE), f"{where}.api_base")
    if not base.startswith(("http://", "https://")):
        raise ConfigError(f"{where}.api_base: write https://host/v1")
    key, model = entry.get("api_key"), entry.get("model", moderations.MODEL)
    return Moderations(
        base_url=base,
        api_key=None if key is None else readers.text(key, f"{where}.api_key"),
        model=None if model is None else readers.text(model, f"{where}.model"),
        categories=tuple(_texts(entry.get("categories"), f"{where}.categories")),
        thresholds=_thresholds(entry.get("thresholds"), f"{where}.thresholds"),
        timeout_s=_timeout(entry, moderations.TIMEOUT_S, where),
    )


def _thresholds(value: object, where: str) -> dict[str, Decimal]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ConfigError(f"{where} must be a mapping of categories to numbers from 0 to 1")
    return {str(name): _share(one, f"{where}.{name}") for name, one in value.items()}


def _share(value: object, where: str) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal("NaN")
    if isinstance(value, bool) or not number.is_finite() or not 0 <= number <= _LIMIT:
        raise ConfigError(f"{where}: allowed: a number from 0 to 1")
    return number


def _function(entry: Options, where: str) -> Check:
    path = readers.text(entry.get("function"), f"{where}.function")
    return FunctionCheck(
        function_at(path, f"{where}.function"),
        timeout_s=_timeout(entry, functions.TIMEOUT_S, where),
    )


def _timeout(entry: Options, usual_s: float, where: str) -> float:
    seconds = readers.seconds(entry.get("timeout_s", usual_s), f"{where}.timeout_s")
    if not seconds:
        raise ConfigError(f"{where}.timeout_s: allowed: more than 0 seconds")
    return seconds


KINDS: Mapping[str, Kind] = {
    "denylist": Kind(("words", "words_file"), _denylist),
    "regex": Kind(("patterns",), _regex),
    "moderations": Kind(
        ("api_base", "api_key", "model", "categories", "thresholds", "timeout_s"), _moderations
    ),
    "function": Kind(("function", "timeout_s"), _function),
}
