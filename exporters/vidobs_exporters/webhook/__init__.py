"""Events as signed webhooks: CloudEvents 1.0 in the body, Standard Webhooks in the headers.

`cloud_event` makes the body, `signature` signs it, `guard` says which addresses may be called,
`options` reads what the user set, and `exporter` sends.
"""

from __future__ import annotations

from vidobs_exporters.webhook.exporter import WebhookExporter

__all__ = ["WebhookExporter"]
