"""Where exporters are named and set up, for the texts of errors."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.errors import ConfigError, MissingExtraError
from vidobs.core.scrub import scrub_exception

if TYPE_CHECKING:
    from collections.abc import Iterator


class Places(msgspec.Struct, frozen=True):
    """Places such as `vidobs.yaml:12` or `configure()`; empty where nobody knows."""

    callbacks: str = ""  # where exporters are switched on
    exporters: Mapping[str, str] = {}  # where each is set up
    options: Mapping[tuple[str, str], str] = {}  # exporter and option

    def error(self, exporter_id: str, text: str, *, option: str = "") -> ConfigError:
        """Return an error that begins with the place it is about, as near as it is known."""
        near = self.options.get((exporter_id, option)) or self.exporters.get(exporter_id)
        place = near or self.callbacks
        return ConfigError(f"{place}: {text}" if place else text)

    @contextmanager
    def setting_up(self, exporter_id: str, *, option: str = "") -> Iterator[None]:
        """Turn what goes wrong inside into an error that names place and exporter."""
        try:
            yield
        except MissingExtraError:  # says by itself what to install
            raise
        except ConfigError as error:
            raise self._named(exporter_id, str(error), option) from None
        except (ImportError, TypeError, ValueError, OSError) as error:
            raise self._named(exporter_id, scrub_exception(error), option) from error

    def _named(self, exporter_id: str, text: str, option: str) -> ConfigError:
        if option:
            text = f"exporter {exporter_id!r}: {option}: {text}"
        elif repr(exporter_id) not in text:
            text = f"exporter {exporter_id!r}: {text}"
        return self.error(exporter_id, text, option=option)
