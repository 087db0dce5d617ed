"""An answer is kept without anybody's values, and given to each asker with his own."""

import pytest

from proxy.answers import template
from proxy.answers.template import Unfit

MINE = (b"[PERSON_7K2M9QXA]", b"[EMAIL_ADDRESS_00000001]")
THEIRS = (b"[PERSON_AAAAAAAA]", b"[EMAIL_ADDRESS_BBBBBBBB]")
ANSWER = b'{"text":"Write to [PERSON_7K2M9QXA] at [EMAIL_ADDRESS_00000001]; [PERSON_7K2M9QXA] reads it."}'


def test_each_asker_gets_his_own_placeholders() -> None:
    kept = template.written(ANSWER, MINE)
    assert b"7K2M9QXA" not in kept
    assert template.read(kept, THEIRS) == ANSWER.replace(MINE[0], THEIRS[0]).replace(MINE[1], THEIRS[1])
    assert template.read(kept, MINE) == ANSWER


def test_a_placeholder_that_the_question_did_not_hold_is_text_like_any_other() -> None:
    answer = b'{"text":"[PERSON_ZZZZZZZZ] and \\u0000PERSON:0\\u0000"}'
    assert template.read(template.written(answer, MINE), THEIRS) == answer


@pytest.mark.parametrize("altered", [b"person_7k2m9qxa", b"[PERSON-7K2M9QXA]", b"PERSON 7K2M9QXA", b"7K2M9QXA"])
def test_an_answer_with_an_altered_placeholder_is_not_kept(altered: bytes) -> None:
    with pytest.raises(Unfit):
        template.written(b'{"text":"' + altered + b'"}', MINE)


@pytest.mark.parametrize("placeholders", [(), THEIRS[1:]], ids=["none", "of another type"])
def test_an_answer_is_not_given_to_who_lacks_a_value_for_it(placeholders: tuple[bytes, ...]) -> None:
    with pytest.raises(Unfit):
        template.read(template.written(ANSWER, MINE), placeholders)
