"""Embeddings of an upstream: asked as OpenAI's are, guarded as upstreams are, believed only where they are sound."""

import asyncio
from typing import Any

import numpy as np
import pytest
from asgiref.sync import async_to_sync
from django.conf import settings

from proxy.knowledge.embedding import EmbeddingDown
from proxy.knowledge.embedding.server import Server
from tenants.models import Tenant, Upstream
from tests.proxy.knowledge.listening import CREDENTIAL, Listening


def embed(tenant: Tenant, texts: list[str], name: str = "main") -> Any:
    return async_to_sync(Server(tenant.pk, f"{name}/small").embed)(texts)


@pytest.mark.django_db
def test_vectors_come_in_the_order_of_the_texts_with_the_length_one(
    acme: Tenant, upstream: Upstream, listening: Listening
) -> None:
    texts = ["x" * (1 + number % 7) for number in range(70)]
    found = embed(acme, texts)
    assert np.allclose(np.linalg.norm(found, axis=1), 1)
    assert [round(row[0] / row[1]) for row in found] == [len(text) for text in texts]
    [(path, authorization, asked), (_path, _authorization, rest)] = listening.asked
    assert (path, authorization, asked["model"]) == ("/v1/embeddings", f"Bearer {CREDENTIAL}", "small")
    assert (len(asked["input"]), len(rest["input"])) == (64, 6)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ((500, {"error": CREDENTIAL}), "answered 500"),
        ((200, {"data": []}), "something else than embeddings"),
        ((200, ["no"]), "something else than embeddings"),
        ((200, {"data": [{"index": 0, "embedding": ["a"]}]}), "something else than embeddings"),
        ((200, {"data": [{"index": 0, "embedding": [1e999, 1]}]}), "something else than embeddings"),
    ],
)
def test_what_is_no_embedding_is_refused_without_quoting_it(
    acme: Tenant, upstream: Upstream, listening: Listening, answer: tuple[int, Any], told: str
) -> None:
    listening.answer = lambda _asked: answer
    with pytest.raises(EmbeddingDown, match=told) as refused:
        embed(acme, ["text"])
    assert CREDENTIAL not in str(refused.value)


@pytest.mark.django_db
def test_an_upstream_of_another_tenant_or_none_is_not_asked(
    acme: Tenant, globex: Tenant, upstream: Upstream, listening: Listening
) -> None:
    for tenant, name in ((globex, "main"), (acme, "other")):
        with pytest.raises(EmbeddingDown, match="is gone or switched off"):
            embed(tenant, ["text"], name)
    assert listening.asked == []


@pytest.mark.django_db
def test_a_place_that_became_forbidden_is_not_asked(
    acme: Tenant, upstream: Upstream, listening: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "CONFIG", settings.CONFIG.model_copy(update={"private_upstreams": ""}))
    with pytest.raises(EmbeddingDown, match="cannot be asked"):
        embed(acme, ["text"])
    assert listening.asked == []


def test_the_model_that_comes_with_the_product_knows_what_is_alike() -> None:
    from proxy.knowledge.embedding.minilm import MiniLM  # noqa: PLC0415 - it is loaded for this test alone

    texts = ["How do I take parental leave?", "Leave for parents of newborn children", "Bananas are yellow"]
    found = asyncio.run(MiniLM().embed(texts))
    alike = found @ found.T
    assert found.shape == (3, 384) and np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-3)
    assert alike[0, 1] > 0.5 > alike[0, 2]
