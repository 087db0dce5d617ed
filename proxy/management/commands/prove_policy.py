"""Send canaries through the real path to prove that a policy holds."""

import asyncio
from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from asgiref.sync import sync_to_async

from proxy.call import Privacy
from proxy.ledger import prices
from proxy.ledger.prices import PriceBook
from proxy.privacy.compiling import compiled
from proxy.privacy.detection.detector import Detector
from proxy.proving import personal_data, proof
from tenants import actions, placeholder_keys, queries
from tenants.management import command
from tenants.models import Tenant

_DETECTION_SECONDS = 60  # its worker has to start first
Rules = Mapping[str, Any]


class Command(command.TenantCommand):
    help = (
        "Prove the policy that holds, and what is done with personal data: canaries for each rule and type go through "
        "the real path, whole, streamed, cut at every byte and to count_tokens, with the simulator as the upstream. "
        "Nothing is sent out or billed."
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
        done = asyncio.run(_proof(tenant, above, own, prices.load()))
        actions.note_proof(actor=command.actor(), tenant=tenant, counts=done.counts)
        lines = [
            f"{verdict:<9}  {name}{_level(level)}{_why(checks)}" for name, level, verdict, checks in done.by_rule
        ] or ["There is no rule to prove."]
        if proof.FAIL in done.counts:
            raise command.Refused("\n".join(["The policy does not hold.", *lines]))
        data = {"counts": done.counts, "checks": [asdict(check) for check in done.checks]}
        return command.Report(data=data, text="\n".join(lines))


async def _proof(tenant: Tenant | None, above: Rules, own: Rules, book: PriceBook) -> proof.Proof:
    """Of the rules, and of what the tenant wants done with personal data."""
    rules = compiled(tenant.pii, {}) if tenant else None
    looks_for = proof.looked_for(tenant.pii) if tenant else proof.looks_for_all
    done = await proof.prove(above, own, prices=book, looks_for=looks_for)
    if tenant is None or rules is None:
        return done
    detector = Detector(workers=1, deadline_seconds=_DETECTION_SECONDS)
    try:
        privacy = Privacy(rules, await sync_to_async(placeholder_keys.of)(tenant))
        return proof.Proof([*done.checks, *await personal_data.prove(tenant.pii, privacy, detector, prices=book)])
    finally:
        await detector.aclose()


def _level(level: str) -> str:
    """Whose rule it is, or the mode of a type; nothing for the tenant's own rules."""
    return "" if level == "tenant" else f" ({level})"


def _why(checks: list[proof.Check]) -> str:
    """What is wrong, by which way, said once."""
    said = dict.fromkeys(f"{one.place} {one.way}: {one.why}".strip(" :") for one in checks if one.why)
    return f"  ({'; '.join(said)})" if said else ""
