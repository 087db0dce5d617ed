"""What a webhook is sent: its JSON, and the headers of the Standard Webhooks form (docs/alerts.md)."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime

import orjson

from proxy.alerts.models import Alert
from tenants.actions.channels import SECRET_PREFIX


def body(alert: Alert) -> bytes:
    """The message. The same bytes for each attempt."""
    data = {
        "tenant": {"id": str(alert.tenant_id), "slug": alert.tenant_slug},
        "severity": alert.severity,
        "title": alert.title,
        "text": alert.text,
        **alert.facts,
    }
    return orjson.dumps({"id": alert.pk, "type": alert.kind, "timestamp": _moment(alert.at), "data": data})


def headers(message_id: str, content: bytes, secrets: Sequence[str], at: datetime) -> dict[str, str]:
    """Id, time and a signature by each secret."""
    timestamp = str(int(at.timestamp()))
    return {
        "content-type": "application/json",
        "user-agent": "llm-proxy-webhooks/1",
        "accept-encoding": "identity",
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(sign(secret, message_id, timestamp, content) for secret in secrets),
    }


def sign(secret: str, message_id: str, timestamp: str, content: bytes) -> str:
    """`v1,` and the base64 of HMAC-SHA-256 over `id.timestamp.body`."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    if not key:
        raise ValueError("an empty secret signs nothing")
    signed = f"{message_id}.{timestamp}.".encode() + content
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
