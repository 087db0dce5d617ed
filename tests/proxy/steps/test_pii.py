"""What the tenant keeps back does not leave; what cannot be searched does so only where the tenant wants it."""

import asyncio
import json
from typing import Any

import pytest

from proxy.call import Privacy
from proxy.formats import texts
from proxy.formats.sse import Event
from proxy.privacy.findings import Finding
from proxy.privacy.rules import Mode
from proxy.steps import pii
from tests.proxy import build
from tests.proxy.privacy.planted import CARD, MAIL, NAME, SECRET, FakeDetector, privacy

TEXT = f"Ask {NAME} at {MAIL}, {NAME}!"
IMAGE = {"type": "image", "source": {"type": "base64", "data": "QUJD"}}


def asked(content: Any, by: Privacy | None, **more: Any) -> Any:
    body = {**build.HELLO, "messages": [{"role": "user", "content": content}], **more}
    return build.call(body, by=build.caller(privacy=by))


async def scrub(content: Any, by: Privacy | None, detector: FakeDetector | None = None, **more: Any) -> pii.Scrubbed:
    return await pii.scrub(asked(content, by, **more), detector or FakeDetector())  # type: ignore[arg-type]


def sent(scrubbed: pii.Scrubbed) -> Any:
    return scrubbed.call.document.value["messages"][0]["content"]


async def test_without_settings_the_call_is_the_clients_own_and_nothing_is_searched() -> None:
    detector = FakeDetector()
    call = asked(TEXT, None)
    scrubbed = await pii.scrub(call, detector)  # type: ignore[arg-type]
    assert scrubbed.call.document is call.document and detector.asked == []
    assert call.trace.steps == [] and scrubbed.headers([]) == []


async def test_values_are_replaced_and_every_other_byte_stays() -> None:
    raw = f'{{ "model":"m" ,"max_tokens":1.0,"x":[1e3],"messages":[{{"role":"user","content":{json.dumps(TEXT)}}}] }}'
    scrubbed = await pii.scrub(build.call(raw.encode(), by=build.caller(privacy=privacy())), FakeDetector())  # type: ignore[arg-type]
    body = scrubbed.call.document.raw.decode()
    token = body.partition("Ask ")[2].partition(" at")[0]
    before, after = raw.split(json.dumps(TEXT))
    assert body.startswith(before) and body.endswith(after)
    assert token.startswith("[PERSON_") and body.count(token) == 2
    assert scrubbed.call.asked.raw == raw.encode()
    assert scrubbed.headers([]) == [(b"x-llmp-pii", b"EMAIL_ADDRESS=1, PERSON=2")]


async def test_a_redacted_value_is_gone_for_good() -> None:
    scrubbed = await scrub(TEXT, privacy(Mode.REDACT))
    assert sent(scrubbed) == "Ask [PERSON] at [EMAIL_ADDRESS], [PERSON]!"
    event = Event.build("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": "[PERSON]"}})
    assert list(scrubbed.restore.feed(event)) == [event]


async def test_monitoring_counts_and_changes_no_byte() -> None:
    call = asked(TEXT, privacy(Mode.MONITOR))
    scrubbed = await pii.scrub(call, FakeDetector())  # type: ignore[arg-type]
    assert scrubbed.call.document is call.document
    assert call.trace.steps[0][2]["found"]["PERSON"] == {
        "count": 2,
        "mode": "monitor",
        "score": 0.9,
        "places": {"user": 2},
    }


async def test_a_call_with_what_is_blocked_is_refused_with_types_and_places_and_no_value() -> None:
    call = asked(f"{TEXT} {CARD}", privacy(modes={"PERSON": Mode.BLOCK, "CREDIT_CARD": Mode.BLOCK}))
    with pytest.raises(pii.PersonalDataFound) as refused:
        await pii.scrub(call, FakeDetector())  # type: ignore[arg-type]
    assert (refused.value.status, refused.value.headers["x-should-retry"]) == (451, "false")
    assert "CREDIT_CARD (1), PERSON (2)" in refused.value.message
    assert refused.value.details == {
        "found": [
            {"type": "CREDIT_CARD", "count": 1, "places": {"user": 1}},
            {"type": "PERSON", "count": 2, "places": {"user": 2}},
        ]
    }
    told = refused.value.body("req_1").decode() + json.dumps(call.trace.as_json())
    assert not any(value in told for value in (NAME, MAIL, CARD))


async def test_a_key_of_a_tools_input_that_is_a_value_is_replaced_and_two_stay_two() -> None:
    use = {"type": "tool_use", "id": "t", "name": "n", "input": {"rooms": {NAME: 1, f"{NAME}!": 2, "old": 3}}}
    [block] = sent(await scrub([use], privacy()))
    assert [name[:8] for name in block["input"]["rooms"]] == ["[PERSON_", "[PERSON_", "old"]
    detector = FakeDetector({"a@b": "EMAIL_ADDRESS", "c@d": "EMAIL_ADDRESS"})
    [block] = sent(await scrub([{**use, "input": {"a@b": 1, "c@d": 2}}], privacy(Mode.REDACT), detector))
    assert block["input"] == {"[EMAIL_ADDRESS]": 1, "[EMAIL_ADDRESS]_": 2}


class Covering(FakeDetector):
    """Finds one stretch, the whole text, with a card number within."""

    async def find(self, texts: Any, rules: Any, tenant_key: bytes) -> Any:
        return [(Finding(0, len(text), "TICKET", 1.0, ("CREDIT_CARD",)),) for text in texts]


@pytest.mark.parametrize(
    ("ticket", "card", "leaves_as"),
    [
        (Mode.MONITOR, Mode.REDACT, "[CREDIT_CARD]"),
        (Mode.OFF, Mode.PSEUDONYMIZE, "[CREDIT_CARD_"),
        (Mode.REDACT, Mode.PSEUDONYMIZE, "[TICKET]"),
        (Mode.PSEUDONYMIZE, Mode.PSEUDONYMIZE, "[TICKET_"),
        (Mode.MONITOR, Mode.OFF, f"T-1 {CARD}"),
    ],
)
async def test_of_types_in_one_stretch_the_strictest_mode_wins(ticket: Mode, card: Mode, leaves_as: str) -> None:
    rules = privacy(modes={"TICKET": ticket, "CREDIT_CARD": card})
    scrubbed = await scrub(f"T-1 {CARD}", rules, Covering())
    assert sent(scrubbed).startswith(leaves_as)
    assert set(scrubbed.types) == {name for name, mode in rules.rules.modes.items() if mode is not Mode.OFF}


async def test_what_is_blocked_is_blocked_inside_a_longer_finding_too() -> None:
    rules = privacy(modes={"TICKET": Mode.PSEUDONYMIZE, "CREDIT_CARD": Mode.BLOCK})
    with pytest.raises(pii.PersonalDataFound, match=r"CREDIT_CARD \(1\)"):
        await scrub(f"T-1 {CARD}", rules, Covering())


async def test_what_could_not_be_searched_is_not_sent() -> None:
    detector = FakeDetector()
    detector.is_late = True
    with pytest.raises(pii.PrivacyUnavailable) as refused:
        await scrub(TEXT, privacy(), detector)
    assert refused.value.status == 503


async def test_it_is_sent_where_the_tenant_prefers_that_and_the_record_says_so() -> None:
    detector = FakeDetector()
    detector.is_late = True
    call = asked(TEXT, privacy(on_failure="open"))
    scrubbed = await pii.scrub(call, detector)  # type: ignore[arg-type]
    assert scrubbed.call.document is call.document
    assert call.trace.steps[-1][0] == "pii_failed_open"


class SlowDetector(FakeDetector):
    """Each look is short; all of them together take too long."""

    async def find(self, texts: Any, rules: Any, tenant_key: bytes) -> Any:
        await asyncio.sleep(0.02)
        return await super().find(texts, rules, tenant_key)


async def test_many_texts_are_searched_a_few_at_a_time_and_all_of_them_in_time() -> None:
    blocks = [{"type": "text", "text": f"{place} {NAME}"} for place in range(200)]
    detector = SlowDetector()
    assert NAME not in json.dumps(sent(await scrub(blocks, privacy(), detector)))
    assert [len(texts) for texts in detector.asked] == [64, 64, 64, 8]
    detector.deadline_seconds = 0.03
    with pytest.raises(pii.PrivacyUnavailable, match=r"It took longer than 0\.03 s"):
        await scrub(blocks, privacy(), detector)


async def test_more_texts_than_can_be_searched_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "MAX_LEAVES", 3)
    blocks = [{"type": "text", "text": "x"}] * 3
    await scrub(blocks, privacy())
    with pytest.raises(pii.NotReadable, match="more than 3 texts"):
        await scrub(blocks, privacy(), system="y")


async def test_without_the_placeholders_key_nothing_is_sent() -> None:
    with pytest.raises(pii.PrivacyUnavailable):
        await scrub(TEXT, privacy(key=None))


async def test_images_and_files_pass_and_are_counted_or_are_refused() -> None:
    call = asked([IMAGE, {"type": "document", "source": {"type": "url", "url": "x"}}], privacy())
    await pii.scrub(call, FakeDetector())  # type: ignore[arg-type]
    assert call.trace.steps[0][2]["attachments"] == {"image": 1, "document": 1}
    with pytest.raises(pii.NotReadable, match=r"\(image\)"):
        await scrub([IMAGE], privacy(attachments="refuse"))


@pytest.mark.parametrize(("switch", "is_replaced"), [("pass", False), ("scan", True)])
async def test_unknown_blocks_pass_or_are_searched(switch: str, is_replaced: bool) -> None:
    scrubbed = await scrub([{"type": "hologram", "caption": NAME}], privacy(unknown_blocks=switch))
    assert (NAME not in sent(scrubbed)[0]["caption"]) is is_replaced
    assert scrubbed.call.trace.steps[0][2]["unknown"] == 1


async def test_unknown_blocks_are_refused_where_the_tenant_wants_that() -> None:
    with pytest.raises(pii.NotReadable):
        await scrub([{"type": "hologram"}], privacy(unknown_blocks="block"))


async def test_secrets_go_back_into_tool_inputs_only() -> None:
    scrubbed = await scrub(f"key {SECRET}", privacy())
    token = sent(scrubbed)[4:]

    def shown(kind: str, name: str) -> list[Any]:
        delta = {"type": kind, name: json.dumps({"a": token})}
        event = Event.build("content_block_delta", {"index": len(kind), "delta": delta})
        return [json.loads(out.json()["delta"][name])["a"] for out in scrubbed.restore.feed(event)]

    assert shown("input_json_delta", "partial_json") == [SECRET]
    assert shown("text_delta", "text") == [token]
    scrubbed = await scrub(f"key {SECRET}", privacy(restores_secrets=False))
    assert shown("input_json_delta", "partial_json") == [token]


async def test_a_key_of_another_tenant_makes_other_placeholders() -> None:
    one, other = await scrub(NAME, privacy()), await scrub(NAME, privacy(key=bytes(32)))
    assert sent(one) != sent(other)
