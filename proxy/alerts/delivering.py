"""Sends what is due: webhooks here, mails in `mailing`."""

import random
from collections.abc import Sequence
from datetime import datetime

from proxy.alerts import mailing, payload, queue, webhooks
from proxy.alerts.models import Delivery
from proxy.alerts.queue import Outcome
from proxy.alerts.webhooks import Message
from tenants import queries, secrets
from tenants.models import AlertChannel

_PER_CHANNEL = 5
_MOST_CHANNELS = 20


def send_due(at: datetime) -> int:
    """Send webhooks and mails that are due; how many deliveries were attempted."""
    claimed = claim_webhooks(at)
    if claimed:
        queue.record(claimed, _post(claimed, at), at)
    return len(claimed) + mailing.send_due(at)


def send_now(delivery: Delivery, at: datetime) -> Outcome:
    """Send this one without waiting for its turn, and write down what became of it."""
    if delivery.channel is not None and delivery.channel.kind == AlertChannel.Kind.EMAIL:
        outcome = mailing.send([delivery])
    else:
        (outcome,) = _post([delivery], at)
    queue.record([delivery], [outcome], at)
    return outcome


def claim_webhooks(at: datetime) -> list[Delivery]:
    """Some of what is due, a few of each channel: one that has thousands waiting does not keep the others."""
    due = queue.pending(at).filter(channel__kind=AlertChannel.Kind.WEBHOOK)
    channels = list(due.order_by().values_list("channel_id", flat=True).distinct()[:200])
    random.shuffle(channels)
    rows: list[Delivery] = []
    for channel in channels[:_MOST_CHANNELS]:
        rows += due.filter(channel_id=channel).order_by("next_at", "pk")[:_PER_CHANNEL]
    return [row for row in rows if queue.claim(row, at)]


def _post(rows: Sequence[Delivery], at: datetime) -> list[Outcome]:
    messages: list[Message] = []
    outcomes: list[Outcome | None] = []
    for row in rows:
        made = _message(row, at)
        outcomes.append(made if isinstance(made, Outcome) else None)
        if isinstance(made, Message):
            messages.append(made)
    answered = iter(webhooks.post(messages) if messages else [])
    return [outcome or next(answered) for outcome in outcomes]


def _message(row: Delivery, at: datetime) -> Message | Outcome:
    channel = row.channel
    assert channel is not None  # mails have none, webhooks always do
    try:
        signers = [queries.signing_secret_of(channel)]
        if channel.old_secret_until is not None and channel.old_secret_until > at:
            signers.append(queries.old_signing_secret_of(channel))
    except secrets.CannotDecrypt:
        return Outcome(None, "its signing secret cannot be opened: rotate it", 0)
    content = payload.body(row.alert)
    return Message(channel.url, payload.headers(row.alert.pk, content, signers, at), content)
