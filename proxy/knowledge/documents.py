"""How documents come, change and go. Each is one transaction, audited; the work is done by the worker afterwards."""

import hashlib
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, F, Sum
from django.utils import timezone

from proxy.knowledge import indexes, removal, stores, wakening
from proxy.knowledge.models import Document, Index, Removal
from proxy.knowledge.parsing import kinds
from tenants import audit, validators
from tenants.models import Collection

_MOST_TAGS = 50
_PIECE_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a file: a new document, another revision of one, or nothing new."""

    document: Document
    became: Literal["created", "replaced", "unchanged"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is said of a document beside its text. None: as it is, or nothing."""

    title: str | None = None
    tags: Sequence[str] | None = None
    metadata: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class _Stored:
    path: str
    checksum: str
    size: int
    note: int


def load(
    *, actor: str, collection: Collection, name: str, content: Iterable[bytes], facts: Facts | None = None
) -> Loaded:
    """Take a file in. The same name again replaces the document; the same content again does nothing.

    Raises ValidationError by field: name, file, title, tags, metadata.
    """
    facts = _checked(facts or Facts())
    _check_name(name)
    stored = _store(collection, content)
    try:
        with audit.change(actor=actor) as trail:
            loaded = _settle(collection, name, stored, facts)
            if loaded.became != "unchanged":
                changes = {"checksum": [None, stored.checksum], "size": [None, stored.size]}
                trail.record("document.load", loaded.document, changes)
                Removal.objects.filter(pk=stored.note).delete()
                transaction.on_commit(wakening.wake)
    finally:
        if not Document.objects.filter(path=stored.path).exists():
            (removal.folder() / stored.path).unlink(missing_ok=True)
            Removal.objects.filter(pk=stored.note).delete()
    if loaded.became == "unchanged":
        return Loaded(change(actor=actor, document=loaded.document, facts=facts), "unchanged")
    return loaded


def change(*, actor: str, document: Document, facts: Facts) -> Document:
    """The document with another title, tags or metadata. Searches see it at once."""
    facts = _checked(facts)
    with audit.change(actor=actor) as trail:
        row = Document.objects.select_related("collection__tenant").get(pk=document.pk)
        done = _apply(row, facts)
        if done:
            row.save(update_fields=list(done))
            Index.objects.filter(entries__document=row).update(version=F("version") + 1)
            trail.record("document.change", row, done)
    return row


def delete(*, actor: str, document: Document) -> None:
    """The document goes, with its passages, vectors and file."""
    with audit.change(actor=actor) as trail:
        row = Document.objects.select_related("collection__tenant").get(pk=document.pk)
        trail.record("document.delete", row)
        for entry in row.entries.select_related("index"):
            if (store := stores.of(entry.index)).is_transactional:
                store.remove(row.tenant_id, entry.index_id, entry.pk)
            removal.note_entry(entry.index, entry.pk)
            Index.objects.filter(pk=entry.index_id).update(version=F("version") + 1)
        removal.note_document(row)
        row.delete()
        transaction.on_commit(wakening.tend)


def reindex(*, actor: str, document: Document) -> Document:
    """Have the document read again, whatever came of it before."""
    with audit.change(actor=actor) as trail:
        indexes.requeue(Document.objects.filter(pk=document.pk))
        row = Document.objects.select_related("collection__tenant").get(pk=document.pk)
        trail.record("document.reindex", row)
        transaction.on_commit(wakening.wake)
    return row


def cancel(*, actor: str, document: Document) -> Document:
    """Stop the reading of a document; what was searchable before stays so."""
    with audit.change(actor=actor) as trail:
        under_way = Document.objects.filter(pk=document.pk).exclude(status__in=Document.DONE)
        if under_way.update(status=Document.Status.CANCELLED, claim="", progress=0):
            trail.record("document.cancel", document)
    return Document.objects.select_related("collection__tenant").get(pk=document.pk)


def file_of(document: Document) -> Path:
    """Where the document's file is."""
    return removal.folder() / document.path


def _settle(collection: Collection, name: str, stored: _Stored, facts: Facts) -> Loaded:
    row = Document.objects.select_for_update().filter(collection=collection, name=name).first()
    if row is not None and row.checksum == stored.checksum and row.status != Document.Status.FAILED:
        return Loaded(row, "unchanged")
    _check_room(collection, stored.size, row)
    indexes.newest(collection)
    became: Literal["created", "replaced"] = "created" if row is None else "replaced"
    if row is None:
        row = Document(collection=collection, tenant_id=collection.tenant_id, name=name)
    else:
        removal.note_document(row)
        row.revision += 1
    _apply(row, facts)
    row.path, row.checksum, row.size = stored.path, stored.checksum, stored.size
    row.status, row.reason, row.progress, row.attempts, row.claim = Document.Status.QUEUED, "", 0, 0, ""
    row.queued_at, row.claimed_until = timezone.now(), None
    row.save()
    return Loaded(row, became)


def _store(collection: Collection, content: Iterable[bytes]) -> _Stored:
    """Write the file under a name of our own. Raises ValidationError where it is larger than allowed."""
    path = f"{collection.tenant_id}/{collection.pk}/{secrets.token_hex(16)}"
    note = removal.note_upload(collection.tenant_id, path)
    target = removal.folder() / path
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest, size, most = hashlib.sha256(), 0, settings.CONFIG.max_document_bytes
    with target.open("xb") as file:
        for piece in content:
            size += len(piece)
            if size > most:
                break
            digest.update(piece)
            file.write(piece)
    if size > most:
        target.unlink()
        raise ValidationError({"file": f"The file is larger than {most / 1024 / 1024:g} MiB. Split it."})
    return _Stored(path, digest.hexdigest(), size, note)


def _check_name(name: str) -> None:
    try:
        validators.check_label(name)
    except ValidationError as wrong:
        raise ValidationError({"name": wrong.messages}) from None
    if not 0 < len(name) <= 300 or ".." in name.split("/"):
        raise ValidationError({"name": "Give a file name of up to 300 characters."})
    if not kinds.is_known(name):
        raise ValidationError({"file": f"Files of this ending are not read here. Accepted are {kinds.ACCEPTED}."})


def _check_room(collection: Collection, size: int, replaced: Document | None) -> None:
    kept = Document.objects.filter(tenant_id=collection.tenant_id)
    if replaced is not None:
        kept = kept.exclude(pk=replaced.pk)
    used = kept.aggregate(count=Count("pk"), size=Sum("size"))
    if used["count"] >= settings.CONFIG.max_documents:
        raise ValidationError(
            {"file": f"The tenant keeps {settings.CONFIG.max_documents:,} documents, as many as it may."}
        )
    most = settings.CONFIG.max_documents_bytes
    if (used["size"] or 0) + size > most:
        raise ValidationError(
            {"file": f"The tenant's documents may take {most / 1024**3:g} GiB together. Delete some."}
        )


def _checked(facts: Facts) -> Facts:
    tags = None if facts.tags is None else list(dict.fromkeys(facts.tags))
    if tags is not None and (len(tags) > _MOST_TAGS or not all(_is_short(tag) for tag in tags)):
        raise ValidationError({"tags": f"Give up to {_MOST_TAGS} tags of 1 to 100 printable characters."})
    if facts.metadata is not None:
        try:
            validators.check_metadata(dict(facts.metadata))
        except ValidationError as wrong:
            raise ValidationError({"metadata": wrong.messages}) from None
    if facts.title is not None and (len(facts.title) > 300 or not facts.title.isprintable()):
        raise ValidationError({"title": "Give a title of up to 300 printable characters."})
    return Facts(facts.title, tags, facts.metadata)


def _is_short(tag: object) -> bool:
    return isinstance(tag, str) and 0 < len(tag) <= 100 and tag.isprintable()


def _apply(row: Document, facts: Facts) -> dict[str, list[Any]]:
    """Set what is given; what differs, as {field: [old, new]}."""
    done = {}
    given = {
        "title": facts.title,
        "tags": facts.tags,
        "metadata": None if facts.metadata is None else dict(facts.metadata),
    }
    for name, value in given.items():
        if value is not None and value != getattr(row, name):
            done[name] = [getattr(row, name), value]
            setattr(row, name, value)
    return done
