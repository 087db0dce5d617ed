"""Privacy settings are checked when they are saved, with the path of what is wrong."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from proxy.snapshots import DatabaseSource
from tenants import actions, entities, keys, placeholder_keys, privacy, secrets
from tenants.declarative import applying, exporting, reading
from tenants.models import Tenant

EMPLOYEE = {"name": "EMPLOYEE_ID", "regex": r"\bAC-\d{6}\b", "score": 0.9, "context": ["badge"]}
GOOD = {
    "mode": "pseudonymize",
    "languages": ["en", "de"],
    "min_score": 0.5,
    "entities": {"PERSON": "monitor", "API_KEY": "block", "EMPLOYEE_ID": "redact", "TERM": "redact"},
    "allow": ["support@acme.example"],
    "deny": ["Project Nightingale"],
    "custom": [{**EMPLOYEE, "matches": ["see AC-123456"], "misses": ["AC-12"]}],
    "output": {"mode": "monitor", "entities": {"SECRET": "block"}},
    "unknown_blocks": "scan",
    "attachments": "refuse",
    "on_failure": "open",
    "restore_secrets": False,
}


def test_settings_with_every_field_are_accepted(acme: Tenant) -> None:
    assert actions.change_tenant(actor="test", tenant=acme, pii=GOOD).pii == GOOD


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["off"], "give an object"),
        ({"modes": {}}, "'modes' is unknown. Known here: mode, entities, output, min_score"),
        ({"mode": "mask"}, "mode: it must be one of off, monitor, redact, pseudonymize, block"),
        ({"entities": {"PERSON": "hide"}}, "entities.PERSON: it must be one of"),
        ({"entities": {"NAME": "redact"}}, "entities: 'NAME' is unknown. Known here: ADDRESS, "),
        ({"entities": []}, "entities: give an object"),
        ({"output": {"entities": {"NAME": "redact"}}}, "output.entities: 'NAME' is unknown"),
        ({"output": {"stream": 1}}, "output: 'stream' is unknown. Known here: mode, entities"),
        ({"min_score": 2}, "min_score: give a number from 0 to 1"),
        ({"min_score": True}, "min_score: give a number from 0 to 1"),
        ({"languages": ["en", "english"]}, "languages: 'english' is unknown, and would do nothing. Known: cs (Czech)"),
        ({"languages": []}, "languages: give a list of codes"),
        ({"allow": "x"}, "allow: give a list of up to"),
        ({"deny": [" "]}, "deny: each is a text"),
        ({"attachments": "drop"}, "attachments: it must be one of pass, refuse"),
        ({"restore_secrets": 1}, "restore_secrets: it must be true or false"),
        ({"custom": [{"name": "EMPLOYEE_ID"}]}, "custom[0].name: a recogniser has a name and a regex"),
        ({"custom": [{**EMPLOYEE, "name": "x"}]}, "custom[0].name: give 3 to 32 capitals"),
        ({"custom": [{**EMPLOYEE, "name": "PERSON"}]}, "custom[0].name: PERSON is a type that there is already"),
        ({"custom": [EMPLOYEE, EMPLOYEE]}, "custom[1].name: 'EMPLOYEE_ID' is there already"),
        ({"custom": [{**EMPLOYEE, "regex": "("}]}, "custom[0].regex: missing ): ("),
        ({"custom": [{**EMPLOYEE, "regex": r"(?<=x)\d"}]}, "cannot run in linear time, such as look-around"),
        ({"custom": [{**EMPLOYEE, "regex": r"(a)\1"}]}, "back-references"),
        ({"custom": [{**EMPLOYEE, "regex": "a*"}]}, "custom[0].regex: it matches the empty text"),
        ({"custom": [{**EMPLOYEE, "score": 1.5}]}, "custom[0].score: give a number from 0 to 1"),
        (
            {"custom": [{**EMPLOYEE, "matches": ["AC-1"]}]},
            "custom[0].matches[0]: the regex does not match this example",
        ),
        (
            {"custom": [{**EMPLOYEE, "misses": ["x", "AC-123456"]}]},
            "custom[0].misses[1]: the regex matches this example",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_place(acme: Tenant, settings: object, words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        actions.change_tenant(actor="test", tenant=acme, pii=settings)  # type: ignore[arg-type]
    assert words in " ".join(refused.value.message_dict["pii"])


def test_a_key_overrides_modes_for_types_that_its_tenant_has(acme: Tenant) -> None:
    actions.change_tenant(actor="test", tenant=acme, pii=GOOD)
    own = {"mode": "off", "entities": {"EMPLOYEE_ID": "block"}, "output": {"mode": "off"}}
    assert actions.issue_key(actor="test", tenant=acme, name="ci", pii=own).key.pii == own


def test_a_key_can_be_changed_after_its_tenant_dropped_a_type_that_it_names(acme: Tenant) -> None:
    actions.change_tenant(actor="test", tenant=acme, pii=GOOD)
    key = actions.issue_key(actor="test", tenant=acme, name="ci", pii={"entities": {"EMPLOYEE_ID": "block"}}).key
    actions.change_tenant(actor="test", tenant=acme, pii={"mode": "redact"})
    assert actions.change_key(actor="test", key=key, name="build").name == "build"


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"deny": []}, "'deny' is unknown. Known here: mode, entities, output"),
        ({"entities": {"EMPLOYEE_ID": "block"}}, "entities: 'EMPLOYEE_ID' is unknown"),
    ],
)
def test_a_key_cannot_override_what_is_the_tenants(acme: Tenant, overrides: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        actions.issue_key(actor="test", tenant=acme, name="ci", pii=overrides)
    assert words in " ".join(refused.value.message_dict["pii"])


def test_settings_that_are_taken_back_are_empty(acme: Tenant) -> None:
    actions.change_tenant(actor="test", tenant=acme, pii=GOOD)
    assert actions.change_tenant(actor="test", tenant=acme, pii=None).pii == {}


def test_every_secret_type_and_spelling_is_a_type() -> None:
    assert {*entities.SPELLINGS.values(), *entities.SECRETS} <= entities.TYPES.keys()
    assert entities.DENIED not in entities.TYPES
    assert privacy.finds(r"a.b", "a\nb")


def test_the_key_of_placeholders_is_made_once_and_sealed(acme: Tenant) -> None:
    assert acme.placeholder_key is None
    with pytest.raises(secrets.CannotDecrypt):
        placeholder_keys.of(acme)
    row = actions.change_tenant(actor="test", tenant=acme, pii={"mode": "monitor"})
    key = placeholder_keys.of(row)
    assert len(key) == 32 and key not in bytes(row.placeholder_key or b"")
    row = actions.change_tenant(actor="test", tenant=row, pii={"mode": "redact"})
    assert placeholder_keys.of(row) == key


def test_another_encryption_key_changes_no_placeholder_key(acme: Tenant, globex: Tenant, settings: Any) -> None:
    row = actions.change_tenant(actor="test", tenant=acme, pii={"mode": "monitor"})
    key, old = placeholder_keys.of(row), dict(settings.ENCRYPTION_KEYS)
    settings.ENCRYPTION_KEYS = {2: bytes(range(32)), **old}
    assert actions.reseal_placeholder_keys(actor="test") == actions.Resealed(1, ())
    settings.ENCRYPTION_KEYS = {2: bytes(range(32))}
    row.refresh_from_db()
    assert (placeholder_keys.of(row), placeholder_keys.by_version()) == (key, {2: 1})
    settings.ENCRYPTION_KEYS = {3: bytes(32)}
    assert "is not in LLMP_ENCRYPTION_KEYS" in actions.reseal_placeholder_keys(actor="test").failed[0]


def test_a_key_can_be_renewed_and_does_not_open_in_another_tenant(acme: Tenant, globex: Tenant) -> None:
    row = actions.change_tenant(actor="test", tenant=acme, pii={"mode": "monitor"})
    before = placeholder_keys.of(row)
    actions.renew_placeholder_key(actor="test", tenant=row)
    row.refresh_from_db()
    assert placeholder_keys.of(row) != before
    globex.placeholder_key, globex.placeholder_key_version = row.placeholder_key, row.placeholder_key_version
    with pytest.raises(secrets.CannotDecrypt):
        placeholder_keys.of(globex)


FILE = """
tenants:
  - slug: acme
    pii: {mode: off, entities: {PERSON: off, SECRET: block}, output: {mode: off}, restore_secrets: false}
    keys: [{name: ci, pii: {entities: {SECRET: off}}}]
"""


def test_settings_of_the_file_are_stored_and_exported(db: None) -> None:
    applying.apply(reading.read(FILE, environ={}), actor="test")
    [exported] = exporting.export(Tenant.objects.all())["tenants"]
    assert exported["pii"] == {
        "mode": "off",
        "entities": {"PERSON": "off", "SECRET": "block"},
        "output": {"mode": "off"},
        "restore_secrets": False,
    }
    assert exported["keys"][0]["pii"] == {"entities": {"SECRET": "off"}}
    again = reading.read(exporting.as_yaml({"tenants": [exported]}), environ={})
    assert applying.apply(again, actor="test").changed() == []


def test_what_is_wrong_in_the_file_is_named(db: None) -> None:
    with pytest.raises(reading.Unacceptable) as refused:
        reading.read("tenants: [{slug: acme, pii: {entities: {PERSON: hide}}}]", environ={})
    assert "tenants[0].pii: entities.PERSON: it must be one of off, monitor" in str(refused.value)


def test_a_snapshot_holds_the_rules_of_key_and_tenant_and_the_key_of_placeholders(acme: Tenant) -> None:
    row = actions.change_tenant(actor="test", tenant=acme, pii=GOOD)
    issued = actions.issue_key(actor="test", tenant=row, name="ci", pii={"entities": {"PERSON": "block"}})
    caller = DatabaseSource.caller([digest for _version, digest in keys.digests(issued.secret)])
    assert caller is not None and caller.privacy is not None
    assert caller.privacy.key == placeholder_keys.of(row)
    assert caller.privacy.rules.mode_of("PERSON") == "block"
    assert caller.privacy.rules.mode_of("EMAIL_ADDRESS") == "pseudonymize"
    assert repr(placeholder_keys.of(row)) not in repr(caller)


def test_without_its_encryption_key_a_snapshot_says_that_nothing_may_be_sent(acme: Tenant, settings: Any) -> None:
    row = actions.change_tenant(actor="test", tenant=acme, pii=GOOD)
    issued = actions.issue_key(actor="test", tenant=row, name="ci")
    settings.ENCRYPTION_KEYS = {9: bytes(32)}
    caller = DatabaseSource.caller([digest for _version, digest in keys.digests(issued.secret)])
    assert caller is not None and caller.privacy is not None
    assert caller.privacy.key is None
