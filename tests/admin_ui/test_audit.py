"""The audit page: whose changes are shown to whom, as before and after, and the button that checks the chain."""

import pytest
from django.contrib.auth.models import User
from django.db import connection

from admin_ui import differences
from tenants import actions
from tenants.models import AuditEntry

URL = "/t/acme/audit/"
ALL = "/platform/audit/"


@pytest.fixture
def staff(db: None) -> User:
    return User.objects.create_superuser("root")


def test_an_owner_sees_the_changes_of_the_tenant_alone(client, acme, globex, alice):
    actions.issue_key(actor="user:alice", tenant=acme, name="our-key")
    actions.issue_key(actor="user:charlie", tenant=globex, name="their-key")
    client.force_login(alice)
    page = client.get(URL).content.decode()
    assert "acme/our-key" in page and "their-key" not in page and "charlie" not in page
    assert "Verify the chain" not in page


def test_a_member_may_not_see_them_and_an_outsider_finds_nothing(client, acme, bob, charlie):
    client.force_login(bob)
    assert client.get(URL).status_code == 403
    client.force_login(charlie)
    assert client.get(URL).status_code == 404
    assert client.get(URL).content == client.get("/t/nowhere/audit/").content


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("actor=ALI", ["key.issue"]),
        ("action=key.revoke", ["key.revoke"]),
        ("object=apikey", ["key.revoke", "key.issue"]),
        ("q=OTHER", ["key.revoke"]),
        ("q=%25", []),
        ("actor=_", []),
        ("range=1h", ["key.revoke", "key.issue"]),
        ("from=2020-01-01T00:00&to=2020-01-02T00:00", []),
    ],
)
def test_changes_are_filtered_by_who_what_and_when(client, acme, alice, query, shown):
    actions.issue_key(actor="user:alice", tenant=acme, name="ci")
    other = actions.issue_key(actor="user:x", tenant=acme, name="other").key
    actions.revoke_key(actor="command:bob", key=other)
    client.force_login(alice)
    found = client.get(f"{URL}?{query}").context["rows"]
    actions_found = [row.entry.action for row in found if row.entry.actor != "user:x"]
    assert actions_found == shown


def test_entries_are_continued_page_by_page(client, acme, alice):
    for number in range(60):
        actions.change_tenant(actor="user:alice", tenant=acme, name=f"Acme {number}")
    client.force_login(alice)
    first = client.get(URL).context
    second = client.get(f"{URL}?before={first['older']}").context
    seen = [row.entry.revision for row in [*first["rows"], *second["rows"]]]
    assert seen == list(range(60, 0, -1)) and second["older"] is None
    assert client.get(f"{URL}?before=-1%27").status_code == 200


def test_hostile_values_are_shown_as_text(client, acme, alice):
    actions.change_tenant(actor="user:<b>", tenant=acme, name="<script>1</script>")
    client.force_login(alice)
    page = client.get(URL).content.decode()
    assert "<script>1" not in page and "user:<b>" not in page and "&lt;script&gt;1" in page


def test_staff_checks_the_chain_and_is_told_what_is_wrong(client, acme, staff):
    actions.issue_key(actor="user:root", tenant=acme, name="ci")
    client.force_login(staff)
    assert "The trail is intact: 1 entries" in client.post(f"{ALL}verify/", follow=True).content.decode()
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER audit_no_update" if connection.vendor == "sqlite" else "SELECT 1")
        if connection.vendor == "postgresql":
            cursor.execute("ALTER TABLE tenants_auditentry DISABLE TRIGGER USER")
    AuditEntry.objects.update(actor="user:nobody")
    assert "entry 1 was altered" in client.post(f"{ALL}verify/", follow=True).content.decode()


def test_nobody_else_may_check_it(client, acme, alice):
    client.force_login(alice)
    assert client.post(f"{ALL}verify/").status_code == 404
    assert client.get(f"{ALL}verify/").status_code in (404, 405)


def test_it_takes_a_few_queries_however_many_entries_there_are(client, acme, alice, django_assert_max_num_queries):
    for number in range(55):
        actions.change_tenant(actor="user:alice", tenant=acme, name=f"Acme {number}")
    client.force_login(alice)
    with django_assert_max_num_queries(16):
        client.get(URL)


def test_short_values_stand_side_by_side_and_long_ones_line_by_line():
    short, long = differences.of({"name": ["a", "b"], "globs": [["x"], ["x", "y"]]})
    assert (short.old, short.new, short.lines) == ("a", "b", ())
    assert [(line.mark, line.text.strip()) for line in long.lines] == [
        (" ", "["),
        ("-", '"x"'),
        ("+", '"x",'),
        ("+", '"y"'),
        (" ", "]"),
    ]


@pytest.mark.parametrize("changes", [{"x": None}, {"x": "set"}, {"x": [1]}, {"x": [None, None]}, {"x": {"a": 1}}])
def test_whatever_an_entry_holds_can_be_shown(changes):
    assert len(differences.of(changes)) == 1
