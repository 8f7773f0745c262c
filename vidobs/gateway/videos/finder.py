"""Finds the video that a client means, and refuses those of others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vidobs.core.errors import ConfigError
from vidobs.dialects.litellm_ids import Unpacked, unpacked
from vidobs.dialects.outgoing import path_of
from vidobs.gateway.seams import DEPLOYMENT_TAG, KEY_TAG, Refusal, Role
from vidobs.gateway.videos.book import Video
from vidobs.gateway.videos.ids import CHARACTER, VIDEO, Sealed

if TYPE_CHECKING:
    from collections.abc import Callable

    from vidobs.gateway.observing import Observing
    from vidobs.gateway.seams import Principal
    from vidobs.gateway.upstream.balance import Balance
    from vidobs.gateway.upstream.server import Upstream
    from vidobs.gateway.videos.book import Book
    from vidobs.gateway.videos.ids import Signer
    from vidobs.gateway.wire.asked import Asked

LONGEST_ID = 4096
_SEES_ALL = frozenset({Role.MASTER, Role.VIEWER})
_TRUSTED = frozenset({Role.MASTER, Role.ANYONE})


class Finder:
    """Knows whose a video is."""

    def __init__(
        self,
        *,
        signer: Signer,
        book: Book,
        balance: Balance,
        observing: Observing,
        take_foreign_ids: bool,
        now_s: Callable[[], float],
    ) -> None:
        self._signer = signer
        self._book = book
        self._balance = balance
        self._observing = observing
        self._take_foreign_ids = take_foreign_ids
        self._now_s = now_s

    def video(self, asked: Asked, given: str) -> Video:
        """Return the video with an id.

        Raises:
            Refusal: 404, there is none, or it is somebody else's.
        """
        known = self._book.get(given)
        if known is not None and self._may_see(asked.principal, known):
            return known
        sealed, upstream = self.sealed(asked, given)
        video_id = self._signer.reseal(sealed, sealed.raw)
        video = Video.known_as(video_id, sealed, upstream, now_s=self._now_s())
        return self._book.add(video)

    def sealed(self, asked: Asked, given: str, *, kind: str = VIDEO) -> tuple[Sealed, Upstream]:
        """Return where a video or a character was made, and what it is called there.

        Raises:
            Refusal: 404, there is none, or it is somebody else's.
        """
        if not given or len(given) > LONGEST_ID:
            raise missing(given, kind)
        found = self._signer.unseal(given, kind=kind)
        if found is None:
            return self._foreign(asked, given, kind)
        upstream = self._balance.by_id(found.deployment)
        if upstream is None or not self._is_owner(asked.principal, found):
            raise missing(given, kind)
        return found, upstream

    def _may_see(self, principal: Principal, video: Video) -> bool:
        if principal.role in _SEES_ALL or video.owner == principal.owner:
            return True
        if video.owner is not None or not self._is_owner(principal, video.sealed):
            return False
        video.owner = principal.owner
        return True

    def _is_owner(self, principal: Principal, sealed: Sealed) -> bool:
        if principal.role in _SEES_ALL:
            return True
        return sealed.owner == self._signer.owner_of(principal.owner)

    def _foreign(self, asked: Asked, given: str, kind: str) -> tuple[Sealed, Upstream]:
        """A video whose id is not signed: the provider's own, or one that LiteLLM packed."""
        said = unpacked(given)
        upstream = self._server_of(said, asked.provider())
        if upstream is None or not _may_be_sent(said.raw):
            raise missing(given, kind)
        principal, owner = asked.principal, asked.principal.owner
        job = self._observing.job_of(upstream, said.raw) if kind == VIDEO else None
        made_by = None if job is None else job.tags.get(KEY_TAG)
        if made_by is not None:
            if principal.role not in _SEES_ALL and made_by != principal.owner:
                raise missing(given, kind)
            owner = made_by
            mine = None if job is None else self._of_job(job.tags.get(DEPLOYMENT_TAG))
            upstream = mine or upstream
        elif principal.role not in _TRUSTED and not self._take_foreign_ids:
            raise missing(given, kind)
        fingerprint = self._signer.owner_of(owner)
        return Sealed(upstream.deployment.id, fingerprint, said.raw), upstream

    def _of_job(self, deployment: str | None) -> Upstream | None:
        return None if deployment is None else self._balance.by_id(deployment)

    def _server_of(self, said: Unpacked, named: str | None) -> Upstream | None:
        """The deployment that an unsigned id, or a header, names; else the only one there is."""
        provider = said.provider or named
        every = self._balance.upstreams
        fitting = [
            one
            for one in every
            if provider is None or one.deployment.provider == provider
            if said.model is None
            or said.model in (one.deployment.model_name, one.deployment.upstream_model)
            or said.model.endswith(f"/{one.deployment.upstream_model}")
        ]
        named_so = [one for one in fitting if one.deployment.model_name == said.model]
        if named_so:
            fitting = named_so
        if provider is None and len({one.deployment.base_url for one in fitting}) != 1:
            return None
        return fitting[0] if fitting else None


def _may_be_sent(raw: str) -> bool:
    """Whether a text that is not signed stays one segment of a path, and without control codes."""
    if not raw.isprintable():
        return False
    try:
        path_of(raw)
    except ConfigError:
        return False
    return True


def missing(given: str, kind: str = VIDEO) -> Refusal:
    """Return the answer for what is not there, or not for this key; nobody can tell which."""
    what = "character" if kind == CHARACTER else "video"
    return Refusal(404, f"there is no {what} {given[:64]!r}", code="not_found", param="id")
