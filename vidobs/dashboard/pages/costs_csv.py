"""The table of the costs as a CSV file, in which no spreadsheet finds anything to run."""

from __future__ import annotations

import csv
import io
from functools import partial
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from vidobs.core.errors import LedgerError
from vidobs.core.money import plain
from vidobs.core.scrub import scrub
from vidobs.dashboard.page import Asked, BadQueryError
from vidobs.dashboard.pages.costs import question_of, table_of

if TYPE_CHECKING:
    from decimal import Decimal

    from starlette.requests import Request

    from vidobs.dashboard.desk import Desk
    from vidobs.dashboard.pages.costs import Question
    from vidobs.dashboard.pages.costs_table import CostRow

PATH = "/costs.csv"
COLUMNS = ("jobs", "usd", "possible_usd", "unpriced", "seconds", "usd_per_second")
_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠")  # noqa: RUF001 - meant


def routes(desk: Desk) -> list[Route]:
    """Return the route of the file."""
    return [Route(PATH, partial(_answer, desk), methods=["GET"])]


def text_of(by: str, rows: tuple[CostRow, ...]) -> str:
    """Return a file of rows. What is not known is an empty cell, amounts have every place."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow((by, *COLUMNS))
    for row in rows:
        writer.writerow(
            (
                harmless(row.key or ""),
                row.jobs,
                _amount(row.usd),
                _amount(row.possible_usd),
                row.unpriced,
                "" if row.seconds is None else f"{row.seconds:f}",
                _amount(row.usd_per_second),
            )
        )
    return file.getvalue()


def harmless(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula.

    >>> harmless("=1+1"), harmless(" @SUM(A1)"), harmless("sora-2")
    ("'=1+1", "' @SUM(A1)", 'sora-2')
    """
    return f"'{text}" if text.lstrip(" \u00a0\ufeff\x00").startswith(_STARTS) else text


async def _answer(desk: Desk, request: Request) -> Response:
    query: dict[str, tuple[str, ...]] = {}
    for name, value in request.query_params.multi_items():
        query[name] = (*query.get(name, ()), value)
    try:
        question = question_of(Asked({}, query), desk.now())
        table = await run_in_threadpool(table_of, desk, question)
    except BadQueryError as error:
        return PlainTextResponse(scrub(str(error)) + "\n", status_code=400)
    except LedgerError as error:
        return PlainTextResponse(scrub(str(error)) + "\n", status_code=503)
    return Response(
        text_of(question.by.value, table.rows),
        media_type="text/csv",
        headers={"content-disposition": f'attachment; filename="{_name(question)}"'},
    )


def _name(question: Question) -> str:
    days = question.days
    first, last = days.first or "begin", days.last or "now"
    return f"vidobs-costs-by-{question.by.value}-{first}-{last}.csv"


def _amount(usd: Decimal | None) -> str:
    return "" if usd is None else plain(usd)
