"""Webhooks of providers, coming in: a job is closed when its provider says so, without polling.

`handle(headers, body)` is a plain function for any framework, `app()` an ASGI application.
docs/webhooks.md shows both.
"""

from vidobs.webhooks._app import app
from vidobs.webhooks._fal import fal_signature
from vidobs.webhooks._handling import Handled, Outcome, handle

__all__ = ["Handled", "Outcome", "app", "fal_signature", "handle"]
