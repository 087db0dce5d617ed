"""Making the database as the file says: one transaction, through the same actions as everything else.

What is reported is read back from the rows before and after, so a dry run shows exactly what an apply does.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import transaction
from django.utils import timezone

from tenants import actions, audit
from tenants.declarative import rows
from tenants.declarative.difference import Difference, ObjectChange, TenantChange, between
from tenants.declarative.form import (
    AlertForm,
    CollectionForm,
    FileForm,
    KeyForm,
    RagForm,
    RowForm,
    TenantForm,
    UpstreamForm,
    given,
)
from tenants.declarative.reading import Unacceptable, path
from tenants.models import AlertChannel, ApiKey, Collection, Tenant, Upstream

Result = TypeVar("Result")

_OWN = frozenset({"slug", "name", "alerts", "upstreams", "keys", "rag", "status"})
_CREDENTIAL = frozenset({"name", "api_key", "api_key_env"})
_NAMED = frozenset({"name", "status", "rag"})
_ROWS = frozenset({"collections"})
_CHANNEL = frozenset({"name", "kind", "secret_env"})


def apply(form: FileForm, *, actor: str, prune: bool = False, dry_run: bool = False) -> Difference:
    """Do what the file says, all of it or nothing. Raises Unacceptable with every problem found."""
    work = _Apply(actor=actor, prune=prune)
    done = Difference(is_dry_run=dry_run)
    with audit.change(actor=actor):
        for number, tenant in enumerate(form.tenants):
            change = work.tenant(tenant, ("tenants", number))
            done.tenants += [change] if change else []
        if work.problems:
            raise Unacceptable(work.problems)
        if dry_run:
            transaction.set_rollback(True)
    if dry_run:
        for looked_at in done.objects():
            looked_at.secret = ""  # it was rolled back: nobody must keep it
    return done


@dataclass(slots=True)
class _Apply:
    """One run: who does it, how, and what was wrong so far."""

    actor: str
    prune: bool
    problems: list[str] = field(default_factory=list)

    def tenant(self, form: TenantForm, where: tuple[int | str, ...]) -> TenantChange | None:
        """One tenant, then what belongs to it. None if the tenant itself was refused."""
        change = self._attempt(where, form, lambda: self._tenant(form))
        if change is None:
            return None
        row = Tenant.objects.get(slug=form.slug)
        for number, channel in enumerate(form.alerts):
            change.alerts += (
                self._attempt((*where, "alerts", number), channel, partial(self._alert, row, channel)) or []
            )
        for number, upstream in enumerate(form.upstreams):
            act = partial(self._upstream, row, upstream)
            change.upstreams += self._attempt((*where, "upstreams", number), upstream, act) or []
        for number, collection in enumerate(form.rag.collections):
            place = (*where, "rag", "collections", number)
            change.collections += self._attempt(place, collection, partial(self._collection, row, collection)) or []
        # What tenant and keys are given is of collections, so those come first.
        self._attempt((*where, "rag"), form.rag, partial(self._inject, row, form.rag, change.tenant))
        for number, key in enumerate(form.keys):
            change.keys += self._attempt((*where, "keys", number), key, partial(self._key, row, key)) or []
        if self.prune:
            change.alerts += self._remove_alerts(row, {channel.name for channel in form.alerts})
            change.upstreams += self._remove_upstreams(row, {upstream.name for upstream in form.upstreams})
            change.keys += self._revoke_keys(row, {key.name for key in form.keys})
            change.collections += self._remove_collections(row, {kept.name for kept in form.rag.collections})
        return change

    def _attempt(self, where: tuple[int | str, ...], form: RowForm, act: Callable[[], Result]) -> Result | None:
        """What `act` returns. What it refuses is collected, in the file's words, and the next object has its turn."""
        try:
            return act()
        except ValidationError as wrong:
            found = wrong.message_dict if hasattr(wrong, "error_dict") else {NON_FIELD_ERRORS: wrong.messages}
            for column, messages in found.items():
                parts = () if column == NON_FIELD_ERRORS else form.field_of(column).split(".")
                self.problems += [f"{path(*where, *parts)}: {message}" for message in messages]
            return None

    def _tenant(self, form: TenantForm) -> TenantChange:
        row = Tenant.objects.filter(slug=form.slug).first()
        before = rows.tenant_fields(row) if row else None
        row = self._store_tenant(form, row)
        return TenantChange(_changed("tenant", form.slug, form.slug, before, rows.tenant_fields(row)))

    def _store_tenant(self, form: TenantForm, row: Tenant | None) -> Tenant:
        values = given(form, Tenant, prune=self.prune, without=_OWN)
        if row is None:
            row = actions.create_tenant(actor=self.actor, slug=form.slug, name=form.name or form.slug, **values)
            values = {}
        if form.name is not None:
            values["name"] = form.name
        if "status" in form.model_fields_set:  # never by omission: that would wake a suspended tenant
            values["status"] = form.status or Tenant.Status.ACTIVE
        return actions.change_tenant(actor=self.actor, tenant=row, **values)

    def _inject(self, tenant: Tenant, form: RagForm, change: ObjectChange) -> None:
        """Add what requests are given to what was said of the tenant."""
        values = given(form, Tenant, prune=self.prune, without=_ROWS)
        row = actions.change_tenant(actor=self.actor, tenant=tenant, **values)
        if row.inject != tenant.inject:
            change.fields["rag.inject"] = (tenant.inject, row.inject)
            change.became = "changed" if change.became == "unchanged" else change.became

    def _upstream(self, tenant: Tenant, form: UpstreamForm) -> list[ObjectChange]:
        row = Upstream.objects.filter(tenant=tenant, name=form.name).first()
        before = _upstream_state(row)
        values = given(form, Upstream, prune=self.prune, without=_CREDENTIAL)
        if row is None:
            row = actions.add_upstream(
                actor=self.actor, tenant=tenant, name=form.name, credential=form.credential or "", **values
            )
        else:
            kept = actions.UNCHANGED if form.credential is None else form.credential
            row = actions.change_upstream(actor=self.actor, upstream=row, credential=kept, **values)
        change = _changed("upstream", f"{tenant}/{form.name}", form.name, before, _upstream_state(row))
        return [_with_credential_shown(change)]

    def _alert(self, tenant: Tenant, form: AlertForm) -> list[ObjectChange]:
        row = AlertChannel.objects.filter(tenant=tenant, name=form.name).first()
        label = f"{tenant}/{form.name}"
        values = given(form, AlertChannel, prune=self.prune, without=_CHANNEL)
        if row is None:
            made = actions.add_channel(
                actor=self.actor, tenant=tenant, name=form.name, kind=form.kind, secret=form.secret, **values
            )
            change = _changed("channel", label, form.name, None, rows.channel_fields(made.channel))
            change.secret = made.secret
            return [change]
        if row.kind != form.kind:
            raise ValidationError({"kind": f"It is of kind {row.kind}, and stays so. Give the new one another name."})
        before = _channel_state(row)
        row = actions.change_channel(actor=self.actor, channel=row, secret=form.secret, at=timezone.now(), **values)
        change = _changed("channel", label, form.name, before, _channel_state(row))
        if "secret" in change.fields:
            change.fields["secret"] = ("set", "set anew")
        return [change]

    def _key(self, tenant: Tenant, form: KeyForm) -> list[ObjectChange]:
        row = ApiKey.objects.filter(tenant=tenant, name=form.name, status=ApiKey.Status.ACTIVE).first()
        label = f"{tenant}/{form.name}"
        if form.status == "revoked":
            if row is not None:
                actions.revoke_key(actor=self.actor, key=row)
            return [ObjectChange("key", label, form.name, "unchanged" if row is None else "revoked", {})]
        values = given(form, ApiKey, prune=self.prune, without=_NAMED)
        values |= given(form.rag, ApiKey, prune=self.prune, without=frozenset())
        if row is None:
            issued = actions.issue_key(actor=self.actor, tenant=tenant, name=form.name, **values)
            change = _changed("key", label, form.name, None, rows.key_fields(issued.key))
            change.secret = issued.secret
            return [change]
        before = rows.key_fields(row)
        row = actions.change_key(actor=self.actor, key=row, **values)
        return [_changed("key", label, form.name, before, rows.key_fields(row))]

    def _collection(self, tenant: Tenant, form: CollectionForm) -> list[ObjectChange]:
        row = Collection.objects.filter(tenant=tenant, name=form.name).first()
        before = rows.collection_fields(row) if row else None
        values = given(form, Collection, prune=self.prune, without=frozenset({"name"}))
        if row is None:
            row = actions.add_collection(actor=self.actor, tenant=tenant, name=form.name, **values)
        else:
            row = actions.change_collection(actor=self.actor, collection=row, **values)
        label = f"{tenant}/{form.name}"
        return [_changed("collection", label, form.name, before, rows.collection_fields(row))]

    def _remove_alerts(self, tenant: Tenant, named: set[str]) -> Iterator[ObjectChange]:
        for row in tenant.alert_channels.exclude(name__in=named):
            actions.delete_channel(actor=self.actor, channel=row)
            yield ObjectChange("channel", f"{tenant}/{row.name}", row.name, "removed", {})

    def _remove_upstreams(self, tenant: Tenant, named: set[str]) -> Iterator[ObjectChange]:
        for row in tenant.upstreams.exclude(name__in=named):
            actions.delete_upstream(actor=self.actor, upstream=row)
            yield ObjectChange("upstream", f"{tenant}/{row.name}", row.name, "removed", {})

    def _remove_collections(self, tenant: Tenant, named: set[str]) -> Iterator[ObjectChange]:
        for row in tenant.collections.exclude(name__in=named):
            actions.delete_collection(actor=self.actor, collection=row)
            yield ObjectChange("collection", f"{tenant}/{row.name}", row.name, "removed", {})

    def _revoke_keys(self, tenant: Tenant, named: set[str]) -> Iterator[ObjectChange]:
        for row in tenant.keys.filter(status=ApiKey.Status.ACTIVE).exclude(name__in=named):
            actions.revoke_key(actor=self.actor, key=row)
            yield ObjectChange("key", f"{tenant}/{row.name}", row.name, "revoked", {})


def _changed(
    kind: str, label: str, name: str, before: dict[str, Any] | None, after: dict[str, Any] | None
) -> ObjectChange:
    fields = between(before, after)
    became = "created" if before is None else "changed" if fields else "unchanged"
    return ObjectChange(kind, label, name, became, fields)


def _channel_state(row: AlertChannel) -> dict[str, Any]:
    """The fields, and the ciphertext to see whether it was replaced; it is taken out again."""
    return {**rows.channel_fields(row), "secret": None if row.secret is None else bytes(row.secret)}


def _upstream_state(row: Upstream | None) -> dict[str, Any] | None:
    """The fields, and the ciphertext to see whether it was replaced; `_with_credential_shown` takes it out again."""
    if row is None:
        return None
    return {**rows.upstream_fields(row), "api_key": None if row.credential is None else bytes(row.credential)}


def _with_credential_shown(change: ObjectChange) -> ObjectChange:
    """The ciphertext replaced by words: which credential it was is nobody's business."""
    if "api_key" in change.fields:
        old, new = change.fields["api_key"]
        words = "cleared" if new is None else "set" if old is None else "set anew"
        change.fields["api_key"] = ("none" if old is None else "set", words)
    return change
