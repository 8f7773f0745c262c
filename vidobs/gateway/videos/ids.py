"""Ids of videos as clients see them: opaque, signed, the same text on every route.

An id says where the video was made, for whom, and what the server there calls it, so that nothing
has to be looked up, and nobody can make one up or use somebody else's.
"""

from __future__ import annotations

import binascii
import hmac
from base64 import urlsafe_b64decode
from hashlib import blake2b
from typing import TYPE_CHECKING

import msgspec

from vidobs.gateway.seams import DEPLOYMENT_TAG, KEY_TAG

if TYPE_CHECKING:
    from vidobs.core.jobs import Job

VIDEO, CHARACTER = "video", "character"
_VERSION = 1
_MAC_BYTES = 16
_OWNER_BYTES = 8
_LONGEST = 2048  # characters
_KEY_BYTES = 32
_MOST_OWNERS = 10_000  # whose fingerprints are kept


class Sealed(msgspec.Struct, frozen=True, gc=False):
    """What an id says."""

    deployment: str
    owner: bytes  # a fingerprint
    raw: str  # the id at the server


class _Packed(msgspec.Struct, frozen=True, array_like=True):
    version: int
    deployment: str
    owner: bytes
    raw: str


_pack = msgspec.msgpack.Encoder().encode
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_unpack = msgspec.msgpack.Decoder(_Packed).decode


def _text(whole: bytes) -> str:
    """Return bytes as unpadded base64, in the alphabet of URLs (RFC 4648, section 5)."""
    text = binascii.b2a_base64(whole, newline=False).rstrip(b"=")
    return text.translate(_URL_SAFE).decode("ascii")


class Signer:
    """Makes ids and reads them, with a key that never leaves the machine."""

    def __init__(self, key: bytes) -> None:
        if len(key) < _KEY_BYTES:
            raise ValueError("the key of ids is too short")
        self._key = key[:64]
        self._owners: dict[str, bytes] = {}  # fingerprints of owners that were asked for
        self._macs = {kind: self._keyed(kind) for kind in (VIDEO, CHARACTER)}

    def owner_of(self, owner: str) -> bytes:
        """Return the fingerprint of an owner."""
        found = self._owners.get(owner)
        if found is None:
            if len(self._owners) >= _MOST_OWNERS:
                self._owners.clear()
            found = blake2b(owner.encode(), key=self._key, digest_size=_OWNER_BYTES).digest()
            self._owners[owner] = found
        return found

    def seal(self, deployment: str, owner: str, raw: str, *, kind: str = VIDEO) -> str:
        """Return the id of a video; the same one whenever it is asked for."""
        return self.id_for(Sealed(deployment, self.owner_of(owner), raw), kind=kind)

    def reseal(self, like: Sealed, raw: str) -> str:
        """Return the id of another video of the same server and owner."""
        return self.id_for(Sealed(like.deployment, like.owner, raw))

    def id_of(self, job: Job) -> str | None:
        """Return the id of a job that the gateway made; `None` for any other, and for none yet."""
        raw, tags = job.provider_job_id, job.tags
        if raw is None or KEY_TAG not in tags or DEPLOYMENT_TAG not in tags:
            return None
        return self.seal(tags[DEPLOYMENT_TAG], tags[KEY_TAG], raw)

    def id_for(self, sealed: Sealed, *, kind: str = VIDEO) -> str:
        """Return the id that says this."""
        packed = _pack(_Packed(_VERSION, sealed.deployment, sealed.owner, sealed.raw))
        whole = self._mac(kind, packed) + packed
        return f"{kind}_{_text(whole)}"

    def unseal(self, given: str, *, kind: str = VIDEO) -> Sealed | None:
        """Return what an id of ours says; `None` for any other text."""
        start, _, text = given.partition("_")
        if start != kind or not text or len(text) > _LONGEST:
            return None
        try:
            whole = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except (binascii.Error, ValueError):
            return None
        mac, packed = whole[:_MAC_BYTES], whole[_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(kind, packed)):
            return None
        try:
            found = _unpack(packed)
        except msgspec.DecodeError:
            return None
        if found.version != _VERSION or _text(whole) != text:
            return None  # another spelling of the same bytes is another id
        return Sealed(found.deployment, found.owner, found.raw)

    def _mac(self, kind: str, packed: bytes) -> bytes:
        mac = self._macs[kind].copy()
        mac.update(packed)
        return mac.digest()

    def _keyed(self, kind: str) -> blake2b:
        """Return the hash of nothing yet, with the key in it; copying it is cheaper than that."""
        return blake2b(key=self._key, digest_size=_MAC_BYTES, person=kind.encode()[:16])
