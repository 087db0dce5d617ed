"""Make an API key and print its secret, once."""

from argparse import ArgumentParser, ArgumentTypeError
from datetime import datetime
from typing import Any

from tenants import actions
from tenants.management import command
from tenants.models import Scope


def moment(text: str) -> datetime:
    """An ISO 8601 moment with its time zone."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = datetime.min
    if at.utcoffset() is None:
        raise ArgumentTypeError(f"{text!r} must be a moment with its time zone, e.g. 2027-01-01T00:00:00Z")
    return at


class Command(command.TenantCommand):
    help = "Make an API key of a tenant. Its secret alone goes to stdout, this once; only a hash of it is kept."
    examples = """\
  manage.py issue_key acme ci
  manage.py issue_key acme ci --model 'claude-haiku-*' --expires-at 2027-01-01T00:00:00Z
  manage.py issue_key acme ci --ip-allow 10.0.0.0/8 --metadata team=platform
  manage.py issue_key acme ci | gh secret set LLM_KEY"""
    columns = {
        "name": "name",
        "scopes": "--scope",
        "model_globs": "--model",
        "ip_allow": "--ip-allow",
        "expires_at": "--expires-at",
        "metadata": "--metadata",
    }

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("tenant", help="The tenant's slug.")
        parser.add_argument("name", help="The key's name, unique among the tenant's active keys.")
        parser.add_argument("--scope", action="append", choices=Scope.values, help="May do this only; repeatable.")
        parser.add_argument("--model", action="append", metavar="GLOB", help="May ask these models; repeatable (*).")
        parser.add_argument("--ip-allow", action="append", metavar="CIDR", help="May call from there; repeatable.")
        parser.add_argument("--expires-at", type=moment, metavar="MOMENT", help="E.g. 2027-01-01T00:00:00Z.")
        parser.add_argument("--metadata", action="append", metavar="NAME=VALUE", help="A note; repeatable.")

    def perform(self, **options: Any) -> command.Report:
        issued = actions.issue_key(
            actor=command.actor(),
            tenant=command.tenant_named(options["tenant"]),
            name=options["name"],
            scopes=options["scope"],
            model_globs=options["model"],
            ip_allow=options["ip_allow"],
            expires_at=options["expires_at"],
            metadata=command.pairs(options["metadata"], option="--metadata"),
        )
        key = issued.key
        return command.Report(
            data={
                "id": key.pk,
                "tenant": options["tenant"],
                "name": key.name,
                "secret": issued.secret,
                "scopes": key.scopes,
                "models": key.model_globs,
                "ip_allow": key.ip_allow,
                "expires_at": key.expires_at,
                "metadata": key.metadata,
            },
            text=issued.secret,
            notes=(f"Key {key} is issued. This is its secret; it cannot be shown again.",),
        )
