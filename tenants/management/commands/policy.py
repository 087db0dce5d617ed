"""Show, change and roll back policies."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError

from tenants import access, actions
from tenants.declarative import loader
from tenants.management import command
from tenants.models import PolicyVersion, Tenant

State = PolicyVersion.State
_TOLD = ("number", "state", "author", "note", "created_at", "activated_at")


class Command(command.TenantCommand):
    help = (
        "Show a policy and its versions, set one from a file, let a draft or an older version hold, or roll back. "
        "Without a tenant it is the platform's, which stands above every tenant's."
    )
    examples = """\
  manage.py policy show acme
  manage.py policy set acme --file rules.yaml --draft --note "No shell"
  manage.py policy activate acme 3
  manage.py policy rollback acme
  manage.py policy set --file platform.yaml          # the platform's"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("what", choices=("show", "set", "activate", "rollback"))
        parser.add_argument("tenant", nargs="?", default="", help="The tenant's slug; left out: the platform.")
        parser.add_argument("number", nargs="?", type=int, help="The version to activate, or to show.")
        parser.add_argument("--file", help="set: the policy, as YAML or JSON.")
        parser.add_argument("--draft", action="store_true", help="set: keep it as the draft, which holds for nobody.")
        parser.add_argument("--number", dest="number_given", type=int, help="The same, where no tenant is named.")
        parser.add_argument("--note", default="", help="set: why, for the history.")

    def perform(self, **options: Any) -> command.Report:
        tenant = command.tenant_named(options["tenant"]) if options["tenant"] else None
        number = options["number"] or options["number_given"]
        if options["what"] == "show":
            return self._show(tenant, number)
        if options["what"] == "set":
            return self._set(tenant, options)
        if options["what"] == "activate":
            if number is None:
                self.fail_usage("activate: say which version, e.g. policy activate acme 3")
            version = _version(tenant, number)
        else:
            version = _before(tenant)
        return _holds(actions.activate_policy(actor=command.actor(), version=version))

    def _show(self, tenant: Tenant | None, number: int | None) -> command.Report:
        versions = list(PolicyVersion.objects.filter(tenant=tenant))
        active = next((one for one in versions if one.state == State.ACTIVE), None)
        shown = _version(tenant, number) if number else active
        document = shown.document if shown else {}
        lines = [
            f"{one.number:>4}  {one.state:<6}  {one.created_at:%Y-%m-%d %H:%M}  {one.author}  {one.note}".rstrip()
            for one in versions
        ]
        data = {
            "tenant": tenant.slug if tenant else None,
            "version": shown.number if shown else None,
            "policy": document,
            "versions": [{name: getattr(one, name) for name in _TOLD} for one in versions],
        }
        text = json.dumps(document, ensure_ascii=False, indent=2)
        return command.Report(data=data, text=text, notes=tuple(lines or ["There is no policy yet."]))

    def _set(self, tenant: Tenant | None, options: dict[str, Any]) -> command.Report:
        if options["file"] is None:
            self.fail_usage("set: name the file with --file, or --file - to read it from a pipe")
        try:
            text = sys.stdin.read() if options["file"] == "-" else Path(options["file"]).read_text(encoding="utf-8")
            document = loader.load(text)
        except (OSError, UnicodeDecodeError, loader.NotYaml) as wrong:
            raise command.Refused(f"--file: {wrong}") from None
        save = actions.draft_policy if options["draft"] else actions.save_policy
        try:
            version = save(actor=command.actor(), tenant=tenant, document=document, note=options["note"])
        except ValidationError as wrong:
            raise command.Refused("\n".join(wrong.messages)) from None
        return _holds(version)


def _version(tenant: Tenant | None, number: int) -> PolicyVersion:
    try:
        return access.policy_for(tenant, number)
    except access.NotFound:
        raise command.Refused(f"version: there is no version {number}. `manage.py policy show` lists them.") from None


def _before(tenant: Tenant | None) -> PolicyVersion:
    """What held last before what holds now."""
    past = PolicyVersion.objects.filter(tenant=tenant, state=State.PAST, activated_at__isnull=False)
    version = past.order_by("-activated_at", "-number").first()
    if version is None:
        raise command.Refused("rollback: no other version has held before.")
    return version


def _holds(version: PolicyVersion) -> command.Report:
    is_draft = version.state == State.DRAFT
    word = "is the draft" if is_draft else "holds from the next second on"
    data = {
        "tenant": version.tenant.slug if version.tenant else None,
        "version": version.number,
        "state": version.state,
    }
    return command.Report(data=data, text=f"Version {version.number} {word}.")
