"""Who asks the same in other words gets the answer where the tenant wants that; who asks what is like it does not."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.answers import question
from proxy.answers.likeness import around
from proxy.answers.likeness.around import EmbeddingDown
from proxy.call import CacheRules, LikenessRules
from tests.proxy import build
from tests.proxy.answers.test_question import BODY, SETTING, own
from tests.proxy.privacy.planted import NAME, VALUES, FakeDetector, privacy
from tests.proxy.repeating import RepeatingUpstream
from tests.proxy.running import Gateway, events, running
from tests.proxy.test_cached_calls import OTHER_NAME, saying, text_of

KEEPING = CacheRules(secret=b"s", likeness=LikenessRules(threshold=0.8))
ASKED = "How do I reset my password?"
AGAIN = "What is the best way to reset my password?"


class Model:
    """Puts every text at the same place: what is found to be the same is the guard's doing alone."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.wait = asyncio.Event()
        self.wait.set()
        self.is_down = False

    async def __call__(self, text: str) -> Any:
        self.texts.append(text)
        await self.wait.wait()
        if self.is_down:
            raise EmbeddingDown("no weights")
        vector = np.zeros(384, dtype=np.float32)
        vector[1 if "elsewhere" in text else 0] = 1
        return vector


@pytest.fixture
def upstream() -> RepeatingUpstream:
    return RepeatingUpstream()


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
async def gateway(tmp_path: Path, upstream: RepeatingUpstream, model: Model) -> AsyncIterator[Gateway]:
    detector = FakeDetector({**VALUES, OTHER_NAME: "PERSON"})
    async with running(tmp_path, transport=upstream, detector=detector, embed=model) as made:
        made.admit(build.caller(cache=KEEPING))
        yield made


def step(record: dict[str, Any]) -> dict[str, Any]:
    return next(step for step in record["trace"] if step["step"] == "cache_lookup")


@pytest.mark.parametrize("stream", [False, True])
async def test_the_same_in_other_words_is_answered_from_the_cache(
    gateway: Gateway, upstream: RepeatingUpstream, stream: bool
) -> None:
    first = await gateway.ask(saying(ASKED, stream=not stream))
    like = await gateway.ask(saying(AGAIN, stream=stream))
    assert len(upstream.bodies) == 1
    said = text_of(like.body) if stream else like.json()["content"][0]["text"]
    assert said == f"You said: {ASKED}"
    if stream:
        assert events(like.body)[-1][0] == "message_stop"
    assert first.headers["x-llmp-cache"] == "miss"
    assert like.headers["x-llmp-cache"] == "semantic-hit"
    assert like.headers["x-llmp-cache-score"] == "1.000"
    assert like.headers["x-llmp-cache-id"].startswith("ans_")
    again = await gateway.ask(saying(ASKED))
    assert again.headers["x-llmp-cache"] == "hit" and "x-llmp-cache-score" not in again.headers


async def test_the_record_says_which_answer_it_was_and_how_like(gateway: Gateway) -> None:
    await gateway.ask(saying(ASKED))
    like = await gateway.ask(saying(AGAIN))
    asked, kept = gateway.records()
    assert kept["cache_state"] == "semantic-hit" and kept["saved_nano_usd"] == asked["cost_nano_usd"] > 0
    facts = step(kept)
    assert (facts["entry"], facts["score"], facts["compared"]) == (like.headers["x-llmp-cache-id"], 1.0, 1)
    assert ASKED not in str(kept) and AGAIN not in str(kept)


@pytest.mark.parametrize(
    ("text", "difference"),
    [
        ("How do I reset your password?", "words"),
        ("How do I not reset my password?", "negation"),
        ("How do I reset my 2 passwords?", "numbers"),
        ("Why do I reset my password?", "reason_asked"),
        ("How do I reset my Google password?", "names"),
        ("How do I reset `password`?", "code"),
    ],
)
async def test_what_only_looks_alike_is_asked(
    gateway: Gateway, upstream: RepeatingUpstream, text: str, difference: str
) -> None:
    await gateway.ask(saying(ASKED))
    answer = await gateway.ask(saying(text))
    assert (len(upstream.bodies), answer.headers["x-llmp-cache"]) == (2, "miss")
    assert step(gateway.records()[-1])["not_same"] == difference


async def test_what_is_too_far_away_is_asked_however_the_words_are(gateway: Gateway) -> None:
    await gateway.ask(saying("Is it better elsewhere?"))
    assert (await gateway.ask(saying("Is it better?"))).headers["x-llmp-cache"] == "miss"
    assert step(gateway.records()[-1])["not_same"] == "nothing like it"


@pytest.mark.parametrize(
    "change",
    [{"system": "Be brief."}, {"model": "claude-opus-5"}, {"max_tokens": 17}, {"tools": [{"name": "f"}]}],
    ids=["system", "model", "max_tokens", "tools"],
)
async def test_all_but_the_last_text_must_be_the_same(
    gateway: Gateway, upstream: RepeatingUpstream, change: dict[str, Any]
) -> None:
    await gateway.ask(saying(ASKED))
    await gateway.ask(saying(AGAIN, **change))
    assert len(upstream.bodies) == 2


async def test_what_was_said_before_must_be_the_same(gateway: Gateway, upstream: RepeatingUpstream) -> None:
    def turns(before: str, last: str) -> dict[str, Any]:
        said = [("user", before), ("assistant", "Yes."), ("user", last)]
        return {**build.HELLO, "messages": [{"role": role, "content": text} for role, text in said]}

    await gateway.ask(turns("I use Windows.", ASKED))
    assert (await gateway.ask(turns("I use Linux.", AGAIN))).headers["x-llmp-cache"] == "miss"
    assert (await gateway.ask(turns("I use Windows.", AGAIN))).headers["x-llmp-cache"] == "semantic-hit"


async def test_another_tenant_asks_for_itself(gateway: Gateway, upstream: RepeatingUpstream) -> None:
    await gateway.ask(saying(ASKED))
    gateway.admit(build.caller(cache=KEEPING))
    await gateway.ask(saying(AGAIN))
    assert len(upstream.bodies) == 2


async def test_without_the_setting_nothing_is_compared(gateway: Gateway, model: Model) -> None:
    gateway.admit(build.caller(cache=CacheRules(secret=b"s")))
    await gateway.ask(saying(ASKED))
    assert (await gateway.ask(saying(AGAIN))).headers["x-llmp-cache"] == "miss"
    assert model.texts == []


async def test_who_asks_about_another_person_gets_no_answer_about_the_first(
    gateway: Gateway, upstream: RepeatingUpstream, model: Model
) -> None:
    gateway.admit(build.caller(cache=KEEPING, privacy=privacy()))
    await gateway.ask(saying(f"How do I write to {NAME}?"))
    other = await gateway.ask(saying(f"What is the best way to write to {OTHER_NAME}?"))
    assert (other.headers["x-llmp-cache"], len(upstream.bodies)) == ("miss", 2)
    same = await gateway.ask(saying(f"What is the way to write to {NAME}?", stream=True))
    assert same.headers["x-llmp-cache"] == "semantic-hit"
    assert text_of(same.body) == f"You said: How do I write to {NAME}?"
    assert not any(NAME in text or "_" in text for text in model.texts), "the model reads kinds, not values or codes"


async def test_what_is_kept_to_compare_by_is_sealed(gateway: Gateway, tmp_path: Path) -> None:
    await gateway.ask(saying("How do I feed a canary?"))
    await gateway.ask(saying("What is the best way to feed a canary?"))
    stored = await asyncio.to_thread(lambda: b"".join(path.read_bytes() for path in tmp_path.glob("answers*")))
    assert b"canary" not in stored and b"claude-sonnet-5-5" in stored


async def test_a_client_may_want_the_very_same_only(gateway: Gateway, upstream: RepeatingUpstream) -> None:
    await gateway.ask(saying(ASKED))
    exact = await gateway.ask(saying(AGAIN), headers=[(b"x-llmp-cache", b"exact")])
    assert (exact.headers["x-llmp-cache"], len(upstream.bodies)) == ("miss", 2)
    kept = await gateway.ask(saying("How can I reset my password?"), headers=[(b"x-llmp-cache", b"only")])
    assert kept.headers["x-llmp-cache"] == "semantic-hit"


async def test_a_refreshed_answer_is_found_by_like_questions(gateway: Gateway, upstream: RepeatingUpstream) -> None:
    await gateway.ask(saying(ASKED), headers=[(b"x-llmp-cache", b"refresh")])
    assert (await gateway.ask(saying(AGAIN))).headers["x-llmp-cache"] == "semantic-hit"


async def test_an_answer_that_is_too_old_for_like_questions_is_still_one_for_the_same(gateway: Gateway) -> None:
    gateway.admit(caller := build.caller(cache=replace(KEEPING, likeness=LikenessRules(0.8, ttl_seconds=0.0))))
    await gateway.ask(saying(ASKED))
    assert (await gateway.ask(saying(AGAIN))).headers["x-llmp-cache"] == "miss"
    gateway.admit(caller)
    assert (await gateway.ask(saying(ASKED))).headers["x-llmp-cache"] == "hit"


@pytest.mark.parametrize("trouble", ["slow", "down"])
async def test_a_model_that_does_not_answer_in_time_is_a_miss(
    gateway: Gateway, model: Model, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    monkeypatch.setattr(around, "_PATIENCE_SECONDS", 0.02)
    model.is_down = trouble == "down"
    if trouble == "slow":
        model.wait.clear()
    answer = await gateway.ask(saying(ASKED))
    assert (answer.status, answer.headers["x-llmp-cache"]) == (200, "miss")
    assert step(gateway.records()[-1])["not_same"] == ("too late" if trouble == "slow" else "unavailable")
    model.wait.set()


async def test_a_flood_does_not_queue_at_the_model(
    gateway: Gateway, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(around, "_MOST_UNDER_WAY", 1)
    monkeypatch.setattr(around, "_PATIENCE_SECONDS", 0.02)
    model.wait.clear()
    for text in (ASKED, AGAIN):
        await gateway.ask(saying(text))
    assert len(model.texts) == 1
    model.wait.set()


TEXTS = st.text(max_size=30)
CHANGES = st.one_of(
    st.builds(lambda: {"tenant_id": uuid4()}),
    st.builds(lambda: {"upstream_id": uuid4()}),
    st.builds(lambda text: {"model": "m" + text}, TEXTS),
    st.builds(lambda text: {"policy": b"p" + text.encode("utf-8", "surrogatepass")}, TEXTS),
    st.builds(lambda text: {"version": "v" + text}, TEXTS),
    st.builds(lambda text: {"query": b"q" + text.encode("utf-8", "surrogatepass")}, TEXTS),
)


@given(first=TEXTS.filter(bool), second=TEXTS.filter(bool), change=CHANGES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_only_the_last_text_may_differ(first: str, second: str, change: dict[str, Any]) -> None:
    """No question is compared with one of another tenant, upstream, model or policy."""

    def rest(text: str, setting: question.Setting = SETTING, **more: Any) -> bytes:
        body = {**BODY, "messages": [{"role": "user", "content": text}], **more}
        return question.of(body, setting, b"secret", own()).rest

    assert rest(first) == rest(second) != b""
    assert rest(first) != rest(first, replace(SETTING, **change))
    assert rest(first) != rest(first, system=first) or BODY["system"] == first
    assert question.of(BODY, SETTING, b"secret", own()).key != rest(first)


@pytest.mark.parametrize(
    "content",
    [[], [{"type": "image", "source": {}}], "", "long " * 500, [{"type": "text", "text": "a"}, {"type": "image"}]],
)
def test_what_does_not_end_in_a_short_text_is_not_compared(content: Any) -> None:
    body = {**BODY, "messages": [{"role": "user", "content": content}]}
    assert question.of(body, SETTING, b"secret", own()).rest == b""
