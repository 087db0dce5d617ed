"""What turns were given, kept as long as their conversations go on, so that they are given the same again.

In the database: any process knows it, and what goes with a document, a collection or a tenant goes at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Prefetch

from proxy.formats.splice import Path
from proxy.knowledge.models import GivenPassage, GivenTurn
from proxy.knowledge.turns.asking import Turn
from proxy.knowledge.turns.rendering import Extract

LIFE = timedelta(hours=8)
"""How long a turn is remembered; it starts anew when the turn is seen in the second half."""
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Given:
    """What a turn was given; nothing at all, too, is given again."""

    form: str
    extracts: Sequence[Extract]


def recall(tenant_id: UUID, digests: Sequence[bytes], at: datetime) -> dict[bytes, Given]:
    """Those of the turns that are remembered. Documents that are gone are not in them."""
    passages = Prefetch("passages", GivenPassage.objects.select_related("document__collection").order_by("position"))
    hexes = [digest.hex() for digest in digests]
    turns = GivenTurn.objects.filter(tenant_id=tenant_id, digest__in=hexes, expires_at__gt=at)
    rows = list(turns.prefetch_related(passages))
    if any(row.expires_at < at + LIFE / 2 for row in rows):
        turns.update(expires_at=at + LIFE)
    return {
        bytes.fromhex(row.digest): Given(row.form, [_extract(passage) for passage in row.passages.all()])
        for row in rows
    }


def remember(tenant_id: UUID, digest: bytes, given: Given, at: datetime) -> None:
    """Keep what the turn is given, instead of what it was given before."""
    with transaction.atomic():
        turn, _is_new = GivenTurn.objects.update_or_create(
            tenant_id=tenant_id, digest=digest.hex(), defaults={"form": given.form, "expires_at": at + LIFE}
        )
        turn.passages.all().delete()
        GivenPassage.objects.bulk_create(
            GivenPassage(
                turn=turn,
                position=position,
                document_id=one.document_id,
                source=one.source,
                title=one.title,
                text=one.text,
            )
            for position, one in enumerate(given.extracts)
        )


def forget(at: datetime) -> None:
    """Remove what nobody came back for; a part of it at a time, as others write meanwhile."""
    stale = list(GivenTurn.objects.filter(expires_at__lte=at).values_list("pk", flat=True)[:_AT_ONCE])
    GivenTurn.objects.filter(pk__in=stale).delete()


def shown(turns: Sequence[Turn], given: Mapping[bytes, Given]) -> dict[Path, Given]:
    """What is written into each turn: nothing that stands in an earlier one.

    What a turn shows depends on those before it alone, so that it stays when others follow; and where a client leaves
    the beginning of a conversation out, the next turn that found the same shows it.
    """
    seen: set[Extract] = set()
    kept = {}
    for turn in turns:
        if (one := given.get(turn.digest)) is not None:
            kept[turn.content] = Given(one.form, [extract for extract in one.extracts if extract not in seen])
            seen.update(one.extracts)
    return kept


def usable(given: Mapping[bytes, Given], collections: Mapping[str, bool]) -> dict[bytes, Given]:
    """The same without what is of collections that may not be used any more."""
    return {
        digest: Given(one.form, [extract for extract in one.extracts if extract.collection in collections])
        for digest, one in given.items()
    }


def _extract(row: GivenPassage) -> Extract:
    return Extract(
        document_id=row.document_id,
        collection=row.document.collection.name,
        source=row.source,
        title=row.title,
        text=row.text,
    )
