"""Policies: the rules of a tenant or of the platform, a form for each, a box to try them in, and their versions.

Every view takes a tenant, or None for the platform's policy; `TENANT` and `PLATFORM` are their doors.
"""

from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone

from admin_ui import differences, pages, policy_counts, policy_pages, policy_templates, timerange
from admin_ui.policy_forms import RuleForm
from proxy import snapshots
from proxy.proving import proof
from proxy.replays import queue, wakening
from proxy.replays.models import PolicyProof
from proxy.rules import trying
from proxy.rules.compiling import compiled
from proxy.rules.policy import Policy
from proxy.rules.trying import Fit
from proxy.rules.weighing import trying as asking
from proxy.rules.weighing.scales import Scales
from tenants import access, actions, queries
from tenants.models import PolicyVersion, Tenant

_MOST_TRIED_CHARS = 200_000
State = PolicyVersion.State


def index(request: HttpRequest, tenant: Tenant | None) -> HttpResponse:
    """The rules, the box and the versions."""
    opened = policy_pages.opened(tenant)
    span = timerange.of(request.GET, timezone.now(), default="7d")
    hits = policy_counts.of_rules(tenant.pk if tenant else None, span)
    above = queries.platform_policy() if tenant else {}
    context = {
        **policy_pages.addresses(tenant),
        "opened": opened,
        "rules": policy_pages.rows(opened.document, hits, is_platform=tenant is None),
        "above": policy_pages.rows(above, hits, is_platform=True),
        "versions": PolicyVersion.objects.filter(tenant=tenant)[:50],
        "templates": policy_templates.TEMPLATES,
        "range": span,
        "latest": policy_counts.LATEST,
    }
    return render(request, "admin_ui/policies/index.html", context)


def rule(request: HttpRequest, tenant: Tenant | None, rule_name: str = "") -> HttpResponse:
    """One rule, or a new one."""
    opened = policy_pages.opened(tenant)
    given = opened.rule(rule_name) if rule_name else policy_templates.rule_of(request.GET.get("from", ""))
    if given is None:
        raise Http404
    form = RuleForm(request.POST or None, rule=given, base=opened.base)
    if request.method == "POST" and form.is_valid():
        document = opened.with_rule(form.rule(), instead_of=rule_name)
        if form.cleaned_data["base"] != opened.base:
            form.add_error(None, "Somebody changed the policy meanwhile. Look at it again, then save once more.")
        elif answer := _saved(request, tenant, document, form):
            return answer
    span = timerange.of(request.GET, timezone.now(), default="7d")
    hits = policy_counts.of_rules(tenant.pk if tenant else None, span) if rule_name else {}
    context = {
        **policy_pages.addresses(tenant),
        "form": form,
        "rule_name": rule_name,
        "written": policy_pages.yaml_of(given),
        "hits": hits.get((rule_name, tenant is None)),
        "range": span,
        "opened": opened,
    }
    return render(request, "admin_ui/policies/rule.html", context, status=422 if form.errors else 200)


def _saved(request: HttpRequest, tenant: Tenant | None, document: Any, form: RuleForm) -> HttpResponse | None:
    is_draft = "draft" in request.POST
    save = actions.draft_policy if is_draft else actions.save_policy
    note = f"rule {form.cleaned_data['name']}"
    try:
        save(actor=pages.actor(request), tenant=tenant, document=document, note=note)
    except ValidationError as refused:
        form.add_error(None, refused.messages)
        return None
    messages.success(request, "Kept as a draft." if is_draft else "Saved. It holds from the next second on.")
    return _back(tenant)


def preview(request: HttpRequest, tenant: Tenant | None) -> HttpResponse:
    """The rule that a form would save, as it is written down, and whether its examples prove it."""
    form = RuleForm(request.POST)
    form.is_valid()
    context = {
        "written": policy_pages.yaml_of(form.written),
        "complaints": [f"{name}: {text}" for name, texts in form.errors.items() for text in texts],
        "proved": policy_pages.proved(form.written),
    }
    return render(request, "admin_ui/policies/_preview.html", context)


def trial(request: HttpRequest, tenant: Tenant | None) -> HttpResponse:
    """Which rules fit a text or a request. It is kept nowhere."""
    text = request.POST.get("text", "")[:_MOST_TRIED_CHARS]
    above = queries.platform_policy() if tenant else {}
    own = policy_pages.opened(tenant).document
    policy = compiled(above, own) if tenant else compiled(own, {})
    context: dict[str, Any] = {}
    if policy is None:
        context["problem"] = "There is no rule to try yet."
    elif text.strip():
        context["tried"] = trying.tried(policy, text, *_asked(request, tenant, policy, text))
    return render(request, "admin_ui/policies/_tried.html", context)


def _asked(request: HttpRequest, tenant: Tenant | None, policy: Policy, text: str) -> tuple[list[Fit], list[str]]:
    """What the detectors say that rules ask, and which say nothing."""
    if not policy.asked:
        return [], []
    if tenant is None:
        return [], ["Detectors are asked for a tenant: try the rule on a tenant’s page."]
    scales = scales_of(request)
    if scales is None:
        return [], ["Detectors do not run in this process. Try again in a moment."]
    return async_to_sync(asking.tried)(policy, text, scales, snapshots.tenant_rules(tenant))


def scales_of(request: HttpRequest) -> Scales | None:
    """Those of this web process, which its calls use; None before it has started."""
    runtime = getattr(request, "scope", {}).get("runtime")
    return runtime.scales if runtime is not None else None


def change(request: HttpRequest, tenant: Tenant | None) -> HttpResponse:
    """Move or remove a rule, or change the policy's mode."""
    opened = policy_pages.opened(tenant)
    asked = request.POST
    name = asked.get("rule", "")
    if asked.get("base") != opened.base:
        messages.error(request, "Somebody changed the policy meanwhile: look at it again.")
        return _back(tenant)
    if "mode" in asked:
        document, note = {**opened.document, "mode": asked["mode"]}, f"mode {asked['mode'][:20]}"
    elif "remove" in asked:
        document, note = opened.without(name), f"without {name[:64]}"
    else:
        document, note = opened.moved(name, up="up" in asked), f"{name[:64]} moved"
    save = actions.draft_policy if opened.draft else actions.save_policy
    try:
        save(actor=pages.actor(request), tenant=tenant, document=document, note=note)
    except ValidationError as refused:
        messages.error(request, " ".join(refused.messages))
    return _back(tenant)


def remove(request: HttpRequest, tenant: Tenant | None, rule_name: str) -> HttpResponse:
    """Say what removing a rule means."""
    opened = policy_pages.opened(tenant)
    if opened.rule(rule_name) is None:
        raise Http404
    context = {**policy_pages.addresses(tenant), "opened": opened, "rule_name": rule_name}
    return pages.ask(request, "admin_ui/policies/remove.html", context)


def version(request: HttpRequest, tenant: Tenant | None, number: int) -> HttpResponse:
    """What a version differs in from what holds; POST makes it hold, or discards a draft."""
    try:
        row = access.policy_for(tenant, number)
    except access.NotFound:
        raise Http404 from None
    if request.method == "POST":
        return _decided(request, tenant, row)
    active = policy_pages.opened(tenant).active
    holds = active.document if active else {}
    changes = differences.of({"policy": [policy_pages.yaml_of(holds), policy_pages.yaml_of(row.document)]})
    context = {
        **policy_pages.addresses(tenant),
        "version": row,
        "active": active,
        "is_same": holds == row.document,
        "changes": changes,
        "written": policy_pages.yaml_of(row.document),
    }
    return render(request, "admin_ui/policies/version.html", context)


def _decided(request: HttpRequest, tenant: Tenant | None, row: PolicyVersion) -> HttpResponse:
    try:
        if "discard" in request.POST:
            actions.discard_policy(actor=pages.actor(request), version=row)
            messages.success(request, "The draft is discarded.")
        else:
            actions.activate_policy(actor=pages.actor(request), version=row)
            messages.success(request, f"Version {row.number} holds from the next second on.")
    except ValidationError as refused:
        messages.error(request, " ".join(refused.messages))
    return _back(tenant)


def prove(request: HttpRequest, tenant: Tenant | None) -> HttpResponse:
    """Have canaries for each rule that holds sent through the real path, in the worker."""
    if not (tenant and tenant.policy.get("rules")) and not queries.platform_policy().get("rules"):
        return render(request, "admin_ui/policies/_proof.html", {"problem": "No rule holds yet."})
    job = queue.ask_proof(tenant, author=pages.person(request).get_username())
    wakening.wake()
    return _proof(request, tenant, job)


def proved(request: HttpRequest, tenant: Tenant | None, proof_id: UUID) -> HttpResponse:
    """How far that is, and what came of it."""
    job = queue.proof_of(tenant, proof_id)
    if job is None:
        raise Http404
    return _proof(request, tenant, job)


def _proof(request: HttpRequest, tenant: Tenant | None, job: PolicyProof) -> HttpResponse:
    checks = [proof.Check(**check) for check in job.report.get("checks", [])]
    context = {
        "job": job,
        "job_url": f"{policy_pages.addresses(tenant)['prove_url']}{job.pk}/",
        "proof": proof.Proof(checks),
    }
    return render(request, "admin_ui/policies/_proof.html", context)


def _back(tenant: Tenant | None) -> HttpResponse:
    return HttpResponseRedirect(policy_pages.addresses(tenant)["index_url"])
