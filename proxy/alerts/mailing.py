"""Mails: one for all that is due to the same people, so that a storm of alerts is one mail and not a thousand."""

import smtplib
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import EmailMessage
from django.db.models import Q

from proxy.alerts import queue
from proxy.alerts.models import Delivery
from proxy.alerts.queue import Outcome
from tenants.models import AlertChannel

PAUSE = timedelta(minutes=5)
"""Between two mails to the same channel."""
NO_SERVER = "no mail server is set up: set LLMP_EMAIL_URL"
_MOST_SHOWN = 50
_MOST_IN_ONE = 1000
_MOST_CHANNELS = 50
_PATIENCE_SECONDS = 15.0


def send_due(at: datetime) -> int:
    """A mail to each channel with something due, unless it has had one a moment ago; how many deliveries that was."""
    due = queue.pending(at).filter(Q(channel=None) | Q(channel__kind=AlertChannel.Kind.EMAIL))
    count, stop_at = 0, time.monotonic() + _PATIENCE_SECONDS
    for channel in due.order_by().values_list("channel_id", flat=True).distinct()[:_MOST_CHANNELS]:
        if _had_one_lately(channel, at):
            continue
        if time.monotonic() > stop_at:  # a mail server that hangs must not keep webhooks waiting
            break
        rows = due.filter(channel=channel).order_by("alert__at", "pk")[:_MOST_IN_ONE]
        claimed = [row for row in rows if queue.claim(row, at)]
        if claimed:
            outcome = send(claimed)
            queue.record(claimed, [outcome] * len(claimed), at)
            count += len(claimed)
    return count


def _had_one_lately(channel: UUID | None, at: datetime) -> bool:
    sent = Delivery.objects.filter(channel=channel, state=Delivery.State.DELIVERED, ended_at__gt=at - PAUSE)
    return sent.exists()


def send(rows: Sequence[Delivery]) -> Outcome:
    """One mail about all of them, which are due to the same channel."""
    started = time.perf_counter()
    error = _send(rows)
    return Outcome(None, error, int((time.perf_counter() - started) * 1000), is_final=error == NO_SERVER)


def _send(rows: Sequence[Delivery]) -> str:
    """Why it was not sent, '' if it was."""
    channel = rows[0].channel
    recipients = channel.recipients if channel else _operators()
    if not recipients:
        return "no active superuser has an e-mail address"
    if not settings.EMAIL_HOST:
        return NO_SERVER
    name = channel.tenant.name if channel else "the installation"
    subject = " ".join(_subject(rows, name).split())  # of one line, whatever somebody's name is
    message = EmailMessage(subject=subject, body=_text(rows, name), to=recipients)
    message.extra_headers = {"Auto-Submitted": "auto-generated"}
    try:
        message.send()
    except (smtplib.SMTPException, OSError) as broken:
        return f"the mail server did not take it: {type(broken).__name__}"
    return ""


def _operators() -> list[str]:
    staff = User.objects.filter(is_superuser=True, is_active=True).exclude(email="")
    return list(staff.order_by("pk").values_list("email", flat=True))


def _subject(rows: Sequence[Delivery], name: str) -> str:
    if len(rows) == 1:
        return f"[LLM Proxy] {name}: {rows[0].alert.title}"[:200]
    return f"[LLM Proxy] {name}: {len(rows)} alerts"[:200]


def _text(rows: Sequence[Delivery], name: str) -> str:
    lines = []
    for row in rows[:_MOST_SHOWN]:
        alert = row.alert
        lines += [f"{alert.get_severity_display()}: {alert.title}", f"  {alert.at:%Y-%m-%d %H:%M:%S} UTC"]
        lines += [f"  {alert.text}", ""] if alert.text else [""]
    if len(rows) > _MOST_SHOWN:
        lines += [f"And {len(rows) - _MOST_SHOWN} more.", ""]
    where = "alerts" if rows[0].channel is None else f"alerts of {name}"
    lines.append(f"All {where}: {_address(rows[0])}")
    return "\n".join(lines)


def _address(row: Delivery) -> str:
    base = settings.CONFIG.public_url.rstrip("/")
    path = f"/t/{row.channel.tenant.slug}/alerts/" if row.channel else "/platform/alerts/"
    return base + path
