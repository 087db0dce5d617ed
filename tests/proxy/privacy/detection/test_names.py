"""People and streets that have no form, by the model and the rules around it."""

import re
from functools import cache
from pathlib import Path

import pytest

from proxy.privacy.detection.names import model, rampart, second, spelling, windows, words
from proxy.privacy.detection.names.recogniser import NameRecognizer

FOUND = [
    "Hi, I'm «Priya Raghunathan», could you help me?",
    "please ask «Sam» whether it works",
    "mail «jürgen müller» about the release",
    "assigned to «Mehmet Yılmaz» and «Agnieszka Wiśniewska»",
    "- «Ann-Marie O'Brien»: fixed the login",
    "Best regards,\n«Giulia Rossi»\nAcme GmbH",
    "Attendees: «Nguyễn Văn An», «Jan Kowalski»",
    "12: «Krzysztof Zaraś», ulica Długa 3, 600 100 200",
    "VALUES (12345678, '«Blanka Drygas»', 'x', 7);",
    "«Steven J. Bethard» wrote the parser; «Bethard» also wrote the tests.",
    "Dear Mr. «Holmes», «Ronald McAllister» said so",
]
LEFT_ALONE = [
    "from asyncio import Queue\nimport enum\n\nclass JobRunner(Thread):\n    async def run(self):\n        pass",
    "Use Redis Cluster or Apache Kafka with Spring Boot; see the Release Notes of Visual Studio.",
    "The Error Handling chapter describes the Load Balancer and the Access Token.",
    "CronCreate returns a job. IPython and NumPy are libraries. HTTPServer starts.",
    'logger.info("started")\nself.name = user.name\nconfig["sha"] = commit.sha',
    "Monday and Tuesday in January, New York and Berlin",
    "Claude Sonnet 5 and Claude Code are products of Anthropic.",
    "SELECT id, name FROM users WHERE status = 'ACTIVE' ORDER BY created_at DESC",
]


@cache
def recogniser() -> NameRecognizer:
    return NameRecognizer()


def people(text: str) -> list[str]:
    return [text[one.start : one.end] for one in recogniser().analyze(text, []) if one.entity_type == "PERSON"]


@pytest.mark.parametrize("example", FOUND)
def test_people_are_found_with_their_whole_name(example: str) -> None:
    wanted = re.findall("«(.*?)»", example)
    found = people(re.sub("[«»]", "", example))
    assert set(wanted) <= set(found)
    assert all(any(name in one for one in wanted) for name in found)


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_code_products_and_places_are_no_people(text: str) -> None:
    assert people(text) == []


def test_a_street_takes_its_town_along_but_a_town_alone_is_left() -> None:
    text = "Ship it to Agnieszka, ul. Krucza 47, 00-512 Warszawa, please."
    found = [text[one.start : one.end] for one in recogniser().analyze(text, []) if one.entity_type == "ADDRESS"]
    assert found and found[0].endswith("Warszawa")
    assert recogniser().analyze("We met in Washington and moved to Lyon.", []) == []


def test_a_text_gives_the_same_alone_and_in_a_longer_one() -> None:
    text = "Hi, I'm Priya Raghunathan.\n" + "Nothing of interest stands in this line of text.\n" * 30
    assert people(text)[:1] == people(text + "And here is Jan Kowalski.\n")[:1] == ["Priya Raghunathan"]


def test_scripts_of_many_tokens_a_character_are_read_to_the_end() -> None:
    text = "각" * 460 + " Ada Lovelace"
    assert people(text) == ["Ada Lovelace"]


def test_windows_of_common_words_and_of_code_are_not_read() -> None:
    plain = "return the value of this file or raise an error when there is none.\n"
    assert list(windows.cut(plain * 20)) == []
    assert list(windows.cut("def parse(self, text_value): return self.value\n" * 20)) == []
    assert list(windows.cut(plain + "ask priya about it")) != []
    assert list(windows.cut(plain + "PRIYA RAGHUNATHAN")) != []


def test_common_words_are_no_names() -> None:
    assert {"the", "return", "value"} <= words.COMMON
    assert not {"priya", "john", "smith", "giulia", "kowalski", "mehmet"} & words.COMMON


def test_names_that_are_words_are_not_looked_for_alone() -> None:
    found = [(0, 11, 0.9)]
    assert list(spelling.mentions("Callum Page is on Page 3", found)) == []
    assert [
        text for text in ("Callum",) for start, *_ in spelling.mentions("Callum Page, Callum", found) if start == 13
    ]


def test_the_second_reading_asks_only_about_capitalised_pairs_that_nobody_took() -> None:
    asked: list[str] = []

    def score(sentences: object) -> list[float]:
        rows = list(sentences)  # type: ignore[call-overload]
        asked.extend(text for text, _, _ in rows)
        return [0.95] * len(rows)

    text = "Blanka Drygas, then Ada Lovelace and some words, Foo.Bar Baz()"
    found = second.reading(text, [(20, 32, 0.9)], score)
    assert asked == ["Blanka Drygas said that it works."]
    assert found == [(0, 13, 0.95)]


def test_another_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "onnx").mkdir()
    (tmp_path / "onnx/model_q4.onnx").write_bytes(b"something else")
    with pytest.raises(model.ModelMissing, match="not the one"):
        rampart.Rampart(tmp_path)
