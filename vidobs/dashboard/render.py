"""From structs to HTML: Jinja with escaping on, and the filters of `formats`."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import jinja2
import msgspec
from markupsafe import Markup

from vidobs.dashboard import formats

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

_SAFE_IN_SCRIPT = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


class MenuEntry(msgspec.Struct, frozen=True):
    """An entry of the menu."""

    title: str
    href: str
    here: bool


class Shell(msgspec.Struct, frozen=True, kw_only=True):
    """What stands around every page. `root` is where the dashboard is mounted."""

    root: str
    title: str
    menu: tuple[MenuEntry, ...]
    theme: str | None  # `dark` or `light`; None: as the system has it
    address: str  # of this page, with its parameters
    api: str  # of its JSON twin
    version: int  # of the read model, when the page was made
    indexing: str | None = None  # what is missing still, in words
    problem: str | None = None  # why the figures may be old
    csrf: str = ""
    allow_actions: bool = False
    can_leave: bool = False  # there is a session to log out of


class Renderer:
    """The templates. Thread-safe."""

    def __init__(self) -> None:
        """Compile every template, unless this process has done so: nobody is to wait for it."""
        self._environment = _environment()

    def page(self, template: str, answer: object, shell: Shell, now: datetime) -> str:
        """Return the HTML of a page; its template sees `page`, `shell`, and `ago(moment)`."""
        return self._environment.get_template(template).render(
            page=answer, shell=shell, now=now, ago=lambda at: formats.ago(at, now)
        )


async def compile_in_turns() -> None:
    """Compile every template here, where a loop serves, with a turn for others between each two.

    Not in a thread beside it: the compiler reads numbers with `ast`, of which CPython 3.11 bears
    only one user at a time.
    """
    environment = _uncompiled()
    for name in environment.list_templates():
        environment.get_template(name)
        await asyncio.sleep(0)


@cache
def _environment() -> jinja2.Environment:
    made = _uncompiled()
    for name in made.list_templates():
        made.get_template(name)
    return made


@cache
def _uncompiled() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("vidobs.dashboard"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "usd": formats.usd,
        "exact_usd": formats.exact_usd,
        "rate": formats.rate,
        "length": formats.length,
        "video_length": formats.video_length,
        "number": formats.number,
        "percent": formats.percent,
        "size": formats.size,
        "moment": formats.moment,
        "iso": formats.iso,
        "span": formats.span,
        "data": _data,
        "part": _part,
    }
    made.globals["query"] = _query
    return made


def _data(value: object) -> Markup:
    """Return a value as JSON for a `<script type="application/json">`, which nothing can leave."""
    text = msgspec.json.encode(value).decode().translate(_SAFE_IN_SCRIPT)
    return Markup(text)  # noqa: S704 - no character is left that HTML knows


def _part(value: object) -> str:
    """Return a value as one part of a path."""
    return quote(str(value), safe="")


def _query(given: Mapping[str, Sequence[str]], **changes: str | None) -> str:
    """Return the parameters of an address with some changed; `None` takes one out."""
    merged = {name: list(values) for name, values in given.items()}
    for name, value in changes.items():
        merged[name] = [] if value is None else [value]
    return urlencode(merged, doseq=True)
