"""Detectors that answer later: what they score, what is remembered, and what follows where there is no score."""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from proxy.call import TenantRules
from proxy.privacy.findings import Finding
from proxy.rules import compiling
from proxy.rules.rule import Asked
from proxy.rules.weighing import NotWeighed, language, topic, vectors
from proxy.rules.weighing.scales import Scales
from proxy.upstreams.transport import GuardedTransport
from tests.proxy import build
from tests.proxy.rules.weighing.scoring import Scoring, scoring
from tests.proxy.running import allow_any

GERMAN = "Bitte schicken Sie mir die Unterlagen bis Freitag, damit wir den Vertrag rechtzeitig prüfen können."
ENGLISH = "Please send me the documents by Friday, so that we can check the contract in good time."
JAPANESE = "契約を確認できるように、金曜日までに書類を送ってください。よろしくお願いします。"
CODE = "def send(self, documents):\n    for one in documents:\n        self.post(one, by='friday')\n" * 3


class FakeDetector:
    def __init__(self) -> None:
        self.read: list[str] = []

    async def find(self, texts: Sequence[str], _rules: Any, _key: bytes) -> list[tuple[Finding, ...]]:
        self.read += texts
        return [(Finding(0, 3, "SECRET", 0.9),) if "ghp_" in text else () for text in texts]


def asked(**match: Any) -> Asked:
    given = {"name": "r", "on": ["request"], "match": match, "action": "block"}
    made = compiling.compiled({}, {"rules": [given]})
    assert made is not None and made.rules[0].asked is not None
    return made.rules[0].asked


@pytest.fixture
def server(settings: Any) -> Iterator[Scoring]:
    settings.CONFIG = settings.CONFIG.model_copy(update={"private_upstreams": "127.0.0.1/32"})
    with scoring() as made:
        yield made


@pytest.fixture
async def scales() -> AsyncIterator[Scales]:
    transport = GuardedTransport(allow_any)
    yield Scales(FakeDetector(), transport, vectors.embedded)  # type: ignore[arg-type]
    await transport.aclose()


def tenant(server: Scoring | None = None, **more: Any) -> TenantRules:
    own = build.caller().tenant
    if server is None:
        return own
    return replace(own, detectors={"guard": build.upstream("guard", kind="detector", base_url=server.url, **more)})


@pytest.mark.parametrize(
    ("text", "expected"), [(GERMAN, "de"), (ENGLISH, "en"), (JAPANESE, "ja"), ("Hallo Welt", ""), (CODE, "")]
)
def test_a_text_has_a_language_where_it_has_enough_prose(text: str, expected: str) -> None:
    likely = language.likelihoods(text)
    assert max(likely, key=lambda one: likely[one], default="") == expected


async def test_a_language_is_allowed_or_forbidden(scales: Scales) -> None:
    allowed = await scales.scores([GERMAN, ENGLISH, "Kurz."], asked(detector="language", allowed=["en"]), tenant())
    assert allowed[0] > 0.9 and allowed[1] < 0.1 and allowed[2] == 0.0
    forbidden = await scales.scores([GERMAN, ENGLISH], asked(detector="language", forbidden=["de"]), tenant())
    assert forbidden[0] > 0.9 and forbidden[1] < 0.1


async def test_a_topic_is_near_its_examples(scales: Scales) -> None:
    rule = asked(detector="topic", topics=["Which shares should I buy?", "Give me investment advice."])
    near, far, short = await scales.scores(
        ["Is it wise to put my savings into these stocks now?", "How do I bake bread with little yeast?", "ok"],
        rule,
        tenant(),
    )
    assert near > 0.4 > far and short == 0.0


def test_of_a_long_text_its_beginning_and_its_end_are_compared() -> None:
    taken = topic.parts("The beginning is here. " * 9 + "b" * 60_000 + "\nThis is the end of all of it.")
    assert len(taken) == 8 and taken[0].startswith("The beginning") and taken[-1] == "This is the end of all of it."


async def test_what_took_too_long_goes_on_where_it_was(scales: Scales, server: Scoring) -> None:
    server.waits_seconds = 0.25
    rule, ours = asked(detector="http", server="guard", seconds=0.4), tenant(server)
    texts = [str(number) for number in range(60)]
    with pytest.raises(NotWeighed):
        await scales.scores(texts, rule, ours)
    assert await scales.scores(texts, rule, ours) == [0.1] * 60


async def test_secrets_are_found_by_what_finds_them_for_privacy(scales: Scales) -> None:
    assert await scales.scores(["ghp_x", "nothing"], asked(detector="secrets"), tenant()) == [0.9, 0.0]


async def test_a_server_scores_all_texts_at_once_and_knows_who_asks(scales: Scales, server: Scoring) -> None:
    rule = asked(detector="http", server="guard")
    assert await scales.scores(["poison", "bread"], rule, tenant(server)) == [0.9, 0.1]
    assert len(server.asked) == 1 and server.signed == [True]
    assert server.headers[0]["authorization"] == "Bearer sk-ant-test"


async def test_a_text_is_sent_once_while_the_rule_asks_the_same(scales: Scales, server: Scoring) -> None:
    ours, rule = tenant(server), asked(detector="http", server="guard")
    await scales.scores(["poison", "bread"], rule, ours)
    assert await scales.scores(["bread", "poison", "new"], replace(rule, threshold=0.2), ours) == [0.1, 0.9, 0.1]
    assert server.texts == ["poison", "bread", "new"]
    await scales.scores(["poison"], rule, replace(ours, id=build.caller().tenant.id))
    assert server.texts[-1] == "poison" and len(server.asked) == 3, "another tenant's text is its own"


async def test_a_long_text_is_sent_in_parts_and_its_worst_counts(scales: Scales, server: Scoring) -> None:
    text = "x" * 60_000 + "poison"
    assert await scales.scores([text], asked(detector="http", server="guard"), tenant(server)) == [0.9]
    assert "".join(server.texts) == text


@pytest.mark.parametrize(
    "answer", [b"", b"[]", b'{"scores": [0.5]}', b'{"scores": [2, 0]}', b'{"scores": ["1", true]}', b"x" * 100_000]
)
async def test_what_is_no_score_is_none(scales: Scales, server: Scoring, answer: bytes) -> None:
    server.answer = answer
    with pytest.raises(NotWeighed):
        await scales.scores(["a", "b"], asked(detector="http", server="guard"), tenant(server))


async def test_a_server_that_fails_is_not_asked_again(scales: Scales, server: Scoring) -> None:
    server.status = 500
    with pytest.raises(NotWeighed, match="HTTP 500"):
        await scales.scores(["a"], asked(detector="http", server="guard"), tenant(server))
    assert len(server.asked) == 1


async def test_a_server_has_only_so_long(scales: Scales, server: Scoring) -> None:
    server.waits_seconds = 0.5
    with pytest.raises(NotWeighed, match="0.1 s|cannot be asked"):
        await scales.scores(["a"], asked(detector="http", server="guard", seconds=0.1), tenant(server))


async def test_a_server_that_is_gone_or_may_not_be_reached_gives_no_score(scales: Scales, server: Scoring) -> None:
    rule = asked(detector="http", server="guard")
    with pytest.raises(NotWeighed, match="gone"):
        await scales.scores(["a"], rule, tenant())
    with pytest.raises(NotWeighed, match="credential"):
        await scales.scores(["a"], rule, tenant(server, credential=None))
    server.url = "http://169.254.169.254/score"
    with pytest.raises(NotWeighed, match="metadata"):
        await scales.scores(["a"], rule, tenant(server))
