"""Changes of policies. Each that comes to hold is a version of its own. Tenant None: the platform's, above all."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Max
from django.utils import timezone

from tenants import audit, policies
from tenants.actions import rows
from tenants.models import PolicyVersion, Tenant

State = PolicyVersion.State


def draft_policy(*, actor: str, tenant: Tenant | None, document: dict[str, Any], note: str = "") -> PolicyVersion:
    """The tenant's draft, which holds for nobody yet; there is one at a time."""
    with audit.change(actor=actor) as trail:
        before = PolicyVersion.objects.filter(tenant=tenant, state=State.DRAFT).values_list("document", flat=True)
        known = before.first()
        row = _drafted(tenant, document, note, author=trail.actor)
        if document != known:
            trail.record("policy.draft", row, {"document": [known, document]})
    return row


def discard_policy(*, actor: str, version: PolicyVersion) -> None:
    """The draft goes. Raises ValidationError where it has come to hold meanwhile."""
    with audit.change(actor=actor) as trail:
        row = _fresh(version)
        if row.state != State.DRAFT:
            raise ValidationError("Only a draft can be discarded: what has held once stays in the history.")
        trail.record("policy.discard", row, {"document": [row.document, None]})
        row.delete()


def activate_policy(*, actor: str, version: PolicyVersion) -> PolicyVersion:
    """A draft or an older version holds from the next second on. Raises ValidationError where it cannot any more."""
    with audit.change(actor=actor) as trail:
        row = _fresh(version)
        if row.state != State.ACTIVE:
            policies.check_policy(row.document)  # today's checks may be stricter than those it was saved by
            _activate(trail, row)
    return row


def save_policy(*, actor: str, tenant: Tenant | None, document: dict[str, Any], note: str = "") -> PolicyVersion:
    """The policy holds from the next second on, as a version of its own; a draft is replaced by it."""
    with audit.change(actor=actor) as trail:
        active = PolicyVersion.objects.filter(tenant=tenant, state=State.ACTIVE).first()
        if active is not None and active.document == document:
            return active
        row = _drafted(tenant, document, note, author=trail.actor)
        _activate(trail, row)
    return row


def note_proof(*, actor: str, tenant: Tenant | None, counts: dict[str, int]) -> None:
    """That canaries were sent to prove the policy that holds, and how many checks came to which verdict."""
    with audit.change(actor=actor) as trail:
        row = tenant or PolicyVersion.objects.filter(tenant=None, state=State.ACTIVE).first()
        if row is not None:
            trail.record("policy.prove", row, {verdict: [None, count] for verdict, count in sorted(counts.items())})


def note_policy(tenant: Tenant, *, author: str) -> None:
    """What `tenant.policy` was just set to becomes a version. Within the caller's change."""
    row = _numbered(tenant, State.PAST)
    row.document, row.author = tenant.policy, author
    _let_hold(row)


def _drafted(tenant: Tenant | None, document: dict[str, Any], note: str, *, author: str) -> PolicyVersion:
    row = PolicyVersion.objects.filter(tenant=tenant, state=State.DRAFT).first() or _numbered(tenant, State.DRAFT)
    row.document, row.note, row.author = document, note, author
    row.full_clean()
    row.save()
    return row


def _activate(trail: audit.Trail, row: PolicyVersion) -> None:
    before = PolicyVersion.objects.filter(tenant=row.tenant, state=State.ACTIVE).first()
    if row.tenant is not None:
        row.tenant.policy = row.document
        row.tenant.save(update_fields=["policy"])
    _let_hold(row)
    changes = {
        "version": [before.number if before else None, row.number],
        "document": [before.document if before else {}, row.document],
    }
    trail.record("policy.activate", row, changes)


def _let_hold(row: PolicyVersion) -> None:
    active = PolicyVersion.objects.filter(tenant=row.tenant, state=State.ACTIVE)
    active.update(state=State.PAST)
    row.state, row.activated_at = State.ACTIVE, timezone.now()
    row.save()


def _numbered(tenant: Tenant | None, state: State) -> PolicyVersion:
    last = PolicyVersion.objects.filter(tenant=tenant).aggregate(last=Max("number"))["last"] or 0
    return PolicyVersion(tenant=tenant, number=last + 1, state=state)


def _fresh(version: PolicyVersion) -> PolicyVersion:
    try:
        return rows.fresh(version)
    except PolicyVersion.DoesNotExist:
        raise ValidationError("This draft is gone: somebody discarded it.") from None
