"""The application: pages, their JSON twins, media, live updates and static files."""

from __future__ import annotations

import hmac
import secrets
from functools import partial
from importlib.resources import files
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from vidobs.core.errors import LedgerError
from vidobs.core.scrub import scrub
from vidobs.dashboard import actions, live, media, metrics_page, openapi
from vidobs.dashboard.access import local_path, may_act, may_leave, session_of
from vidobs.dashboard.page import Asked, BadQueryError, ElsewhereError, NotThereError
from vidobs.dashboard.pages import costs_csv
from vidobs.dashboard.registry import PAGES
from vidobs.dashboard.render import MenuEntry, Renderer, Shell

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from starlette.requests import Request
    from starlette.types import ASGIApp

    from vidobs.dashboard.desk import Desk
    from vidobs.dashboard.page import Page

    Endpoint = Callable[[Request], Awaitable[Response]]

THEME = "vidobs_theme"
THEMES = ("light", "dark")
_YEAR_S = 31_536_000
_LEAST_TO_COMPRESS = 1000


class Problem(msgspec.Struct, frozen=True):
    """What the JSON twins answer instead of a page."""

    error: str


class Dashboard:
    """The pages over one desk."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._renderer = Renderer()
        self._secret = secrets.token_bytes(32)

    def routes(self) -> list[BaseRoute]:
        """Return every route; fixed ones come before those with a name in them."""
        static = StaticFiles(directory=str(files("vidobs.dashboard") / "static"))
        return [
            *(Route(page.path, partial(self._html, page), methods=["GET"]) for page in PAGES),
            *(Route(page.api_path, partial(self._json, page), methods=["GET"]) for page in PAGES),
            *actions.routes(self),
            *openapi.routes(),
            *media.routes(self.desk),
            *live.routes(self.desk),
            *metrics_page.routes(self.desk),
            *costs_csv.routes(self.desk),
            Route("/theme", self._theme, methods=["GET"]),
            Mount("/static", static, name="static"),
        ]

    def csrf(self, request: Request) -> str:
        """Return what a form of this session must bring along."""
        session = session_of(request.headers) or ""
        return hmac.digest(self._secret, session.encode(), "sha256").hex()

    async def _html(self, page: Page[msgspec.Struct], request: Request) -> Response:
        try:
            answer = await run_in_threadpool(page.answer, self.desk, _asked(request))
            return await run_in_threadpool(self._shown, page, request, answer)
        except ElsewhereError as elsewhere:
            return _moved(request, elsewhere.path)
        except (NotThereError, BadQueryError, LedgerError) as error:
            return self.problem(request, scrub(str(error)), _status(error))

    def problem(self, request: Request, said: str, status: int) -> Response:
        """Answer with a page that says what is wrong."""
        shell = self._shell(request, None, "Not there")
        html = self._renderer.page("error.html", Problem(said), shell, self.desk.now())
        return HTMLResponse(html, status_code=status)

    def _shown(self, page: Page[msgspec.Struct], request: Request, answer: object) -> Response:
        shell = self._shell(request, page, page.title)
        return HTMLResponse(self._renderer.page(page.template, answer, shell, self.desk.now()))

    async def _json(self, page: Page[msgspec.Struct], request: Request) -> Response:
        try:
            answer: object = await run_in_threadpool(page.answer, self.desk, _asked(request))
            status = 200
        except ElsewhereError as elsewhere:
            return _moved(request, "/api" + elsewhere.path)
        except (NotThereError, BadQueryError, LedgerError) as error:
            answer, status = Problem(scrub(str(error))), _status(error)
        return Response(msgspec.json.encode(answer), status, media_type="application/json")

    async def _theme(self, request: Request) -> Response:
        """Keep the wish for dark or light, and go back to the page."""
        back = "/" + request.query_params.get("back", "").lstrip("/\\")
        response = RedirectResponse(back, status_code=303)
        wanted = request.query_params.get("to")
        if wanted in THEMES:
            response.set_cookie(THEME, wanted, max_age=_YEAR_S, httponly=True, samesite="strict")
        else:
            response.delete_cookie(THEME)
        return response

    def _shell(self, request: Request, page: Page[msgspec.Struct] | None, title: str) -> Shell:
        root = str(request.scope.get("root_path", ""))
        here = page.name if page is not None else ""
        progress = self.desk.index.progress()
        theme = request.cookies.get(THEME)
        query = f"?{request.url.query}" if request.url.query else ""
        api = f"{root}{_filled(page, request)}{query}" if page is not None else ""
        return Shell(
            root=root,
            title=title,
            menu=tuple(_menu(root, here)),
            theme=theme if theme in THEMES else None,
            address=local_path(request.scope) + query,
            api=api,
            version=self.desk.index.version(),
            indexing=progress.said,
            problem=progress.problem,
            csrf=self.csrf(request),
            allow_actions=self.desk.allow_actions and may_act(request.scope),
            can_leave=may_leave(request.scope),
        )


def create_app(desk: Desk) -> ASGIApp:
    """Return the application, without a door: whoever serves it decides who may look."""
    compressed = Middleware(GZipMiddleware, minimum_size=_LEAST_TO_COMPRESS)
    return Starlette(routes=Dashboard(desk).routes(), middleware=[compressed])


def _asked(request: Request) -> Asked:
    query: dict[str, tuple[str, ...]] = {}
    for name, value in request.query_params.multi_items():
        query[name] = (*query.get(name, ()), value)
    return Asked({name: str(value) for name, value in request.path_params.items()}, query)


def _moved(request: Request, path: str) -> Response:
    return RedirectResponse(str(request.scope.get("root_path", "")) + path, status_code=303)


def _status(error: Exception) -> int:
    if isinstance(error, NotThereError):
        return 404
    return 400 if isinstance(error, BadQueryError) else 503


def _filled(page: Page[msgspec.Struct], request: Request) -> str:
    """Return the address of a page's JSON twin, with the parts of this request's path."""
    path = page.api_path
    for name, value in request.path_params.items():
        path = path.replace(f"{{{name}}}", quote(str(value), safe=""))
    return path


def _menu(root: str, here: str) -> Iterable[MenuEntry]:
    for page in PAGES:
        if page.menu:
            yield MenuEntry(page.title, root + page.path, page.name == here)
