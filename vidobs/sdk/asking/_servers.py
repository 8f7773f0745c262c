"""Which server may be asked about a job: the one that made it, if its key is at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import msgspec

from vidobs.core.api_errors import AuthenticationError
from vidobs.core.errors import ConfigError
from vidobs.dialects.openai import address_of
from vidobs.dialects.variants import VARIANTS
from vidobs.ledger.open_jobs import Place
from vidobs.sdk.client._server import Server, server_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vidobs.core.jobs import Job


class Refusal(msgspec.Struct, frozen=True):
    """Why nobody is asked about a job, and what to do about it."""

    why: str
    fix: str

    def __str__(self) -> str:
        return f"{self.why}; {self.fix}"


Found: TypeAlias = Server | Refusal


class Servers:
    """Finds the server of a job in the environment; a key never goes to another address.

    `base_url` stands in for the dialect's variable.
    """

    def __init__(self, environ: Mapping[str, str], *, base_url: str | None = None) -> None:
        self._environ = environ
        self._base_url = base_url
        self._found: dict[Place, Found] = {}

    def at(self, place: Place) -> Found:
        """Return the server of a place, or why it is not asked."""
        if place not in self._found:
            self._found[place] = self._find(place)
        return self._found[place]

    def named(self, provider: str | None, *, dialect: str | None = None) -> Server:
        """Return the server that is named for a provider, or for nobody in particular.

        Raises:
            ConfigError: there is no address, or it is none.
            AuthenticationError: there is no key.
        """
        by_provider = (each.name for each in VARIANTS.values() if each.provider == provider)
        return server_of(
            base_url=self._base_url,
            api_key=None,
            dialect=dialect or next(by_provider, "auto"),
            provider=provider,
            environ=self._environ,
        )

    def _find(self, place: Place) -> Found:
        variant = VARIANTS.get(place.dialect)
        if variant is None:
            return Refusal(
                f"no client of vidobs speaks to {place.provider} ({place.dialect})",
                "ask with the provider's own SDK, and tell vidobs.job(provider=..., id=...)",
            )
        address_env, key_env = variant.base_env[0], variant.key_env[0]
        here = f"{place.address}:{place.port}"
        fix = f"set {address_env} to the address of {here}, and {key_env} to its key"
        try:
            server = self.named(place.provider, dialect=variant.name)
        except (ConfigError, AuthenticationError) as error:
            return Refusal(str(error), fix)
        address, port = address_of(server.base_url)
        if (address, port) == (place.address, place.port):
            return server
        named_by = "--base-url" if self._base_url is not None else address_env
        if self._base_url is None and address_env not in self._environ:
            named_by = "the default"
        return Refusal(
            f"it was made at {here}, and the key at hand is for {address}:{port} ({named_by})", fix
        )


def place_of(job: Job) -> Place:
    """Return where a job was made, as the job has it."""
    return Place(job.provider, job.dialect, job.server_address, job.server_port)


def place_at(server: Server) -> Place:
    """Return a server as jobs that are made there have it."""
    return Place(server.provider, server.variant.name, *address_of(server.base_url))
