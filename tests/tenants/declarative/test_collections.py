"""Collections of documents in the file: made, changed, written back, removed only when asked."""

import pytest

from tenants.declarative import applying, exporting, reading
from tenants.declarative.difference import Difference
from tenants.models import AuditEntry, Collection, Tenant

FILE = """
tenants:
  - slug: acme
    upstreams: [{name: main, kind: anthropic, base_url: "http://127.0.0.1:9200/v1"}]
    rag:
      collections:
        - {name: handbook, description: HR, chunk_tokens: 200, required: true, keys: ["ci-*"], roles: [owner]}
        - {name: code, embedding: main/text-embedding-3-small, chunk_tokens: 800}
"""


def apply(text: str, *, prune: bool = False) -> Difference:
    return applying.apply(reading.read(text, environ={}), actor="test", prune=prune)


@pytest.mark.django_db
def test_the_file_makes_collections_and_an_export_writes_them_back() -> None:
    done = apply(FILE)
    assert [(change.name, change.became) for change in done.tenants[0].collections] == [
        ("handbook", "created"),
        ("code", "created"),
    ]
    row = Collection.objects.get(name="handbook")
    assert (row.is_required, row.key_globs, row.roles, row.chunk_overlap) == (True, ["ci-*"], ["owner"], 32)
    assert AuditEntry.objects.filter(action="collection.add").count() == 2
    written = exporting.as_yaml(exporting.export([Tenant.objects.get()]))
    assert apply(written).changed() == []


@pytest.mark.django_db
def test_a_collection_the_file_does_not_name_is_kept_unless_pruned() -> None:
    apply(FILE)
    assert apply("tenants: [{slug: acme}]").changed() == []
    gone = apply("tenants: [{slug: acme}]", prune=True)
    assert [change.became for change in gone.tenants[0].collections] == ["removed", "removed"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("name: Hand Book", r"rag\.collections\[0\]\.name: Use lower-case letters"),
        ("name: h, chunk_tokens: 40, chunk_overlap: 30", r"collections\[0\]\.chunk_overlap: A passage may repeat"),
        ("name: h, chunk_tokens: 800", r"chunk_tokens: The built-in embedding model reads up to 500"),
        ("name: h, embedding: gone/model", r"embedding: The tenant has no upstream 'gone'"),
        ("name: h, embedding: small", r"embedding: Write default, or UPSTREAM/MODEL"),
        ("name: h, keys: []", r"keys: Name at least one glob"),
        ("name: h, roles: [king]", r"roles: Give a list of some of: owner"),
        ("name: h, color: red", r"color: This field is unknown\. Known here: name, description"),
    ],
)
def test_a_mistake_is_told_by_the_path_of_its_field(given: str, problem: str) -> None:
    with pytest.raises(reading.Unacceptable, match=problem):
        apply(f"tenants: [{{slug: acme, rag: {{collections: [{{{given}}}]}}}}]")


@pytest.mark.django_db
def test_two_of_one_name_are_refused() -> None:
    with pytest.raises(reading.Unacceptable, match=r"rag\.collections\[1\]\.name: 'a' is named twice"):
        apply("tenants: [{slug: acme, rag: {collections: [{name: a}, {name: a}]}}]")
