"""`moderations`: whatever speaks OpenAI's `POST /v1/moderations`.

https://platform.openai.com/docs/api-reference/moderations
"""

from __future__ import annotations

import asyncio
import os
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.errors import MissingExtraError
from vidobs.gateway.client.addresses import read_url
from vidobs.gateway.client.answers import CallError
from vidobs.gateway.client.heads import head_of_post
from vidobs.gateway.guardrails.findings import CheckError, Found, Subject

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vidobs.gateway.client.answers import Reply
    from vidobs.gateway.client.client import Client

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
        """Make no connection yet.

        Raises:
            MissingExtraError: the packages of the gateway are not there.
            ConfigError: a proxy of the environment cannot be used.
        """
        try:
            from vidobs.gateway.client import client, proxies
        except ImportError as error:
            raise MissingExtraError("gateway", "the guardrail 'moderations'") from error
        self._make_client = partial(client.Client, proxies=proxies.Proxies(os.environ))
        self._client: Client | None = None  # made in the loop
        self._url = f"{base_url.rstrip('/')}/moderations"
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if api_key is not None:
            self._headers["Authorization"] = f"Bearer {api_key}"
        self._model = model
        self._categories = categories
        self._thresholds = dict(thresholds or {})
        self._timeout_s = timeout_s

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
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _ask(self, asked: Mapping[str, object]) -> list[_Result]:
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await self._posted(msgspec.json.encode(asked))
        except CallError as error:
            raise CheckError(error.kind, passing=True) from None
        except (TimeoutError, ValueError) as error:
            raise CheckError(type(error).__name__, passing=True) from None
        if answer.status != _OK:
            raise CheckError(f"status {answer.status}", passing=True)
        try:
            results = _answer.decode(answer.body).results
        except msgspec.DecodeError:
            results = []
        if not results:  # nothing was said of the prompt: it must not count as clean
            raise CheckError("unreadable answer", passing=True)
        return results

    async def _posted(self, body: bytes) -> Reply:
        if self._client is None:
            self._client = self._make_client()
        url = read_url(self._url)
        return await self._client.ask(
            url.origin,
            head_of_post(url, self._headers, body),
            body,
            read_s=self._timeout_s,
            most_bytes=MOST_BYTES,
            again=True,
        )

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
