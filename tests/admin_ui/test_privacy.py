"""The privacy page: settings are read, changed and refused as the file's are; counts are shown, values never."""

from collections.abc import Sequence
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from admin_ui.views import privacy
from proxy.privacy.detection.detector import DetectionUnavailable
from proxy.privacy.findings import Finding
from tenants import actions
from tenants.models import AuditEntry, Tenant
from tests.admin_ui.calls import record
from tests.proxy.privacy.planted import MAIL, NAME, FakeDetector

EMPLOYEE = {
    "name": "EMPLOYEE_ID",
    "regex": r"\bAC-\d{6}\b",
    "score": 0.9,
    "matches": ["AC-123456"],
    "misses": ["AC-12"],
}
PII = {
    "mode": "pseudonymize",
    "entities": {"PERSON": "redact", "EMPLOYEE_ID": "block"},
    "allow": ["support@acme.example"],
    "custom": [EMPLOYEE],
    "output": {"entities": {"SECRET": "block"}},
    "attachments": "refuse",
    "restore_secrets": False,
}
FOUND = {"PERSON": {"count": 2, "mode": "redact", "score": 0.9, "places": {"user": 1, "tool_result": 1}}}


@pytest.fixture
def own(acme: Tenant) -> Tenant:
    return actions.change_tenant(actor="test", tenant=acme, pii=PII)


@pytest.fixture
def page(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def filled(page: Client, **changes: str) -> dict[str, str]:
    """What the page's forms would send."""
    context = page.get("/t/acme/privacy/").context
    forms = [context["form"], context["own"].management_form, *context["own"].forms]
    fields = [field for form in forms for field in form]
    data = {
        field.html_name: field.value() for field in fields if field.value() is not None and field.value() is not False
    }
    lines = {name: "\n".join(value) if isinstance(value, list) else str(value) for name, value in data.items()}
    return {**lines, **changes}


def test_saving_what_is_shown_changes_nothing(page: Client, own: Tenant) -> None:
    assert page.post("/t/acme/privacy/", filled(page)).status_code == 302
    own.refresh_from_db()
    assert own.pii == PII


def test_a_tenant_without_settings_is_told_so_and_can_begin(page: Client, acme: Tenant) -> None:
    assert "Nothing is looked for yet" in page.get("/t/acme/privacy/").content.decode()
    assert page.post("/t/acme/privacy/", filled(page, mode="monitor", type_SECRET="block")).status_code == 302
    acme.refresh_from_db()
    assert acme.pii == {"mode": "monitor", "entities": {"SECRET": "block"}}
    assert AuditEntry.objects.latest("revision").actor == "user:alice"


def test_a_recogniser_is_added_and_taken_away(page: Client, own: Tenant) -> None:
    added = {"own-1-name": "CASE_NO", "own-1-regex": r"C-(\d+)", "own-1-score": "0.7", "own-1-matches": "C-1\nC-2"}
    assert page.post("/t/acme/privacy/", filled(page, **added)).status_code == 302
    own.refresh_from_db()
    assert own.pii["custom"] == [
        EMPLOYEE,
        {"name": "CASE_NO", "regex": r"C-(\d+)", "score": 0.7, "matches": ["C-1", "C-2"]},
    ]
    gone = filled(page, **{"own-0-DELETE": "on", "type_EMPLOYEE_ID": ""})
    assert page.post("/t/acme/privacy/", gone).status_code == 302
    own.refresh_from_db()
    assert [one["name"] for one in own.pii["custom"]] == ["CASE_NO"]


def test_a_recogniser_that_fails_its_own_examples_is_refused_beside_its_field(page: Client, own: Tenant) -> None:
    answer = page.post("/t/acme/privacy/", filled(page, **{"own-0-matches": "AC-9"}))
    assert answer.status_code == 422
    assert "the regex does not match this example" in answer.context["own"].forms[0].errors["matches"][0]
    own.refresh_from_db()
    assert own.pii == PII


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"min_score": "3"}, "less than or equal to 1"),
        ({"languages": "english"}, "would do nothing. Known: cs (Czech)"),
    ],
)
def test_wrong_values_are_refused(page: Client, own: Tenant, changes: dict[str, str], words: str) -> None:
    answer = page.post("/t/acme/privacy/", filled(page, **changes))
    assert (answer.status_code, words in answer.content.decode()) == (422, True)


def test_languages_are_named_or_left_out_for_all(page: Client, own: Tenant) -> None:
    assert page.post("/t/acme/privacy/", filled(page, languages="en, de")).status_code == 302
    own.refresh_from_db()
    assert own.pii == {**PII, "languages": ["en", "de"]}
    assert filled(page)["languages"] == "en, de"
    page.post("/t/acme/privacy/", filled(page, languages=""))
    own.refresh_from_db()
    assert own.pii == PII


def test_examples_are_proved_while_they_are_written(page: Client, own: Tenant) -> None:
    sent = {"prefix": "own-3", "own-3-regex": r"\d{3}", "own-3-matches": "a 123\nb", "own-3-misses": "12\n1234"}
    said = page.post("/t/acme/privacy/examples/", sent).content.decode()
    assert said.count("good-text") == 2 and said.count("bad-text") == 2
    said = page.post("/t/acme/privacy/examples/", {**sent, "own-3-regex": "(?=x)"}).content.decode()
    assert "cannot run in linear time" in said
    assert page.post("/t/acme/privacy/examples/", {}).status_code == 200


def test_a_text_is_tried_by_the_saved_settings(page: Client, own: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(privacy, "detector_of", lambda _request: FakeDetector())
    answer = page.post("/t/acme/privacy/trial/", {"text": f"<b>{NAME}</b> {MAIL}"})
    assert answer.context["tried"].sent.startswith("<b>[PERSON]</b> [EMAIL_ADDRESS_")
    assert "&lt;b&gt;" in answer.content.decode()


def test_a_text_that_would_be_refused_says_why(page: Client, own: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(privacy, "detector_of", lambda _request: FakeDetector({"AC-123456": "EMPLOYEE_ID"}))
    answer = page.post("/t/acme/privacy/trial/", {"text": "AC-123456"})
    assert (answer.context["tried"].sent, answer.context["tried"].blocked) == ("", ["EMPLOYEE_ID"])


class BrokenDetector:
    async def find(self, texts: Sequence[str], *_: Any) -> list[tuple[Finding, ...]]:
        raise DetectionUnavailable("Too much text is waiting to be read.")


@pytest.mark.parametrize(
    ("text", "detector", "words"),
    [
        (" ", FakeDetector(), "Paste a text first"),
        ("x", None, "Detection is not running"),
        ("x", BrokenDetector(), "Too much text is waiting"),
    ],
)
def test_what_cannot_be_tried_says_why(
    page: Client, acme: Tenant, monkeypatch: pytest.MonkeyPatch, text: str, detector: Any, words: str
) -> None:
    monkeypatch.setattr(privacy, "detector_of", lambda _request: detector)
    assert words in page.post("/t/acme/privacy/trial/", {"text": text}).content.decode()


def test_a_key_is_given_modes_of_its_own_and_loses_them(page: Client, own: Tenant) -> None:
    key = actions.issue_key(actor="test", tenant=own, name="ci").key
    path = f"/t/acme/privacy/keys/{key.pk}/"
    assert page.post(path, {"mode": "off", "type_EMPLOYEE_ID": "monitor", "output_mode": "off"}).status_code == 302
    key.refresh_from_db()
    assert key.pii == {"mode": "off", "entities": {"EMPLOYEE_ID": "monitor"}, "output": {"mode": "off"}}
    assert page.post(path, {"mode": ""}).status_code == 302
    key.refresh_from_db()
    assert key.pii == {}


def test_placeholders_are_renewed_after_a_question(page: Client, own: Tenant) -> None:
    assert "prompt caches are cold once" in page.get("/t/acme/privacy/placeholders/").content.decode()
    before = bytes(own.placeholder_key or b"")
    page.post("/t/acme/privacy/placeholders/")
    own.refresh_from_db()
    assert bytes(own.placeholder_key or b"") != before


def test_members_do_not_see_the_settings(client: Client, own: Tenant, bob: User) -> None:
    client.force_login(bob)
    assert client.get("/t/acme/privacy/").status_code == 403
    assert client.post("/t/acme/privacy/", {}).status_code == 403


def test_home_and_the_request_tell_what_was_found_and_where(page: Client, own: Tenant) -> None:
    trace = [
        {"step": "pii", "us": 5, "found": FOUND},
        {"step": "restore", "us": 0, "exact": 1, "altered": 1, "kept": 1},
    ]
    call = record(own, trace=trace)
    call.save()
    for path in ("/t/acme/", "/t/acme/privacy/", f"/t/acme/requests/{call.pk}/"):
        said = page.get(path).content.decode()
        assert "what people wrote 1, results of tools 1" in said, path
    assert "2 put back, 1 of them written differently by the model, 1 kept out of text." in said


def test_another_tenants_counts_are_not_shown(page: Client, own: Tenant, globex: Tenant) -> None:
    record(globex, trace=[{"step": "pii", "us": 5, "found": FOUND}]).save()
    assert "Nothing was found." in page.get("/t/acme/privacy/").content.decode()
