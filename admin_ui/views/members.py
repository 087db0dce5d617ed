"""Who belongs to a tenant, as what, and who is asked to join."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from admin_ui import addresses, forms, pages
from admin_ui.views.keys import get_or_post
from proxy.hosting import bootstrap
from tenants import access, actions
from tenants.access import Role
from tenants.models import Invitation, Membership, Tenant

_PER_PAGE = 100


@require_safe
@pages.tenant_page()
def index(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """Members, and for managers the invitations that are open."""
    members = Membership.objects.filter(tenant=tenant).select_related("user").order_by("user__username")
    page = Paginator(members, _PER_PAGE).get_page(request.GET.get("page"))
    is_manager = access.role_in(pages.person(request), tenant) in access.MANAGERS
    invitations = Invitation.objects.filter(tenant=tenant, accepted_at=None, expires_at__gt=timezone.now())
    context = {
        "page": page,
        "mine": pages.person(request).pk,
        "may_touch_owners": _is_owner(request, tenant),
        "invitations": invitations.select_related("invited_by") if is_manager else [],
        "roles": forms.roles_hint(),
    }
    return render(request, "admin_ui/members/index.html", context)


@never_cache
@get_or_post
@pages.tenant_page(roles=access.MANAGERS)
def invite(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """The form of an invitation; its answer shows the link, once."""
    form = forms.InviteForm(request.POST or None)
    _limit_roles(form, request, tenant)
    if request.method == "POST" and form.is_valid():
        person = pages.person(request)
        try:
            invited = actions.invite(
                actor=pages.actor(request), tenant=tenant, invited_by=person, at=timezone.now(), **form.cleaned_data
            )
        except ValidationError as refused:
            forms.adopt(form, refused)
        else:
            link = addresses.public(request) + reverse("invitation", args=[invited.token])
            response = render(
                request, "admin_ui/members/invited.html", {"invitation": invited.invitation, "link": link}
            )
            response.headers["Cache-Control"] = "no-store"
            return response
    context = {"form": form, "roles": forms.roles_hint()}
    return render(request, "admin_ui/members/invite.html", context, status=422 if form.errors else 200)


@get_or_post
@pages.tenant_page(roles=access.MANAGERS)
def withdraw(request: HttpRequest, tenant: Tenant, invitation_id: int) -> HttpResponse:
    """The link stops working."""
    invitation = Invitation.objects.filter(tenant=tenant, pk=invitation_id, accepted_at=None).first()
    if invitation is None:
        raise Http404
    if request.method == "POST":
        actions.withdraw_invitation(actor=pages.actor(request), invitation=invitation)
        messages.success(request, f"The invitation for {invitation.note} is withdrawn.")
        return HttpResponseRedirect(resolve_url("members", tenant.slug))
    return pages.ask(request, "admin_ui/members/withdraw.html", {"invitation": invitation})


@get_or_post
@pages.tenant_page(roles=access.MANAGERS)
def role(request: HttpRequest, tenant: Tenant, username: str) -> HttpResponse:
    """Give a member another role."""
    member = access.member_for(tenant, username)
    _guard_owner(request, tenant, member)
    form = forms.RoleForm(request.POST or None, initial={"role": member.role})
    _limit_roles(form, request, tenant)
    if request.method == "POST" and form.is_valid():
        try:
            actions.set_role(
                actor=pages.actor(request), tenant=tenant, user=member.user, role=form.cleaned_data["role"]
            )
        except ValidationError as refused:
            forms.adopt(form, refused)
        else:
            messages.success(request, f"{username} is {form.cleaned_data['role']} now.")
            return HttpResponseRedirect(resolve_url("members", tenant.slug))
    context = {"form": form, "member": member, "roles": forms.roles_hint()}
    return pages.ask(request, "admin_ui/members/role.html", context, 422 if form.errors else 200)


@get_or_post
@pages.tenant_page(roles=access.MANAGERS)
def remove(request: HttpRequest, tenant: Tenant, username: str) -> HttpResponse:
    """End a membership."""
    member = access.member_for(tenant, username)
    _guard_owner(request, tenant, member)
    error = ""
    if request.method == "POST":
        try:
            actions.remove_member(actor=pages.actor(request), tenant=tenant, user=member.user)
        except ValidationError as refused:
            error = " ".join(refused.messages)
        else:
            messages.success(request, f"{username} is no member any more.")
            return HttpResponseRedirect(
                resolve_url("members" if member.user != request.user else "start", *_slug(request, member))
            )
    return pages.ask(request, "admin_ui/members/remove.html", {"member": member, "error": error}, 422 if error else 200)


@never_cache
@get_or_post
@pages.tenant_page(roles=access.MANAGERS)
def sign_in_link(request: HttpRequest, tenant: Tenant, username: str) -> HttpResponse:
    """A link with which a member chooses a new password, shown once to who asks for it."""
    member = access.member_for(tenant, username)
    error = _beyond_reach(request, member)
    if request.method == "POST" and not error:
        link = addresses.public(request) + bootstrap.welcome_path(member.user)
        actions.note_sign_in_link(actor=pages.actor(request), member=member)
        response = render(request, "admin_ui/members/sign_in_link_made.html", {"member": member, "link": link})
        response.headers["Cache-Control"] = "no-store"
        return response
    context = {"member": member, "error": error}
    return pages.ask(request, "admin_ui/members/sign_in_link.html", context, 422 if error else 200)


def _beyond_reach(request: HttpRequest, member: Membership) -> str:
    """Why this manager may not open the account, which may lead to more than this tenant; "": may."""
    person = pages.person(request)
    if person.is_superuser and not member.user.is_superuser:
        return ""
    if member.user.is_superuser or member.user.is_staff:
        return "This is an account of platform staff: they help each other with manage.py sign_in_link."
    if not member.user.is_active:
        return "This account is closed."
    for row in member.user.memberships.select_related("tenant"):
        mine = access.role_in(person, row.tenant)
        if mine not in access.MANAGERS or (row.role == Role.OWNER and mine != Role.OWNER):
            return "This account may do more than you may, here or in another tenant. Ask platform staff for the link."
    return ""


def _slug(request: HttpRequest, member: Membership) -> list[str]:
    """Who has just left must be led elsewhere."""
    return [] if member.user == request.user else [member.tenant.slug]


def _is_owner(request: HttpRequest, tenant: Tenant) -> bool:
    return access.role_in(pages.person(request), tenant) == Role.OWNER


def _guard_owner(request: HttpRequest, tenant: Tenant, member: Membership) -> None:
    """Admins do not decide over owners."""
    if member.role == Role.OWNER and not _is_owner(request, tenant):
        raise access.NotAllowed("Only an owner may change or remove an owner.")


def _limit_roles(form: forms.RoleForm | forms.InviteForm, request: HttpRequest, tenant: Tenant) -> None:
    """Nobody gives away more than they have."""
    if not _is_owner(request, tenant):
        field = form.fields["role"]
        field.choices = [choice for choice in Role.choices if choice[0] != Role.OWNER]  # type: ignore[attr-defined]
