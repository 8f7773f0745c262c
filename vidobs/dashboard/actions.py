"""The one thing that pages can do: have events delivered to an exporter once more.

Only with `--allow-actions`, for somebody who may act, from a form of their own session. The rest of
the dashboard opens the ledger for reading.
"""

from __future__ import annotations

import hmac
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from vidobs.core.errors import LedgerError, unknown_name
from vidobs.core.scrub import scrub
from vidobs.dashboard.access import may_act
from vidobs.dashboard.forms import Form, read_form
from vidobs.dashboard.page import BadQueryError
from vidobs.ledger import codec, dead_letters, exporters
from vidobs.ledger.sweeper import sweeping
from vidobs.runtime.exporter_objects import known_names, standings_soon

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from vidobs.dashboard.app import Dashboard
    from vidobs.dashboard.desk import Desk

LETTERS_PATH = "/exporters/replay/letters"
EVENTS_PATH = "/exporters/replay/events"


class Sent(msgspec.Struct, frozen=True):
    """What was asked for."""

    exporter: str
    events: int


class ForbiddenError(Exception):
    """This may not be done; the message says why."""


def routes(dashboard: Dashboard) -> list[Route]:
    """Return the routes that forms are sent to."""
    works = {LETTERS_PATH: replay_letters, EVENTS_PATH: replay_events}
    return [
        Route(path, partial(_answer, dashboard, work), methods=["POST"])
        for path, work in works.items()
    ]


def replay_letters(desk: Desk, form: Form) -> Sent:
    """Ask for the dead letters of an exporter once more, or for one of them."""
    exporter, event_id = _exporter(desk, form), form.text("event_id")
    chosen = dead_letters.Chosen(exporter=exporter, event_ids=(event_id,) if event_id else None)
    with sweeping(desk.ledger) as sweeper:
        return Sent(exporter, dead_letters.replay(sweeper, chosen, codec.us(desk.now())))


def replay_events(desk: Desk, form: Form) -> Sent:
    """Ask for the events of a time once more: those for an exporter, or every one."""
    exporter = _exporter(desk, form)
    since, until = _moment(form, "since"), _moment(form, "until")
    if since is None:
        raise BadQueryError("since: say from when on events are sent once more")
    if until is not None and until <= since:
        raise BadQueryError(f"until={form.text('until')[:50]!r} is not after since")
    past = exporters.Past(
        exporter=exporter, since=since, until=until, every=form.text("every") == "yes"
    )
    with sweeping(desk.ledger) as sweeper:
        return Sent(exporter, exporters.replay(sweeper, past, desk.now()))


async def _answer(
    dashboard: Dashboard, work: Callable[[Desk, Form], Sent], request: Request
) -> Response:
    """Do what a form asks for, then lead back to the page, which a reload does not do again."""
    try:
        _allowed(dashboard, request)
        form = await read_form(request)
        _own(dashboard, request, form)
        sent = await run_in_threadpool(work, dashboard.desk, form)
    except ClientDisconnect:
        return Response(status_code=HTTPStatus.BAD_REQUEST)
    except (ForbiddenError, BadQueryError, LedgerError) as error:
        return dashboard.problem(request, scrub(str(error)), _status(error))
    root = request.scope.get("root_path", "")
    query = urlencode({"to": sent.exporter, "asked": sent.events})
    return RedirectResponse(f"{root}/exporters?{query}", status_code=HTTPStatus.SEE_OTHER)


def _allowed(dashboard: Dashboard, request: Request) -> None:
    if not dashboard.desk.allow_actions:
        raise ForbiddenError("Nothing can be done here: start it with --allow-actions.")
    if not may_act(request.scope):
        raise ForbiddenError("You may look, and do nothing.")
    # The door compares both with where we are. Browsers send at least one of them with a form.
    told = request.headers.get("origin") or request.headers.get("sec-fetch-site")
    if not told:
        raise ForbiddenError("Send the Origin of the page along.")


def _own(dashboard: Dashboard, request: Request, form: Form) -> None:
    given, right = form.text("csrf"), dashboard.csrf(request)
    if not hmac.compare_digest(given.encode(), right.encode()):
        raise ForbiddenError("This form is of another session. Load the page again, and send it.")


def _exporter(desk: Desk, form: Form) -> str:
    wanted = form.text("exporter")
    known = known_names(standings_soon(desk.ledger, desk.settings, desk.now()))
    if wanted not in known:
        raise BadQueryError(unknown_name("exporter", wanted[:100], known))
    return wanted


def _moment(form: Form, name: str) -> datetime | None:
    """Return a time that a field holds, in UTC where it names no zone."""
    given = form.text(name)
    if not given:
        return None
    try:
        when = datetime.fromisoformat(given)
        return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise BadQueryError(f"{name}={given[:50]!r} is no time such as 2026-01-31T12:00") from error


def _status(error: Exception) -> int:
    if isinstance(error, ForbiddenError):
        return HTTPStatus.FORBIDDEN
    wrong = isinstance(error, BadQueryError)
    return HTTPStatus.BAD_REQUEST if wrong else HTTPStatus.SERVICE_UNAVAILABLE
