"""What a key's secret looks like, and what is told of it without a look-up."""

import random
import re
import string
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenants import keys

ALPHABET = string.digits + string.ascii_letters
SECRET = keys.make()


def test_a_secret_has_its_prefix_its_length_and_a_right_checksum():
    for _ in range(200):
        secret = keys.make()
        assert re.fullmatch(r"llmp_[0-9A-Za-z]{36}", secret)
        assert keys.is_well_formed(secret)


def test_no_two_secrets_are_alike():
    assert len({keys.make() for _ in range(1000)}) == 1000


def test_the_checksum_is_the_crc32_of_what_precedes_it():
    number = 0
    for character in SECRET[-6:]:
        number = number * 62 + (string.digits + string.ascii_uppercase + string.ascii_lowercase).index(character)
    assert number == zlib.crc32(SECRET[:-6].encode())


def test_every_edit_of_one_character_is_refused(django_assert_num_queries, db):
    chance = random.Random(7)
    edits = 0
    with django_assert_num_queries(0):
        while edits < 10_000:
            at = chance.randrange(len(SECRET))
            other = chance.choice(ALPHABET + "_-. \né")
            if other != SECRET[at]:
                edits += 1
                assert not keys.is_well_formed(SECRET[:at] + other + SECRET[at + 1 :])


@given(st.text(max_size=60))
@settings(max_examples=300)
def test_other_texts_are_refused(text):
    assert not keys.is_well_formed(text)


@pytest.mark.parametrize(
    "text",
    ["", SECRET + "\n", " " + SECRET, SECRET[:-1], SECRET + "0", SECRET.upper()],
    ids=["empty", "a newline", "a space", "one less", "one more", "upper case"],
)
def test_near_misses_are_refused(text):
    assert not keys.is_well_formed(text)


def test_the_scanners_regex_finds_a_secret_in_a_file():
    assert re.findall(keys.SCANNER_REGEX, f"export KEY='{SECRET}' # mine") == [SECRET]


def test_a_digest_depends_on_the_pepper():
    assert keys.digest(SECRET, b"a" * 32) != keys.digest(SECRET, b"b" * 32)
    assert SECRET not in keys.digest(SECRET, b"a" * 32)


def test_digests_come_for_every_pepper_the_newest_first(settings):
    settings.KEY_PEPPERS = {2: b"new" * 11, 1: b"old" * 11}
    assert keys.digests(SECRET) == [(2, keys.digest(SECRET, b"new" * 11)), (1, keys.digest(SECRET, b"old" * 11))]


def test_what_is_shown_of_a_secret_does_not_give_it_away():
    prefix, last_four = keys.display(SECRET)
    assert SECRET.startswith(prefix) and SECRET.endswith(last_four)
    assert len(prefix + last_four) - len(keys.PREFIX) <= 8
