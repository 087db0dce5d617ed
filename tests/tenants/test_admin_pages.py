"""The operator's pages on tenants, upstreams and the audit."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError

from tenants import actions, queries
from tenants.models import AuditEntry, Membership, Tenant, Upstream

CANARY = "sk-ant-canary-51b2"
TENANTS, UPSTREAMS, AUDIT = "/admin/tenants/tenant/", "/admin/tenants/upstream/", "/admin/tenants/auditentry/"
NO_MEMBERS = {"memberships-TOTAL_FORMS": 0, "memberships-INITIAL_FORMS": 0}


def tenant_form(**values):
    given = {"slug": "acme", "name": "Acme", "status": "active", "timezone": "UTC", "model_aliases": ""}
    return {**given, **NO_MEMBERS, **values}


def upstream_form(tenant, **values):
    given = {
        "tenant": tenant.pk,
        "name": "main",
        "kind": "anthropic",
        "base_url": "",
        "new_credential": "",
        "model_globs": "*",
        "model_aliases": "",
        "priority": 10,
        "is_enabled": "on",
        "connect_timeout_seconds": 5,
        "read_timeout_seconds": 600,
        "max_connections": 1000,
    }
    return {**given, **values}


@pytest.fixture
def upstream(acme):
    return actions.add_upstream(actor="test", tenant=acme, name="main", credential=CANARY)


def errors(answer, field: str) -> str:
    return " ".join(answer.context["adminform"].form.errors[field])


def test_a_tenant_is_added_with_a_member(admin_client, admin_user):
    member = {
        "memberships-TOTAL_FORMS": 1,
        "memberships-INITIAL_FORMS": 0,
        "memberships-0-user": admin_user.pk,
        "memberships-0-role": "owner",
    }
    answer = admin_client.post(f"{TENANTS}add/", tenant_form(model_aliases="old = new", **member))
    assert answer.status_code == 302
    tenant = Tenant.objects.get()
    assert tenant.model_aliases == {"old": "new"}
    assert Membership.objects.get().role == "owner"
    assert {"tenant.create", "member.set_role"} == set(AuditEntry.objects.values_list("action", flat=True))


def test_a_member_is_changed_and_removed(admin_client, acme, bob):
    membership = Membership.objects.get()
    row = {
        "memberships-TOTAL_FORMS": 1,
        "memberships-INITIAL_FORMS": 1,
        "memberships-0-id": membership.pk,
        "memberships-0-tenant": acme.pk,
        "memberships-0-role": "admin",
    }
    url = f"{TENANTS}{acme.pk}/change/"
    values = tenant_form(name="Acme Corp", timezone="Europe/Rome")
    assert admin_client.post(url, {**values, **row}).status_code == 302
    assert Membership.objects.get().role == "admin"
    assert admin_client.post(url, {**values, **row, "memberships-0-DELETE": "on"}).status_code == 302
    assert not Membership.objects.exists()
    assert list(AuditEntry.objects.values_list("actor", "action")) == [
        ("user:admin", "member.remove"),
        ("user:admin", "member.set_role"),
    ]


def test_a_tenant_is_suspended_and_deleted(admin_client, acme, upstream):
    actions.issue_key(actor="t", tenant=acme, name="ci")
    url = f"{TENANTS}{acme.pk}/"
    values = tenant_form(name="Acme Corp", timezone="Europe/Rome", status="suspended", slug="other")
    assert admin_client.post(f"{url}change/", values).status_code == 302
    assert (Tenant.objects.get().status, Tenant.objects.get().slug) == ("suspended", "acme")
    assert "acme/ci" in admin_client.get(f"{url}delete/").content.decode()
    assert admin_client.post(f"{url}delete/", {"post": "yes"}).status_code == 302
    assert not Tenant.objects.exists()
    assert AuditEntry.objects.first().action == "tenant.delete"


def test_tenants_deleted_together_are_audited_each(admin_client, acme, globex):
    chosen = {"action": "delete_selected", "_selected_action": [str(acme.pk), str(globex.pk)], "post": "yes"}
    admin_client.post(TENANTS, chosen)
    assert not Tenant.objects.exists()
    assert AuditEntry.objects.filter(action="tenant.delete", actor="user:admin").count() == 2


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("slug", "Not A Slug", "valid"),
        ("timezone", "Rome", "not a time zone"),
        ("model_aliases", "a = b\r\nb = a", "circle"),
        ("name", "", "required"),
    ],
)
def test_errors_of_a_tenant_stand_beside_the_fields(admin_client, field, value, words):
    answer = admin_client.post(f"{TENANTS}add/", tenant_form(**{field: value}))
    assert words in errors(answer, field)
    assert not Tenant.objects.exists()


def test_tenants_are_listed_with_what_they_own(admin_client, acme, upstream):
    actions.issue_key(actor="t", tenant=acme, name="ci")
    actions.issue_key(actor="t", tenant=acme, name="cd")
    (row,) = admin_client.get(f"{TENANTS}?q=corp").context["cl"].result_list
    assert (row.key_count, row.upstream_count) == (2, 1)


def test_an_upstream_is_added_with_its_credential(admin_client, acme):
    answer = admin_client.post(f"{UPSTREAMS}add/", upstream_form(acme, new_credential=CANARY))
    assert answer.status_code == 302
    row = Upstream.objects.get()
    assert (row.base_url, queries.credential_of(row)) == ("https://api.anthropic.com", CANARY)
    assert AuditEntry.objects.get().actor == "user:admin"


def test_an_empty_credential_keeps_what_is_stored(admin_client, acme, upstream):
    url = f"{UPSTREAMS}{upstream.pk}/change/"
    values = upstream_form(acme, base_url=upstream.base_url, priority=3)
    assert admin_client.post(url, values).status_code == 302
    row = Upstream.objects.get()
    assert (row.priority, queries.credential_of(row)) == (3, CANARY)
    assert AuditEntry.objects.first().changes == {"priority": [10, 3]}


def test_the_box_clears_the_credential(admin_client, acme, upstream):
    url = f"{UPSTREAMS}{upstream.pk}/change/"
    admin_client.post(url, upstream_form(acme, base_url=upstream.base_url, clear_credential="on"))
    assert queries.credential_of(Upstream.objects.get()) == ""


def test_another_base_url_clears_the_credential_and_says_so(admin_client, acme, upstream):
    url = f"{UPSTREAMS}{upstream.pk}/change/"
    assert "Changing it clears the stored credential" in admin_client.get(url).content.decode()
    answer = admin_client.post(url, upstream_form(acme, base_url="https://gateway.example.com"), follow=True)
    assert "The stored credential was cleared" in answer.content.decode()
    assert queries.credential_of(Upstream.objects.get()) == ""


def test_the_credential_is_on_no_page_and_in_no_record(admin_client, acme, upstream):
    url = f"{UPSTREAMS}{upstream.pk}/"
    entry = AuditEntry.objects.first()
    failed = upstream_form(acme, base_url="https://10.0.0.1", new_credential=CANARY)
    texts = [admin_client.post(f"{url}change/", failed).content.decode()]
    for page in (UPSTREAMS, f"{url}change/", f"{url}history/", f"{url}delete/", AUDIT, f"{AUDIT}{entry.pk}/change/"):
        answer = admin_client.get(page)
        assert answer.status_code == 200
        texts.append(answer.content.decode())
    texts.append(repr([*LogEntry.objects.values_list(), *AuditEntry.objects.values_list()]))
    texts.append(repr([session.get_decoded() for session in Session.objects.all()]))
    assert not [text for text in texts if CANARY in text]


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({"base_url": "https://10.0.0.1"}, "base_url", "LLMP_PRIVATE_UPSTREAMS"),
        ({"base_url": "http://api.example.com"}, "base_url", "plain http"),
        ({"kind": "simulator", "base_url": "https://a.example.com"}, "base_url", "no base URL"),
        ({"kind": "simulator", "new_credential": "x"}, "new_credential", "takes no credential"),
        ({"new_credential": "two words"}, "new_credential", "without spaces"),
        ({"name": "taken"}, "name", "upstream of this name"),
        ({"model_globs": ""}, "model_globs", "required"),
        ({"model_aliases": "a = b\r\nb = a"}, "model_aliases", "circle"),
        ({"read_timeout_seconds": 0}, "read_timeout_seconds", "greater than"),
    ],
)
def test_errors_of_an_upstream_stand_beside_the_fields(admin_client, acme, values, field, words):
    actions.add_upstream(actor="t", tenant=acme, name="taken", kind="simulator")
    answer = admin_client.post(f"{UPSTREAMS}add/", upstream_form(acme, **values))
    assert words in errors(answer, field)
    assert len(answer.context["adminform"].form.errors[field]) == 1
    assert Upstream.objects.count() == 1


def test_a_name_that_leads_into_the_private_network_is_refused_beside_the_field(admin_client, acme, monkeypatch):
    monkeypatch.setattr("tenants.destinations.lookup", lambda host: ["10.0.0.9"])
    answer = admin_client.post(f"{UPSTREAMS}add/", upstream_form(acme, base_url="https://a.example.com"))
    assert "10.0.0.9" in errors(answer, "base_url")


def test_an_upstream_is_deleted_through_the_audit(admin_client, upstream):
    admin_client.post(f"{UPSTREAMS}{upstream.pk}/delete/", {"post": "yes"})
    assert AuditEntry.objects.first().action == "upstream.delete"
    assert not Upstream.objects.exists()


def test_a_refusal_after_the_form_was_good_is_told_as_a_message(admin_client, acme, upstream, monkeypatch):
    def refuse(**_given):
        raise ValidationError({"name": "Somebody was faster."})

    monkeypatch.setattr(actions, "change_upstream", refuse)
    url = f"{UPSTREAMS}{upstream.pk}/change/"
    answer = admin_client.post(url, upstream_form(acme, base_url=upstream.base_url, priority=1), follow=True)
    assert "Somebody was faster." in answer.content.decode()


def test_staff_who_may_only_look_see_an_upstream_without_its_form(client, upstream):
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_upstream"))
    client.force_login(clerk)
    answer = client.get(f"{UPSTREAMS}{upstream.pk}/change/")
    assert answer.status_code == 200 and CANARY not in answer.content.decode()
    assert client.post(f"{UPSTREAMS}{upstream.pk}/change/", {}).status_code == 403


def test_the_audit_is_searched_and_filtered_and_shows_what_changed(admin_client, acme, upstream):
    actions.change_tenant(actor="user:alice", tenant=acme, name="<b>Acme</b>")
    for query, count in (("?q=alice", 1), ("?q=acme", 2), ("?action=tenant.change", 1), ("?q=nobody", 0)):
        assert admin_client.get(AUDIT + query).context["cl"].result_count == count
    text = admin_client.get(f"{AUDIT}{AuditEntry.objects.first().pk}/change/").content.decode()
    assert "Acme Corp → &lt;b&gt;Acme&lt;/b&gt;" in text


def test_nobody_can_alter_the_audit(admin_client, upstream):
    entry = AuditEntry.objects.first()
    assert admin_client.get(f"{AUDIT}add/").status_code == 403
    for page in ("change", "delete"):
        assert admin_client.post(f"{AUDIT}{entry.pk}/{page}/", {"post": "yes", "actor": "x"}).status_code == 403
    admin_client.post(AUDIT, {"action": "delete_selected", "_selected_action": [entry.pk], "post": "yes"})
    assert AuditEntry.objects.get().actor == "test"
