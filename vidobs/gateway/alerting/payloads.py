"""What each channel is sent. Pure.

https://docs.datadoghq.com/api/latest/events/v1/post-an-event
https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

import msgspec

from vidobs.core.scrub import scrub
from vidobs.core.standard_webhooks import signed_headers
from vidobs.gateway.alerting.engine import AlertKind, Phase

if TYPE_CHECKING:
    from vidobs.gateway.alerting.engine import Alert

MOST_TEXT = 3_500  # characters; Datadog takes 4,000
_MOST_FACT = 300
_JSON = "application/json"
_LEVELS = MappingProxyType(
    {
        AlertKind.BUDGET_EXCEEDED.value: "error",
        AlertKind.FAILURE_RATIO.value: "error",
        AlertKind.EXPORTER_DOWN.value: "error",
    }
)


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """One request. Not shown: its headers hold keys."""

    url: str
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        return "Post()"


class Channel(Protocol):
    """One place where people are told."""

    @property
    def name(self) -> str:
        """What configuration calls it."""
        ...

    def post(self, alert: Alert, now_s: int) -> Post:
        """Return the request for one attempt."""
        ...


def alert_id(alert: Alert) -> str:
    """Return an id that is the same on every attempt, and another one the next time."""
    one = alert.condition
    text = f"{one.kind}\0{one.key}\0{alert.phase}\0{one.since}\0{alert.at}"
    return "alert_" + hashlib.sha256(text.encode()).hexdigest()[:32]


def title_of(alert: Alert) -> str:
    """Return one line that says what it is about."""
    message = scrub(alert.condition.message, _MOST_FACT)
    return (
        f"vidobs: recovered: {message}" if alert.phase is Phase.RECOVERED else f"vidobs: {message}"
    )


def facts_of(alert: Alert) -> dict[str, str]:
    """Return the facts, scrubbed of secrets."""
    one = alert.condition
    given = {scrub(name, 100): scrub(value, _MOST_FACT) for name, value in one.facts.items()}
    return {"kind": one.kind, **given, "since": one.since.isoformat(timespec="seconds")}


class Datadog(msgspec.Struct, frozen=True, kw_only=True):
    """Datadog's events."""

    api_key: str
    url: str  # up to the host
    tags: tuple[str, ...] = ()
    name: str = "datadog"

    def __repr__(self) -> str:
        return f"Datadog({self.url!r})"

    def post(self, alert: Alert, now_s: int) -> Post:  # noqa: ARG002 - see `Channel`
        """Return an event; those of one condition are shown together."""
        one = alert.condition
        level = _LEVELS.get(one.kind, "warning")
        event = {
            "title": title_of(alert)[:100],
            "text": _lines(alert),
            "alert_type": "success" if alert.phase is Phase.RECOVERED else level,
            "aggregation_key": hashlib.sha256(f"{one.kind}:{one.key}".encode()).hexdigest()[:40],
            "date_happened": int(alert.at.timestamp()),
            "priority": "normal",
            "source_type_name": "vidobs",
            "tags": [f"vidobs_alert:{one.kind}", f"vidobs_phase:{alert.phase}", *self.tags],
        }
        headers = {"content-type": _JSON, "DD-API-KEY": self.api_key}
        return Post(
            url=f"{self.url}/api/v1/events", headers=headers, body=msgspec.json.encode(event)
        )


class Slack(msgspec.Struct, frozen=True, kw_only=True):
    """An incoming webhook of Slack. Its URL is a secret."""

    url: str
    name: str = "slack"

    def __repr__(self) -> str:
        return "Slack()"

    def post(self, alert: Alert, now_s: int) -> Post:  # noqa: ARG002 - see `Channel`
        """Return a message."""
        mark = ":white_check_mark:" if alert.phase is Phase.RECOVERED else ":rotating_light:"
        lines = [f"{mark} *{_escaped(title_of(alert))}*"]
        lines += [
            f"• {_escaped(name)}: {_escaped(value)}" for name, value in facts_of(alert).items()
        ]
        body = msgspec.json.encode({"text": "\n".join(lines)[:MOST_TEXT]})
        return Post(url=self.url, headers={"content-type": _JSON}, body=body)


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """A receiver of the webhook exporter's format: CloudEvents, signed as Standard Webhooks."""

    url: str
    keys: tuple[bytes, ...] = ()
    source: str = "//vidobs/gateway"
    name: str = "webhook"

    def __repr__(self) -> str:
        return "Webhook()"

    def post(self, alert: Alert, now_s: int) -> Post:
        """Return a signed event."""
        its_id = alert_id(alert)
        body = msgspec.json.encode(
            {
                "specversion": "1.0",
                "id": its_id,
                "source": self.source,
                "type": f"vidobs.alert.{alert.phase}",
                "subject": scrub(alert.condition.key, _MOST_FACT),
                "time": alert.at,
                "datacontenttype": _JSON,
                "dataschema": "urn:vidobs:alert:1",
                "data": {
                    "phase": alert.phase,
                    "kind": alert.condition.kind,
                    "key": scrub(alert.condition.key, _MOST_FACT),
                    "message": scrub(alert.condition.message, MOST_TEXT),
                    "since": alert.condition.since,
                    "facts": facts_of(alert),
                },
            }
        )
        headers = {
            "content-type": "application/cloudevents+json; charset=utf-8",
            **signed_headers(self.keys, its_id, now_s, body),
        }
        return Post(url=self.url, headers=headers, body=body)


def _lines(alert: Alert) -> str:
    lines = [scrub(alert.condition.message, MOST_TEXT // 2)]
    lines += [f"{name}: {value}" for name, value in facts_of(alert).items()]
    return "\n".join(lines)[:MOST_TEXT]


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
