"""The database becomes what the file says, and nothing else changes."""

import pytest
from django.db import connection

from tenants import actions, audit, queries
from tenants.declarative import applying, reading
from tenants.declarative.difference import Difference
from tenants.models import ApiKey, AuditEntry, Tenant, Upstream

pytestmark = pytest.mark.django_db

FILE = """
tenants:
  - slug: acme
    name: Acme Corp
    timezone: Europe/Rome
    model_aliases: {old: new}
    upstreams:
      - {name: main, base_url: "http://127.0.0.1:9200", api_key: sk-one, models: ["claude-*"], priority: 5}
      - {name: sim, kind: simulator}
    keys:
      - {name: ci, models: [claude-haiku-*], expires_at: 2027-01-01T00:00:00Z, metadata: {team: x}}
      - {name: dev}
"""


def apply(text: str, *, prune: bool = False, dry_run: bool = False) -> Difference:
    form = reading.read(text, environ={"KEY": "sk-two"})
    return applying.apply(form, actor="test", prune=prune, dry_run=dry_run)


def became(done: Difference) -> dict[str, str]:
    return {f"{change.kind} {change.label}": change.became for change in done.changed()}


def test_an_apply_creates_what_the_file_names() -> None:
    done = apply(FILE)
    assert set(became(done).values()) == {"created"}
    acme = Tenant.objects.get()
    assert (acme.name, acme.timezone, acme.model_aliases) == ("Acme Corp", "Europe/Rome", {"old": "new"})
    main = acme.upstreams.get(name="main")
    assert (main.base_url, main.model_globs, main.priority) == ("http://127.0.0.1:9200", ["claude-*"], 5)
    assert queries.credential_of(main) == "sk-one"
    assert acme.upstreams.get(name="sim").kind == Upstream.Kind.SIMULATOR
    assert acme.keys.get(name="ci").metadata == {"team": "x"}


def test_the_secrets_of_new_keys_are_in_the_result_once() -> None:
    secrets = [key["secret"] for key in apply(FILE).as_json()["tenants"][0]["keys"]]
    assert len(secrets) == 2
    assert all(secret.startswith("llmp_") for secret in secrets)
    assert "secret" not in apply(FILE).as_json()["tenants"][0]["keys"][0]


def test_a_second_apply_changes_nothing_and_leaves_no_entry() -> None:
    apply(FILE)
    before = audit.latest_revision()
    assert apply(FILE).changed() == []
    assert apply(FILE, prune=True).changed() == []
    assert audit.latest_revision() == before


def test_a_change_is_told_field_by_field_without_the_credential() -> None:
    apply(FILE)
    done = apply(FILE.replace("priority: 5", "priority: 6").replace("sk-one", "sk-new").replace("team: x", "team: y"))
    assert done.lines() == [
        "~ upstream acme/main",
        "    ~ priority: 5 → 6",
        '    ~ api_key: "set" → "set anew"',
        "~ key acme/ci",
        '    ~ metadata: {"team": "x"} → {"team": "y"}',
    ]
    assert queries.credential_of(Upstream.objects.get(name="main")) == "sk-new"


def test_another_base_url_without_a_credential_says_that_the_stored_one_is_cleared() -> None:
    apply(FILE)
    done = apply("tenants: [{slug: acme, upstreams: [{name: main, base_url: 'http://127.0.0.1:9'}]}]")
    assert '    ~ api_key: "set" → "cleared"' in done.lines()
    assert queries.credential_of(Upstream.objects.get(name="main")) == ""


def test_a_credential_may_come_from_the_environment() -> None:
    apply(FILE)
    apply("tenants: [{slug: acme, upstreams: [{name: main, api_key_env: KEY}]}]")
    assert queries.credential_of(Upstream.objects.get(name="main")) == "sk-two"


def test_a_file_without_the_credential_keeps_the_stored_one_even_when_pruning() -> None:
    apply(FILE)
    apply(FILE.replace("api_key: sk-one, ", ""), prune=True)
    assert queries.credential_of(Upstream.objects.get(name="main")) == "sk-one"


def test_what_the_file_leaves_out_stays_as_it_is() -> None:
    apply(FILE)
    assert apply("tenants: [{slug: acme, keys: [{name: ci}]}]").changed() == []


def test_null_sets_the_default() -> None:
    apply(FILE)
    apply("tenants: [{slug: acme, timezone: null, keys: [{name: ci, expires_at: null, models: null}]}]")
    acme = Tenant.objects.get()
    key = acme.keys.get(name="ci")
    assert (acme.timezone, acme.name, key.expires_at, key.model_globs) == ("UTC", "Acme Corp", None, ["*"])


def test_prune_removes_upstreams_revokes_keys_and_resets_fields_of_named_tenants_only() -> None:
    apply(FILE)
    apply(FILE.replace("acme", "globex"))
    done = apply("tenants: [{slug: acme, upstreams: [{name: sim, kind: simulator}], keys: [{name: ci}]}]", prune=True)
    assert became(done) == {
        "tenant acme": "changed",
        "upstream acme/main": "removed",
        "key acme/ci": "changed",
        "key acme/dev": "revoked",
    }
    assert Tenant.objects.get(slug="acme").timezone == "UTC"
    assert ApiKey.objects.get(tenant__slug="acme", name="ci").expires_at is None
    globex = Tenant.objects.get(slug="globex")
    assert (globex.upstreams.count(), globex.keys.filter(status="active").count()) == (2, 2)


def test_prune_never_wakes_a_suspended_tenant() -> None:
    apply("tenants: [{slug: acme, status: suspended}]")
    apply("tenants: [{slug: acme}]", prune=True)
    assert Tenant.objects.get().status == Tenant.Status.SUSPENDED
    apply("tenants: [{slug: acme, status: active}]")
    assert Tenant.objects.get().status == Tenant.Status.ACTIVE


def test_a_key_may_be_revoked_by_the_file_and_stays_so() -> None:
    apply(FILE)
    text = "tenants: [{slug: acme, keys: [{name: ci, status: revoked}]}]"
    assert became(apply(text)) == {"key acme/ci": "revoked"}
    assert apply(text).changed() == []


def test_a_file_that_names_a_revoked_key_gets_a_new_one() -> None:
    apply(FILE)
    old = ApiKey.objects.get(name="ci")
    actions.revoke_key(actor="test", key=old)
    assert became(apply(FILE)) == {"key acme/ci": "created"}
    assert ApiKey.objects.get(pk=old.pk).status == ApiKey.Status.REVOKED


def test_a_dry_run_tells_the_same_and_writes_nothing() -> None:
    apply(FILE)
    text = FILE.replace("priority: 5", "priority: 6") + "      - {name: new}\n"
    before = _everything()
    told = apply(text, dry_run=True, prune=True)
    assert _everything() == before
    assert all(change.secret == "" for change in told.objects())
    assert told.lines() == apply(text, prune=True).lines()
    assert _everything() != before


def _everything() -> list[object]:
    tables = (Tenant, Upstream, ApiKey, AuditEntry)
    return [list(model._default_manager.order_by("pk").values()) for model in tables] + [audit.latest_revision()]


def test_one_refused_object_leaves_everything_as_it_was_and_all_refusals_are_told() -> None:
    apply(FILE)
    before = _everything()
    text = """
tenants:
  - {slug: globex, upstreams: [{name: a, kind: simulator, base_url: "https://models.example.com"}]}
  - slug: acme
    name: Changed
    upstreams: [{name: sim, api_key: sk-x}, {name: b, kind: simulator, api_key_env: KEY}]
"""
    with pytest.raises(reading.Unacceptable) as refused:
        apply(text)
    assert [line.partition(":")[0] for line in refused.value.problems] == [
        "tenants[0].upstreams[0].base_url",
        "tenants[1].upstreams[0].api_key",
        "tenants[1].upstreams[1].api_key_env",
    ]
    assert _everything() == before


def test_a_tenant_never_touches_another_ones_rows_of_the_same_name() -> None:
    apply(FILE)
    apply(FILE.replace("acme", "globex").replace("sk-one", "sk-globex"))
    apply("tenants: [{slug: globex, upstreams: [{name: main, priority: 99}], keys: [{name: ci, status: revoked}]}]")
    acme = Tenant.objects.get(slug="acme")
    assert acme.upstreams.get(name="main").priority == 5
    assert acme.keys.get(name="ci").status == ApiKey.Status.ACTIVE
    assert not connection.needs_rollback


_CHANNELS = """
tenants:
  - slug: acme
    alert_at: [80]
    alerts:
      - {name: team, kind: email, to: [a@acme.example]}
      - {name: pager, kind: webhook, url: https://hooks.example.com/x, events: [budget.blocked]}
"""


def test_channels_are_made_once_and_their_secrets_told_once() -> None:
    done = apply(_CHANNELS)
    team, pager = done.tenants[0].alerts
    assert (team.secret, pager.secret[:6]) == ("", "whsec_")
    assert done.as_json()["tenants"][0]["alerts"][1]["secret"] == pager.secret
    assert apply(_CHANNELS).changed() == []
    gone = apply("tenants: [{slug: acme}]", prune=True)
    assert [change.became for change in gone.tenants[0].alerts] == ["removed", "removed"]


def test_a_channel_keeps_its_kind() -> None:
    apply(_CHANNELS)
    with pytest.raises(reading.Unacceptable, match=r"tenants\[0\]\.alerts\[0\]\.kind: It is of kind webhook"):
        apply("tenants: [{slug: acme, alerts: [{name: pager, kind: email, to: [a@b.example]}]}]")
