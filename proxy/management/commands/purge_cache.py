"""Forget a tenant's kept answers."""

from argparse import ArgumentParser
from typing import Any

from proxy.answers import purging
from proxy.answers.stores import Filter, StoreDown
from tenants import actions
from tenants.management import command


class Command(command.TenantCommand):
    help = "Forget a tenant's kept answers: all of them, or those of a model, of a tag, or one."
    examples = """\
  manage.py purge_cache acme
  manage.py purge_cache acme --model claude-sonnet-5-5
  manage.py purge_cache acme --tag faq"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("tenant", help="The tenant's slug.")
        parser.add_argument("--model", default="", help="Only answers of this model, as it was served.")
        parser.add_argument("--tag", default="", help="Only answers with this x-llmp-cache-tag.")
        parser.add_argument("--id", default="", help="Only the answer of this x-llmp-cache-id.")

    def perform(self, **options: Any) -> command.Report:
        tenant = command.tenant_named(options["tenant"])
        which = {name: options[name] for name in ("model", "tag", "id") if options[name]}
        try:
            count = purging.purge(tenant.pk, Filter(**which))
        except StoreDown as down:
            raise command.Refused(f"the store of kept answers is away: {down}") from None
        actions.note_purge(actor=command.actor(), tenant=tenant, which=which, count=count)
        return command.Report(data={"tenant": tenant.slug, "forgotten": count}, text=f"{count} forgotten.")
