"""What requests are given of documents: checked when it is saved, in files too, and compiled for each key."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from proxy.call import Passages
from proxy.snapshots import DatabaseSource
from tenants import actions, keys
from tenants.declarative import applying, exporting, reading
from tenants.declarative.difference import Difference
from tenants.models import AuditEntry, Tenant

pytestmark = pytest.mark.django_db

FILE = """
tenants:
  - slug: acme
    rag:
      collections:
        - {name: handbook}
        - {name: payroll, keys: [hr-*], required: true}
      inject: {collections: [handbook, payroll], top_k: 4, as: document}
    keys:
      - {name: ci}
      - {name: hr-desk, rag: {inject: {top_k: 9, citations: false, tool: true}}}
"""


def apply(text: str = FILE, *, prune: bool = False) -> Difference:
    return applying.apply(reading.read(text, environ={}), actor="test", prune=prune)


def compiled(secret: str) -> Passages | None:
    caller = DatabaseSource.caller([digest for _version, digest in keys.digests(secret)])
    assert caller is not None
    return caller.passages


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["handbook"], "inject: give an object"),
        ({"collection": []}, "'collection' is unknown. Known here: collections, top_k"),
        ({"collections": "handbook"}, "collections: give a list of at most 20 names"),
        ({"collections": ["handbook", "handbook"]}, "each once"),
        ({"top_k": 0}, "top_k: give a whole number from 1 to 50"),
        ({"top_k": True}, "top_k: give a whole number"),
        ({"min_score": 1.5}, "min_score: give a number from 0 to 1"),
        ({"as": "xml"}, "as: it must be one of search_result, document, text"),
        ({"max_tokens": 0}, "max_tokens: give a whole number from 1 to 100000"),
        ({"citations": 1}, "citations: it must be true or false"),
        ({"tool": "on"}, "tool: it must be true or false"),
        ({"collections": ["handbok"]}, "there is no collection 'handbok' to use. Known here: handbook"),
    ],
)
def test_wrong_settings_are_refused_with_their_field(acme: Tenant, settings: Any, words: str) -> None:
    actions.add_collection(actor="test", tenant=acme, name="handbook")
    with pytest.raises(ValidationError) as refused:
        actions.change_tenant(actor="test", tenant=acme, inject=settings)
    [(field, messages)] = refused.value.message_dict.items()
    assert words in f"{field}: {messages[0]}"


def test_a_key_may_only_name_what_it_may_use(acme: Tenant, globex: Tenant) -> None:
    actions.add_collection(actor="test", tenant=acme, name="payroll", key_globs=["hr-*"])
    actions.add_collection(actor="test", tenant=globex, name="rival")
    for wrong in ("payroll", "rival"):
        with pytest.raises(ValidationError, match=f"there is no collection '{wrong}' to use. There is none yet"):
            actions.issue_key(actor="test", tenant=acme, name="ci", inject={"collections": [wrong]})
    key = actions.issue_key(actor="test", tenant=acme, name="hr-desk", inject={"collections": ["payroll"]}).key
    with pytest.raises(ValidationError, match="rival"):
        actions.change_key(actor="test", key=key, inject={"collections": ["rival"]})


def test_a_file_gives_them_to_tenant_and_keys_beside_the_collections_it_makes() -> None:
    done = apply()
    assert done.tenants[0].tenant.fields["rag.inject"][1]["top_k"] == 4
    secrets = {change.name: change.secret for change in done.tenants[0].keys}
    ci, hr = compiled(secrets["ci"]), compiled(secrets["hr-desk"])
    assert ci is not None and hr is not None
    assert (ci.collections, ci.default.collections) == ({"handbook": False}, ("handbook",))
    assert (ci.default.top_k, ci.default.form, ci.default.citations, ci.default.max_tokens) == (
        4,
        "document",
        True,
        2000,
    )
    assert hr.collections == {"handbook": False, "payroll": True}
    assert (hr.default.top_k, hr.default.citations, hr.default.form, hr.default.tool) == (9, False, "document", True)
    assert ci.secret != hr.secret and "secret" not in repr(ci)


def test_an_export_applies_without_a_change_and_pruning_takes_them_away() -> None:
    apply()
    exported = exporting.as_yaml(exporting.export(Tenant.objects.all()))
    assert apply(exported, prune=True).changed() == []
    apply("tenants: [{slug: acme, rag: {collections: [{name: handbook}]}, keys: [{name: hr-desk}]}]", prune=True)
    acme = Tenant.objects.get()
    assert (acme.inject, acme.keys.get(name="hr-desk").inject) == ({}, {})


def test_a_file_is_told_where_it_is_wrong() -> None:
    for wrong, words in (
        ("rag: {inject: {top_k: 99}}", r"tenants\[0\]\.rag\.inject: top_k: give a whole number"),
        ("rag: {inject: {collections: [x]}}", r"tenants\[0\]\.rag\.inject: collections: there is no collection 'x'"),
        ("keys: [{name: a, rag: {inject: {collections: [x]}}}]", r"keys\[0\]\.rag\.inject: collections: there is no"),
        ("keys: [{name: a, rag: {collections: []}}]", r"keys\[0\]\.rag\.collections: .* Known here: inject\."),
    ):
        with pytest.raises(reading.Unacceptable, match=words):
            apply(f"tenants: [{{slug: acme, {wrong}}}]")


def test_a_removed_collection_is_passed_over_and_keeps_nothing_from_changing() -> None:
    done = apply()
    [secret] = [change.secret for change in done.tenants[0].keys if change.name == "hr-desk"]
    acme = Tenant.objects.get()
    actions.delete_collection(actor="test", collection=acme.collections.get(name="payroll"))
    actions.change_tenant(actor="test", tenant=acme, name="Acme Corp")
    found = compiled(secret)
    assert found is not None and found.default.collections == ("handbook",)
    actions.delete_collection(actor="test", collection=acme.collections.get(name="handbook"))
    assert compiled(secret) is None


def test_changes_are_in_the_audit(acme: Tenant) -> None:
    actions.add_collection(actor="test", tenant=acme, name="handbook")
    actions.change_tenant(actor="ann", tenant=acme, inject={"collections": ["handbook"]})
    entry = AuditEntry.objects.first()
    assert entry is not None and (entry.actor, entry.action) == ("ann", "tenant.change")
