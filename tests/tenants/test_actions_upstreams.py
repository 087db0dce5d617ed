"""What happens to upstreams and their credentials."""

import pytest
from django.core.exceptions import ValidationError

from tenants import actions, destinations, queries, secrets
from tenants.models import AuditEntry, Upstream

CANARY = "sk-ant-canary-7f3a"


@pytest.fixture
def upstream(acme):
    return actions.add_upstream(actor="alice", tenant=acme, name="main", credential=CANARY)


def stored() -> str:
    return queries.credential_of(Upstream.objects.get())


def last_changes() -> dict[str, list[object]]:
    return AuditEntry.objects.first().changes


def test_a_credential_is_stored_sealed_and_named_in_no_entry(upstream):
    assert upstream.base_url == destinations.ANTHROPIC_URL
    assert stored() == CANARY
    assert CANARY.encode() not in bytes(Upstream.objects.get().credential)
    assert last_changes()["credential"] == ["none", "set"]
    assert CANARY not in repr(list(AuditEntry.objects.values_list()))


def test_a_ciphertext_copied_to_another_tenants_row_does_not_open(upstream, globex):
    other = actions.add_upstream(actor="charlie", tenant=globex, name="main")
    Upstream.objects.filter(pk=other.pk).update(
        credential=upstream.credential, credential_version=upstream.credential_version
    )
    with pytest.raises(secrets.CannotDecrypt):
        queries.credential_of(Upstream.objects.get(pk=other.pk))


def test_a_row_moved_to_another_tenant_loses_its_credential(upstream, globex):
    Upstream.objects.update(tenant=globex)
    with pytest.raises(secrets.CannotDecrypt):
        stored()


@pytest.mark.parametrize(
    "base_url", ["https://gateway.example.com", "https://api.anthropic.com:8443", "https://api.anthropic.com/x"]
)
def test_another_base_url_clears_the_credential(upstream, base_url):
    actions.change_upstream(actor="alice", upstream=upstream, base_url=base_url)
    assert stored() == ""
    assert last_changes() == {
        "base_url": [destinations.ANTHROPIC_URL, base_url],
        "credential": ["set", "cleared"],
    }


def test_another_scheme_clears_the_credential(acme):
    row = actions.add_upstream(actor="a", tenant=acme, name="own", base_url="https://127.0.0.1:9000", credential="k")
    actions.change_upstream(actor="a", upstream=row, base_url="http://127.0.0.1:9000")
    assert stored() == ""


def test_another_base_url_with_a_new_credential_keeps_the_new_one(upstream):
    url = "https://gateway.example.com"
    actions.change_upstream(actor="alice", upstream=upstream, base_url=url, credential="sk-new")
    assert stored() == "sk-new"
    assert last_changes()["credential"] == ["set", "changed"]


def test_a_stale_row_cannot_smuggle_the_credential_to_another_url(upstream):
    url = "https://gateway.example.com"
    upstream.base_url = url  # as an edited form would have it
    actions.change_upstream(actor="alice", upstream=upstream, base_url=url)
    assert stored() == ""


@pytest.mark.parametrize(
    "same", [{}, {"credential": CANARY}, {"base_url": "https://api.anthropic.com/"}, {"priority": 10}]
)
def test_a_change_that_changes_nothing_leaves_no_entry(upstream, same):
    before = AuditEntry.objects.count()
    actions.change_upstream(actor="alice", upstream=upstream, **same)
    assert AuditEntry.objects.count() == before
    assert stored() == CANARY


def test_an_empty_credential_clears_it_and_other_changes_keep_it(upstream):
    actions.change_upstream(actor="alice", upstream=upstream, priority=3, is_enabled=False)
    assert stored() == CANARY
    actions.change_upstream(actor="alice", upstream=upstream, credential="")
    assert stored() == ""
    assert last_changes() == {"credential": ["set", "cleared"]}


def test_a_simulator_has_neither_url_nor_credential(acme, upstream):
    row = actions.change_upstream(actor="alice", upstream=upstream, kind="simulator")
    assert (row.base_url, stored()) == ("", "")
    with pytest.raises(ValidationError) as refused:
        actions.add_upstream(actor="alice", tenant=acme, name="sim", kind="simulator", base_url="https://a.example.com")
    assert set(refused.value.message_dict) == {"base_url"}
    with pytest.raises(ValidationError) as refused:
        actions.add_upstream(actor="alice", tenant=acme, name="sim", kind="simulator", credential="x")
    assert set(refused.value.message_dict) == {"credential"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "main"),
        ("name", ""),
        ("kind", "openai"),
        ("base_url", "https://10.0.0.1"),
        ("base_url", "http://api.anthropic.com"),
        ("base_url", "https://u:p@api.anthropic.com"),
        ("credential", "two words"),
        ("credential", "line\nbreak"),
        ("credential", "clé"),
        ("credential", "x" * 4097),
        ("model_globs", []),
        ("model_aliases", {"a": 5}),
        ("model_aliases", {"a": ""}),
        ("model_aliases", {"a": "a"}),
        ("model_aliases", {"a": "b", "b": "c", "c": "a"}),
        ("priority", -1),
        ("connect_timeout_seconds", 0),
        ("read_timeout_seconds", 4000),
        ("read_timeout_seconds", float("nan")),
        ("max_connections", 0),
    ],
)
def test_bad_values_are_refused_by_the_field(acme, upstream, field, value):
    entries = AuditEntry.objects.count()
    with pytest.raises(ValidationError) as refused:
        actions.add_upstream(actor="alice", tenant=acme, **{"name": "second", field: value})
    assert set(refused.value.message_dict) == {field}
    assert Upstream.objects.count() == 1 and AuditEntry.objects.count() == entries


def test_a_name_that_leads_into_the_private_network_is_refused(acme, monkeypatch):
    monkeypatch.setattr(destinations, "lookup", lambda host: ["10.0.0.9"])
    with pytest.raises(ValidationError, match=r"10\.0\.0\.9"):
        actions.add_upstream(actor="alice", tenant=acme, name="main", base_url="https://rebound.example.com")


def test_resealing_moves_every_credential_to_the_newest_key_once(acme, settings):
    for n in range(5):
        actions.add_upstream(actor="alice", tenant=acme, name=f"u{n}", credential=f"sk-{n}")
    settings.ENCRYPTION_KEYS = {2: bytes(range(60, 92)), **settings.ENCRYPTION_KEYS}
    assert queries.credentials_by_version() == {1: 5}
    assert actions.reseal_credentials(actor="ops", batch=2) == actions.Resealed(5, ())
    assert queries.credentials_by_version() == {2: 5}
    settings.ENCRYPTION_KEYS = {2: settings.ENCRYPTION_KEYS[2]}
    assert [queries.credential_of(row) for row in Upstream.objects.order_by("name")] == [f"sk-{n}" for n in range(5)]
    assert actions.reseal_credentials(actor="ops") == actions.Resealed(0, ())


def test_resealing_passes_over_what_cannot_be_opened_and_says_so(acme, settings):
    for n in range(3):
        actions.add_upstream(actor="alice", tenant=acme, name=f"u{n}", credential=f"sk-{n}")
    Upstream.objects.filter(name="u1").update(credential=b"0" * 40)
    settings.ENCRYPTION_KEYS = {2: bytes(range(60, 92)), **settings.ENCRYPTION_KEYS}
    done = actions.reseal_credentials(actor="ops", batch=1)
    assert done.resealed == 2
    assert len(done.failed) == 1 and "acme/u1" in done.failed[0]


def test_a_credential_that_cannot_be_opened_can_be_replaced(upstream, settings):
    settings.ENCRYPTION_KEYS = {2: bytes(range(60, 92))}
    actions.change_upstream(actor="alice", upstream=upstream, credential="sk-new")
    assert stored() == "sk-new"


def test_a_deleted_upstream_leaves_an_entry(upstream):
    actions.delete_upstream(actor="alice", upstream=upstream)
    assert not Upstream.objects.exists()
    entry = AuditEntry.objects.first()
    assert (entry.action, entry.object_id) == ("upstream.delete", str(upstream.pk))
