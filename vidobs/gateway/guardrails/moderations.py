"""`moderations`: whatever speaks OpenAI's `POST /v1/moderations`.

https://platform.openai.com/docs/api-reference/moderations
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.errors import MissingExtraError
from vidobs.gateway.guardrails.findings import CheckError, Found, Subject

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import ClientSession

MODEL = "omni-moderation-latest"
BASE = "https://api.openai.com/v1"
TIMEOUT_S = 5.0
MOST_BYTES = 1 << 20
_OK = 200


class _Result(msgspec.Struct, frozen=True):
    flagged: bool = False
    categories: dict[str, bool | None] = {}
    category_scores: dict[str, float | None] = {}


class _Answer(msgspec.Struct, frozen=True):
    results: list[_Result]


_answer = msgspec.json.Decoder(_Answer)


class Moderations:
    """Asks a server about a prompt.

    Without `categories` and `thresholds` the server's own `flagged` counts; with them a category
    counts that the server flags, or whose score reaches its threshold.
    """

    redacts = False
    reads_text = True

    def __init__(
        self,
        *,
        base_url: str = BASE,
        api_key: str | None = None,
        model: str | None = MODEL,
        categories: tuple[str, ...] = (),
        thresholds: Mapping[str, Decimal] | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        """Raises `MissingExtraError` without aiohttp."""
        try:
            import aiohttp
        except ImportError as error:
            raise MissingExtraError("gateway", "the guardrail 'moderations'") from error
        self._aiohttp = aiohttp
        self._url = f"{base_url.rstrip('/')}/moderations"
        self._headers = {} if api_key is None else {"Authorization": f"Bearer {api_key}"}
        self._model = model
        self._categories = categories
        self._thresholds = dict(thresholds or {})
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._session: ClientSession | None = None

    async def look(self, subject: Subject, *, redact: bool) -> Found | None:  # noqa: ARG002 - it cannot
        """Ask about the prompt.

        Raises:
            CheckError: there was no answer that makes sense, in time.
        """
        asked: dict[str, object] = {"input": subject.text or ""}
        if self._model is not None:
            asked["model"] = self._model
        rule = self._rule(await self._ask(asked))
        return None if rule is None else Found(rule=rule)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def _ask(self, asked: Mapping[str, object]) -> list[_Result]:
        session = self._session
        if session is None:
            session = self._session = self._aiohttp.ClientSession(timeout=self._timeout)
        try:
            async with session.post(
                self._url, json=asked, headers=self._headers, allow_redirects=False
            ) as answer:
                body = await answer.content.read(MOST_BYTES)
                while len(body) < MOST_BYTES and (more := await answer.content.read(MOST_BYTES)):
                    body += more
        except (self._aiohttp.ClientError, TimeoutError, OSError) as error:
            raise CheckError(type(error).__name__, passing=True) from None
        if answer.status != _OK:
            raise CheckError(f"status {answer.status}", passing=True)
        try:
            results = _answer.decode(body).results
        except msgspec.DecodeError:
            results = []
        if not results:  # nothing was said of the prompt: it must not count as clean
            raise CheckError("unreadable answer", passing=True)
        return results

    def _rule(self, results: list[_Result]) -> str | None:
        """Return the category by which the prompt is found out."""
        for result in results:
            scores = result.category_scores
            for name, least in self._thresholds.items():
                score = scores.get(name)
                if score is not None and Decimal(str(score)) >= least:
                    return name
            flagged = [name for name, yes in result.categories.items() if yes]
            if self._categories or self._thresholds:
                counted = next((name for name in flagged if name in self._categories), None)
                if counted is not None:
                    return counted
            elif result.flagged:
                return flagged[0] if flagged else "flagged"
        return None
