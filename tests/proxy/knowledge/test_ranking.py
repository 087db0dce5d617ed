"""Passages in another order: by a server that is asked within bounds, by the built-in model, or as they were."""

import time
from typing import Any

import numpy as np
import pytest

from proxy.knowledge import library, ranking
from proxy.knowledge.library import Wish
from proxy.knowledge.passages import Passage
from proxy.knowledge.ranking import server, tokens
from tenants import actions
from tenants.models import Collection, Tenant
from tests.proxy.knowledge.conftest import load, work_off
from tests.proxy.knowledge.listening import CREDENTIAL, Listening

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_quick_reader")]
TEXTS = ["Leave is thirty days.", "Leave is asked for by mail in April.", "Leave of absence is unpaid."]


@pytest.fixture
def rules(acme: Tenant, upstream: Any) -> Collection:
    made = actions.add_collection(actor="test", tenant=acme, name="rules", reranking="main/ranker")
    for number, text in enumerate(TEXTS):
        load(made, f"{number}.txt", text)
    work_off()
    return made


def find(collection: Collection, **wish: Any) -> list[Passage]:
    return library.search_blocking(collection.tenant_id, [collection.name], "leave", Wish(min_score=-1, **wish))


def by_length(asked: dict[str, Any]) -> tuple[int, Any]:
    """The longest is the best; told in an order of the server's own."""
    rows = [{"index": place, "relevance_score": len(text) / 100} for place, text in enumerate(asked["documents"])]
    return 200, {"results": sorted(rows, key=lambda row: -row["relevance_score"])}


def test_a_server_puts_the_best_into_its_own_order(rules: Collection, listening: Listening) -> None:
    listening.answer = by_length
    found = find(rules, top_k=2)
    assert [one.text for one in found] == [TEXTS[1], TEXTS[2]]
    assert [one.scores.reranked for one in found] == [0.36, 0.27]
    assert [one.scores.total for one in found] == [1.0, pytest.approx(0.4)]
    [(path, authorization, asked)] = listening.asked
    assert (path, authorization) == ("/v1/rerank", f"Bearer {CREDENTIAL}")
    assert (asked["model"], asked["query"], sorted(asked["documents"])) == ("ranker", "leave", sorted(TEXTS))


def test_a_search_may_do_without(rules: Collection, listening: Listening) -> None:
    assert {one.scores.reranked for one in find(rules, rerank=False)} == {None}
    assert listening.asked == []


@pytest.mark.parametrize(
    "answer",
    [
        (500, {"message": CREDENTIAL}),
        (200, []),
        (200, {"results": []}),
        (200, {"results": [{"index": 0, "relevance_score": 1}] * 3}),
        (200, {"results": [{"index": place, "relevance_score": "high"} for place in range(3)]}),
        (200, {"results": [{"index": place, "relevance_score": 1e999} for place in range(3)]}),
    ],
)
def test_what_is_no_order_leaves_the_passages_as_they_were(
    rules: Collection, listening: Listening, answer: tuple[int, Any], caplog: pytest.LogCaptureFixture
) -> None:
    listening.answer = lambda _asked: answer
    assert find(rules) == find(rules, rerank=False)
    assert CREDENTIAL not in caplog.text


def test_a_server_that_takes_too_long_is_not_waited_for(
    rules: Collection, listening: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_SECONDS", 0.2)

    def slow(asked: dict[str, Any]) -> tuple[int, Any]:
        time.sleep(1)
        return by_length(asked)

    listening.answer = slow
    assert {one.scores.reranked for one in find(rules)} == {None}


def test_a_place_that_is_forbidden_is_not_asked(
    rules: Collection, listening: Listening, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "CONFIG", settings.CONFIG.model_copy(update={"private_upstreams": ""}))
    assert {one.scores.reranked for one in find(rules)} == {None}
    assert listening.asked == []


def test_collections_that_are_ranked_differently_are_not_ranked_together(
    rules: Collection, handbook: Collection, listening: Listening
) -> None:
    load(handbook, "x.txt", "Leave it.")
    work_off()
    found = library.search_blocking(rules.tenant_id, ["rules", "handbook"], "leave", Wish(min_score=-1))
    assert len(found) == 4 and listening.asked == []


def test_the_best_word_counts_for_each_word_of_the_question() -> None:
    axes = np.eye(3, dtype=np.float32)
    assert tokens.best(axes[:2], axes[[0, 2]]) == pytest.approx(0.5)
    assert tokens.best(axes[:2], axes) == pytest.approx(1.0)


def test_the_built_in_model_ranks_what_answers_first(acme: Tenant) -> None:
    ranker = ranking.named(acme.pk, "default")
    assert ranker is not None and ranking.named(acme.pk, "none") is None
    scores = tokens._scores("How long is parental leave?", ["Parental leave takes a year.", "Bananas are yellow."])
    assert scores[0] > scores[1]
