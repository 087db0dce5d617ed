"""Send canaries through the real path to prove that a policy holds."""

import asyncio
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from proxy.ledger import prices
from proxy.proving import proof
from tenants import actions, queries
from tenants.management import command


class Command(command.TenantCommand):
    help = (
        "Prove the policy that holds: canaries for each rule go through the real path, whole, streamed, cut at every "
        "byte and to count_tokens, with the simulator as the upstream. Nothing is sent out or billed."
    )
    examples = """\
  manage.py prove_policy --tenant acme
  manage.py prove_policy --tenant acme --json
  manage.py prove_policy                    # the platform's rules alone"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--tenant", default="", help="The tenant's slug; left out: the platform's rules alone.")

    def perform(self, **options: Any) -> command.Report:
        tenant = command.tenant_named(options["tenant"]) if options["tenant"] else None
        above, own = queries.platform_policy(), tenant.policy if tenant else {}
        done = asyncio.run(proof.prove(above, own, prices=prices.load()))
        actions.note_proof(actor=command.actor(), tenant=tenant, counts=done.counts)
        lines = [f"{verdict:<9}  {name}{_why(checks)}" for name, _level, verdict, checks in done.by_rule] or [
            "There is no rule to prove."
        ]
        if proof.FAIL in done.counts:
            raise command.Refused("\n".join(["The policy does not hold.", *lines]))
        data = {"counts": done.counts, "checks": [asdict(check) for check in done.checks]}
        return command.Report(data=data, text="\n".join(lines))


def _why(checks: list[proof.Check]) -> str:
    """What is wrong, by which way, said once."""
    said = dict.fromkeys(f"{one.place} {one.way}: {one.why}".strip(" :") for one in checks if one.why)
    return f"  ({'; '.join(said)})" if said else ""
