"""Move a tenant's collections from one store to the other."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings

from proxy.knowledge import moving
from proxy.knowledge.models import Index
from proxy.knowledge.stores import StoreDown
from tenants.management import command


class Command(command.TenantCommand):
    help = "Move a tenant's collections between the database and Weaviate, comparing counts (docs/rag.md)."
    examples = """\
  manage.py move_collections --tenant acme --to weaviate
  manage.py move_collections --tenant acme --to embedded --collection handbook --json"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--tenant", required=True, metavar="SLUG", help="Whose collections they are.")
        parser.add_argument("--to", required=True, choices=Index.Store.values, help="Where they go.")
        parser.add_argument("--collection", metavar="NAME", help="Only this one.")

    def perform(self, **options: Any) -> command.Report:
        if not settings.CONFIG.weaviate_url:
            raise command.Refused("WEAVIATE_URL is not set: there is no Weaviate to move from or to.")
        tenant = command.tenant_named(options["tenant"])
        rows = (
            Index.objects.select_related("collection__tenant").filter(tenant_id=tenant.pk).exclude(store=options["to"])
        )
        if options["collection"]:
            rows = rows.filter(collection__name=options["collection"])
        try:
            moved = [moving.move(row, Index.Store(options["to"])) for row in rows]
        except (moving.Incomplete, StoreDown) as failed:
            raise command.Refused(f"{failed} What was moved before stays moved; call it again.") from None
        data = {"moved": [{"collection": one.collection, "passages": one.passages} for one in moved]}
        lines = [f"{one.collection}: {one.passages} passages, counted on both sides" for one in moved]
        return command.Report(data, "\n".join(lines) or "Nothing was left to move.")
