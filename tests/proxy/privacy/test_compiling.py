"""Settings become rules: the nearest word counts, and nothing is looked for where nobody asked."""

import pytest

from proxy.privacy.compiling import compiled
from proxy.privacy.rules import Mode, Rules

ON = {"mode": "pseudonymize", "entities": {"PERSON": "redact", "SECRET": "block"}}


def rules(settings: dict[str, object], overrides: dict[str, object] | None = None) -> Rules:
    made = compiled(settings, overrides or {})
    assert made is not None
    return made


@pytest.mark.parametrize("settings", [{}, {"mode": "off"}, {"allow": ["x"]}, {"entities": {"PERSON": "off"}}])
def test_where_nothing_is_looked_for_there_are_no_rules(settings: dict[str, object]) -> None:
    assert compiled(settings, {}) is None


def test_a_key_alone_turns_nothing_on_where_the_tenant_set_nothing() -> None:
    assert compiled({}, {"mode": "block"}) is None


@pytest.mark.parametrize(
    ("overrides", "person", "email"),
    [
        ({}, Mode.REDACT, Mode.PSEUDONYMIZE),
        ({"entities": {"PERSON": "monitor"}}, Mode.MONITOR, Mode.PSEUDONYMIZE),
        ({"mode": "monitor"}, Mode.MONITOR, Mode.MONITOR),
        ({"mode": "off", "entities": {"EMAIL": "block"}}, Mode.OFF, Mode.BLOCK),
    ],
)
def test_the_nearest_word_counts(overrides: dict[str, object], person: Mode, email: Mode) -> None:
    made = rules(ON, overrides)
    assert (made.mode_of("PERSON"), made.mode_of("EMAIL_ADDRESS")) == (person, email)


def test_answers_are_watched_where_requests_are_unless_the_tenant_says_otherwise() -> None:
    assert rules(ON).output_mode_of("PERSON") is Mode.MONITOR
    assert not rules({**ON, "output": {"mode": "off"}}).reads_answers
    assert rules({"output": {"entities": {"SECRET": "block"}}}).output_mode_of("SECRET") is Mode.BLOCK


def test_another_spelling_of_a_type_counts_unless_the_type_itself_is_there() -> None:
    assert rules({"entities": {"API_KEY": "block"}}).mode_of("SECRET") is Mode.BLOCK
    assert rules({"entities": {"API_KEY": "block", "SECRET": "redact"}}).mode_of("SECRET") is Mode.REDACT


def test_keys_with_other_modes_share_what_was_found_before() -> None:
    assert rules(ON).fingerprint == rules(ON, {"mode": "redact"}).fingerprint
    assert rules(ON).fingerprint != rules(ON, {"entities": {"PERSON": "off"}, "output": {"mode": "off"}}).fingerprint
    assert rules(ON).fingerprint != rules({**ON, "allow": ["x"]}).fingerprint


def test_languages_are_part_of_what_detection_goes_by_in_any_order() -> None:
    every, some, same = rules(ON), rules({**ON, "languages": ["de", "en"]}), rules({**ON, "languages": ["en", "de"]})
    assert (every.languages, some.languages) == ((), ("de", "en"))
    assert some.fingerprint == same.fingerprint != every.fingerprint
