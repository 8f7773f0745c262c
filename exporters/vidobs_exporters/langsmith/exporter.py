"""Jobs in LangSmith, sent without its client: our outbox keeps what could not be delivered."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING

import msgspec

from vidobs import ConfigError, ExportError, thumbnail
from vidobs_exporters._http import TIMEOUT_S, Http, origin
from vidobs_exporters._options import base_url, needed_key, text_option
from vidobs_exporters.langsmith import wire
from vidobs_exporters.langsmith.plan import plan, requests
from vidobs_exporters.langsmith.run import Operation, Verb
from vidobs_exporters.langsmith.tree import MOST_ATTACHED_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from vidobs import Job, VideoEvent
    from vidobs_exporters._http import Answer

URL = "https://api.smith.langchain.com"
PROJECT = "default"
MEDIA = ("none", "thumbnail")

_MOST_MADE = 10_000  # runs that are remembered
_FORBIDDEN, _NOT_FOUND, _CONFLICT, _TOO_LARGE = 403, 404, 409, 413


class LangSmithExporter:
    """Sends each job as a run, and its calls as child runs.

    Sending again is harmless: ids are the same each time, and what LangSmith has it refuses with
    409, which counts as delivered.
    """

    durable = True

    def __init__(
        self,
        name: str = "langsmith",
        *,
        api_key: str | None = None,
        project: str | None = None,
        workspace: str | None = None,
        url: str | None = None,
        media: str = "thumbnail",
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self.name = name
        self.project = (
            text_option(name, "project", project, ("LANGSMITH_PROJECT", "LANGCHAIN_PROJECT"))
            or PROJECT
        )
        if media not in MEDIA:
            raise ConfigError(
                f"exporter {name!r}: media is {media!r}; write one of: {', '.join(MEDIA)}"
            )
        self._media = media
        self._url = _url(name, url)
        self._headers = _headers(name, api_key, workspace)
        self._http = Http(name, timeout_s=timeout_s)
        self._encode = wire.multipart
        self._made: OrderedDict[UUID, None] = OrderedDict()  # runs of jobs that have not ended

    def export(self, batch: Sequence[VideoEvent]) -> None:
        """Send the runs of a batch; raise `ExportError` when not all of them arrived."""
        self._deliver(batch)

    def check(self, event: VideoEvent) -> str:
        """Send one event and return what LangSmith answered."""
        answer = self._deliver([event])
        said = "nothing to send" if answer is None else f"answered {answer.status}"
        return f"{origin(self._url)} {said}; project {self.project!r}"

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def _deliver(self, batch: Sequence[VideoEvent]) -> Answer | None:
        """Send a batch and return the last answer, which is a success."""
        planned = plan(batch, project=self.project, made=self._made, picture=self._picture)
        waiting = deque(requests(planned))
        answer = None
        while waiting:
            operations = waiting.popleft()
            try:
                answer = self._send(operations)
                waiting.extendleft(reversed(self._taken(operations, answer)))
            except ExportError as error:
                error.delivered = operations[0].event
                raise
        return answer

    def _send(self, operations: Sequence[Operation]) -> Answer:
        """Send operations in one request and return the answer, whatever it is.

        A server without multipart ingestion, as older self-hosted ones are, gets the older form
        from then on.
        """
        answer = self._post(self._encode(operations))
        if answer.status != _NOT_FOUND or self._encode is wire.batch:
            return answer
        older = self._post(wire.batch(operations))
        if older.status != _NOT_FOUND:
            self._encode = wire.batch
        return older

    def _post(self, body: wire.Body) -> Answer:
        headers = {**self._headers, "content-type": body.content_type}
        return self._http.send("POST", self._url + body.path, content=body.content, headers=headers)

    def _taken(self, operations: list[Operation], answer: Answer) -> list[list[Operation]]:
        """Note what an answer means for operations; return requests that are still to be sent.

        Raises:
            ExportError: LangSmith did not take them.
        """
        several = len(operations) > 1
        if answer.ok or (answer.status == _CONFLICT and not several):
            for operation in operations:
                self._note(operation)
            again = not answer.ok and operations[0].alone
            return [[_as_patch(operations[0])]] if again else []
        if several and answer.status in (_CONFLICT, _TOO_LARGE):
            middle = len(operations) // 2
            return [operations[:middle], operations[middle:]]
        raise self._failure(answer)

    def _note(self, operation: Operation) -> None:
        """Remember a run that was made until it has ended."""
        if not operation.root:
            return
        run = operation.run.core
        if run.end_time is not None:
            self._made.pop(run.id, None)
            return
        self._made[run.id] = None
        if len(self._made) > _MOST_MADE:
            self._made.popitem(last=False)

    def _failure(self, answer: Answer) -> ExportError:
        """Return what an answer means, with what to do about a refused key."""
        error = self._http.failure(answer, self._url)
        if answer.status != _FORBIDDEN or "X-Tenant-Id" in self._headers:
            return error
        return ExportError(
            f"{error}; a key of a whole organization needs 'workspace' too, or "
            "LANGSMITH_WORKSPACE_ID (it is sent as X-Tenant-Id)",
            retryable=error.retryable,
        )

    def _picture(self, job: Job) -> bytes | None:
        """Return the picture to attach; one that is gone or too large is left out."""
        jpeg = thumbnail(job) if self._media == "thumbnail" else None
        return jpeg if jpeg is not None and len(jpeg) <= MOST_ATTACHED_BYTES else None


def _as_patch(operation: Operation) -> Operation:
    return msgspec.structs.replace(operation, verb=Verb.PATCH, alone=False)


def _url(name: str, given: str | None) -> str:
    """Return the address of the API. That of LiteLLM's variable is the host alone."""
    found = text_option(name, "url", given, ("LANGSMITH_ENDPOINT", "LANGCHAIN_ENDPOINT"))
    if found is not None:
        return base_url(name, "url", found.strip("\"'"))
    host = text_option(name, "LANGSMITH_BASE_URL", None, ("LANGSMITH_BASE_URL",))
    if host is None:
        return URL
    url = base_url(name, "LANGSMITH_BASE_URL", host)
    return url if "/api/v1" in url else f"{url}/api/v1"


def _headers(name: str, api_key: str | None, workspace: str | None) -> dict[str, str]:
    headers = {"x-api-key": needed_key(name, api_key, ("LANGSMITH_API_KEY", "LANGCHAIN_API_KEY"))}
    variables = ("LANGSMITH_WORKSPACE_ID", "LANGCHAIN_WORKSPACE_ID", "LANGSMITH_TENANT_ID")
    tenant = text_option(name, "workspace", workspace, variables)
    if tenant is not None:
        headers["X-Tenant-Id"] = tenant
    return headers
