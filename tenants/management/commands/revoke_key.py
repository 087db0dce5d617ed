"""End a key for good."""

from argparse import ArgumentParser
from typing import Any

from tenants import actions, keys, queries
from tenants.management import command
from tenants.models import ApiKey


class Command(command.TenantCommand):
    help = "End a key and all its secrets for good, within a second in every process."
    examples = """\
  manage.py revoke_key acme ci
  manage.py revoke_key --stdin < leaked.txt    # whoever's key it is"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("tenant", nargs="?", help="The tenant's slug.")
        parser.add_argument("name", nargs="?", help="The key's name.")
        parser.add_argument("--stdin", action="store_true", help="Read the key's secret from stdin instead.")

    def perform(self, **options: Any) -> command.Report:
        is_named = bool(options["tenant"] and options["name"])
        if options["stdin"] == is_named or (options["stdin"] and options["tenant"]):
            self.fail_usage("give a tenant and a key's name, or --stdin alone")
        if options["stdin"]:
            key = _key_of(command.read_line())
        else:
            key = command.key_named(command.tenant_named(options["tenant"]), options["name"])
        was_active = key.status == ApiKey.Status.ACTIVE
        key = actions.revoke_key(actor=command.actor(), key=key)
        return command.Report(
            data={"id": key.pk, "tenant": key.tenant.slug, "name": key.name, "status": key.status},
            text=f"{key} is revoked." if was_active else f"{key} was revoked already.",
        )


def _key_of(secret: str) -> ApiKey:
    """The key with this secret, in whatever state. Raises Refused, never quoting it."""
    if not keys.is_well_formed(secret):
        raise command.Refused("stdin: this is no key of this product, or not all of it. Paste the whole llmp_… text.")
    row = queries.secret_row(digest for _version, digest in keys.digests(secret))
    if row is None:
        raise command.Refused("stdin: no key has this secret here: another deployment's, or its tenant was deleted.")
    return row.key
