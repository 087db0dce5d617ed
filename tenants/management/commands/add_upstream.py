"""Give a tenant an upstream."""

import getpass
import sys
from argparse import ArgumentParser
from typing import Any

from tenants import actions
from tenants.management import command
from tenants.models import Upstream


class Command(command.TenantCommand):
    help = (
        "Give a tenant a provider that its calls may go to. The credential is asked for on a terminal, or comes from "
        "stdin or a variable; it is never an argument, which other users of the machine could read."
    )
    examples = """\
  manage.py add_upstream acme main                               # Anthropic; asks for the credential
  manage.py add_upstream acme main --credential-env ANTHROPIC_API_KEY
  pass show anthropic | manage.py add_upstream acme main --credential-stdin
  manage.py add_upstream acme local --base-url http://127.0.0.1:9200 --no-credential --priority 20
  manage.py add_upstream acme sim --kind simulator"""
    columns = {
        "credential": "credential",
        "base_url": "--base-url",
        "model_globs": "--model",
        "model_aliases": "--model-alias",
        "priority": "--priority",
        "connect_timeout_seconds": "--connect-timeout",
        "read_timeout_seconds": "--read-timeout",
        "max_connections": "--max-connections",
    }

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("tenant", help="The tenant's slug.")
        parser.add_argument("name", help="The upstream's name, unique in the tenant.")
        parser.add_argument("--kind", choices=Upstream.Kind.values, default=Upstream.Kind.ANTHROPIC.value)
        parser.add_argument("--base-url", help="Where it answers (https://api.anthropic.com).")
        credential = parser.add_mutually_exclusive_group()
        credential.add_argument("--credential-stdin", action="store_true", help="Read the credential from stdin.")
        credential.add_argument("--credential-env", metavar="NAME", help="Take it from this environment variable.")
        credential.add_argument("--no-credential", action="store_true", help="It needs none.")
        parser.add_argument("--model", action="append", metavar="GLOB", help="It serves these; repeatable (*).")
        parser.add_argument("--model-alias", action="append", metavar="OURS=ITS", help="Its own names; repeatable.")
        parser.add_argument("--priority", type=int, help="The lowest that serves the model is asked (10).")
        parser.add_argument("--disabled", action="store_true", help="Store it without using it yet.")
        parser.add_argument("--connect-timeout", type=float, metavar="SECONDS", help="(5)")
        parser.add_argument("--read-timeout", type=float, metavar="SECONDS", help="Longest silence (600).")
        parser.add_argument("--max-connections", type=int, metavar="N", help="At once, in one process (1000).")

    def perform(self, **options: Any) -> command.Report:
        tenant = command.tenant_named(options["tenant"])
        upstream = actions.add_upstream(
            actor=command.actor(),
            tenant=tenant,
            name=options["name"],
            credential=_credential(options),
            kind=options["kind"],
            base_url=options["base_url"],
            model_globs=options["model"],
            model_aliases=command.pairs(options["model_alias"], option="--model-alias"),
            priority=options["priority"],
            is_enabled=not options["disabled"],
            connect_timeout_seconds=options["connect_timeout"],
            read_timeout_seconds=options["read_timeout"],
            max_connections=options["max_connections"],
        )
        return command.Report(
            data={
                "id": upstream.pk,
                "tenant": tenant.slug,
                "name": upstream.name,
                "kind": upstream.kind,
                "base_url": upstream.base_url,
                "models": upstream.model_globs,
                "priority": upstream.priority,
                "enabled": upstream.is_enabled,
                "has_credential": upstream.credential is not None,
            },
            text=f"{upstream} is added.",
            notes=("Check that it answers: manage.py doctor",),
        )


def _credential(options: dict[str, Any]) -> str:
    """From where the options say; a terminal is asked, nothing else is guessed. Raises Refused."""
    if options["no_credential"] or options["kind"] == Upstream.Kind.SIMULATOR:
        return ""
    name = options["credential_env"]
    if name:
        found = command.ENVIRON.get(name, "").strip()
    elif options["credential_stdin"]:
        found = command.read_line()
    elif sys.stdin.isatty():
        found = getpass.getpass("Credential (not shown): ").strip()
    else:
        raise command.Refused("credential: give --credential-stdin, --credential-env NAME or --no-credential.")
    if not found:
        source = f"the environment variable {name} is not set" if name else "it is empty"
        raise command.Refused(f"credential: {source}. If the upstream needs none, say --no-credential.")
    return found
