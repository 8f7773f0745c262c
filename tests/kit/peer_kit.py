"""LiteLLM's functions and ours behind one face: the same calls, and what came of them, comparable.

Needs LiteLLM beside vidobs, which `make litellm-env` installs.
"""

import asyncio
import hashlib
import re

import httpx
from litellm.types.videos.utils import (
    decode_character_id_with_provider,
    decode_video_id_with_provider,
)
from mp4_kit import real_mp4

from vidobs.testing import FrozenClock, Sandbox

KEY = "sk-peer-0123456789"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(32)
FILM = real_mp4()
ABSENT = "(absent)"
_FENCE = "/fence"
_IDS = ("id", "first_id", "last_id", "remixed_from_video_id")
_OF_THE_CLIENT = {  # headers that say who asks, not what
    "accept", "accept-encoding", "connection", "content-length", "content-type", "host",
    "user-agent",
}  # fmt: skip


class Peer:
    """`peer("status", video_id=...)` calls the function of a package, or its awaiting twin.

    Each has a server of its own with a clock of its own, so that nothing tells them apart.
    """

    def __init__(self, package, kind, provider, scenario):
        self.package = package
        self.kind = kind
        self.provider = provider
        self.clock = FrozenClock()
        self.sandbox = Sandbox(clock=self.clock, scenario=scenario).start()
        self._made = {}
        self._loop = asyncio.Runner()

    @property
    def where(self):
        """The address and the key, as arguments."""
        root = self.sandbox.azure_url
        address = root if self.provider == "azure" else self.sandbox.base_url
        return {"api_base": address, "api_key": KEY}

    def __call__(self, verb, *args, **given):
        """Call a function; an exception is a result."""
        given = {**self.where, **given}
        try:
            if self.kind == "sync":
                return getattr(self.package, f"video_{verb}")(*args, **given)
            twin = getattr(self.package, f"avideo_{verb}")
            return self._loop.run(twin(*args, **given))
        except Exception as error:  # noqa: BLE001 - it is what is compared
            return error

    def step(self, name, verb, *args, **given):
        """Make a call; return its result, and what it showed without what chance made of it."""
        jobs, since = len(self.sandbox.jobs), len(self.sandbox.requests)
        result = self(verb, *args, **given)
        if isinstance(result, Exception):
            self._settle()
        self._made |= {job.id: f"video of {name!r}" for job in self.sandbox.jobs[jobs:]}
        sent = self._sent(since)  # before it is asked for by hand what the server has
        return result, {"result": self._plain(result), "sent": sent}

    def _settle(self):
        """Return once the server noted what a call sent that broke off before the answer.

        It took that connection before these two: when the second is answered, it was read.
        """
        for _ in range(2):
            httpx.get(f"{self.sandbox.base_url}{_FENCE}")

    def raw(self, job=0):
        """The provider's own id of a job."""
        return self.sandbox.jobs[job].id

    def close(self):
        """Stop the server."""
        self._loop.close()
        self.sandbox.stop()

    def _plain(self, value):
        if isinstance(value, BaseException):
            return {"raised": type(value).__name__, "status": getattr(value, "status_code", None)}
        if isinstance(value, bytes):
            return {"the server's bytes": value == self._served()}
        if isinstance(value, dict):
            return {name: self._field(name, each) for name, each in value.items()}
        if isinstance(value, list):
            return [self._plain(each) for each in value]
        kind = type(value).__name__
        cost = value._hidden_params.get("response_cost")
        return {"class": kind, "cost": cost, **self._plain(value.json())}

    def _field(self, name, value):
        if name in _IDS and isinstance(value, str):
            return self._named(value)
        if isinstance(value, list):
            return [self._plain(each) for each in value]
        return value

    def _named(self, given):
        """Say what an id means; LiteLLM reads it, whoever made it."""
        found = decode_video_id_with_provider(given)
        number = self._number(found["video_id"])
        if found["custom_llm_provider"] is None:
            found = decode_character_id_with_provider(given)
            number = self._number(found["character_id"])
        if found["custom_llm_provider"] is None:
            return number
        return f"{number} of {found['custom_llm_provider']}/{found['model_id']}"

    def _number(self, raw):
        return "a character" if raw.startswith("char_") else self._made.get(raw, raw)

    def _sent(self, since):
        return [
            {
                "line": self._line(f"{seen.method} {seen.path}?{seen.query}"),
                "fields": {name: self._sent_field(each) for name, each in seen.fields.items()},
                "headers": dict.fromkeys(seen.headers.keys() - _OF_THE_CLIENT, "sent"),
                "body": seen.headers.get("content-type", "").partition(";")[0],
            }
            for seen in self.sandbox.requests[since:]
            if not seen.path.endswith(_FENCE)
        ]

    def _line(self, line):
        for raw, name in self._made.items():
            line = line.replace(raw, name)
        return re.sub(r"char_\w+", "a character", line)

    def _sent_field(self, value):
        if isinstance(value, dict) and "sha256" in value:
            return {"file": value["sha256"], "type": value["content_type"]}
        if isinstance(value, dict):
            return {name: self._sent_field(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self._sent_field(each) for each in value]
        return self._number(value) if isinstance(value, str) else value

    def _served(self):
        """The same bytes, asked for by hand; nothing of it counts as sent."""
        asked = next(one for one in self.sandbox.requests[::-1] if one.path.endswith("/content"))
        url = f"{self.sandbox.azure_url}{asked.path}?{asked.query}"
        headers = {"authorization": f"Bearer {KEY}", "api-key": KEY}
        return httpx.get(url, headers=headers).content


def differences(ours, theirs):
    """Return the paths at which two results differ: what LiteLLM has there, and what we have."""
    mine, its = dict(_flat(ours)), dict(_flat(theirs))
    return {
        path: (its.get(path, ABSENT), mine.get(path, ABSENT))
        for path in mine.keys() | its.keys()
        if its.get(path, ABSENT) != mine.get(path, ABSENT)
    }


def _flat(value, path=""):
    if isinstance(value, dict) and value:
        for name, each in value.items():
            yield from _flat(each, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list) and value:
        for place, each in enumerate(value):
            yield from _flat(each, f"{path}.{place}" if path else str(place))
    else:
        yield path, value


def digest(data):
    """Return what the server notes of a file."""
    return hashlib.sha256(data).hexdigest()
