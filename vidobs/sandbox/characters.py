"""The characters of one sandbox: a name for an uploaded video."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vidobs.sandbox.errors import ApiError
from vidobs.sandbox.jobs import NS

if TYPE_CHECKING:
    from vidobs.sandbox.records import JsonValue


@dataclass(frozen=True, slots=True)
class Character:
    """One character as the API describes it."""

    id: str
    name: str
    created_ns: int

    def to_json(self) -> dict[str, JsonValue]:
        """Return the API's object."""
        return {"id": self.id, "name": self.name, "created_at": self.created_ns // NS}


class CharacterStore:
    """Keeps the newest `limit` characters, in memory."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._characters: dict[str, Character] = {}

    def add(self, character: Character) -> None:
        """Keep a character; the oldest one is forgotten when there are too many."""
        self._characters[character.id] = character
        if len(self._characters) > self._limit:
            del self._characters[next(iter(self._characters))]

    def get(self, character_id: str) -> Character:
        """Return a character; raises the API's 404 when it is unknown."""
        if character_id not in self._characters:
            message = f"Character with id '{character_id}' not found."
            raise ApiError(404, message, param="character_id")
        return self._characters[character_id]
