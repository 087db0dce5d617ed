"""One finding for each stretch of text."""

import random

from hypothesis import given
from hypothesis import strategies as st

from proxy.privacy.detection import overlaps
from proxy.privacy.findings import Finding

FINDINGS = st.builds(
    lambda start, length, name, score: Finding(start, start + length, name, score),
    st.integers(0, 60),
    st.integers(1, 30),
    st.sampled_from(["PERSON", "SECRET", "IP_ADDRESS"]),
    st.sampled_from([0.5, 0.8, 1.0]),
)


@given(st.lists(FINDINGS, max_size=25), st.randoms(use_true_random=False))
def test_they_are_sorted_disjoint_and_the_same_in_any_order(found: list[Finding], shuffler: random.Random) -> None:
    kept = overlaps.resolve(found)
    assert all(one.end <= other.start for one, other in zip(kept, kept[1:], strict=False))
    shuffler.shuffle(found)
    assert overlaps.resolve(found) == kept


@given(st.lists(FINDINGS, min_size=1, max_size=25))
def test_the_longest_stretch_is_always_kept(found: list[Finding]) -> None:
    longest = max(one.end - one.start for one in found)
    assert max(one.end - one.start for one in overlaps.resolve(found)) >= longest


@given(st.lists(FINDINGS, max_size=25))
def test_every_character_and_type_that_was_found_is_kept(found: list[Finding]) -> None:
    kept = overlaps.resolve(found)
    for one in found:
        [over] = [other for other in kept if other.start <= one.start and one.end <= other.end]
        assert one.entity_type in (over.entity_type, *over.within)


def test_findings_of_one_type_become_one() -> None:
    found = [Finding(0, 10, "PERSON", 0.6), Finding(5, 15, "PERSON", 0.9)]
    assert overlaps.resolve(found) == (Finding(0, 15, "PERSON", 0.9),)


def test_of_two_types_the_longer_wins_then_the_surer() -> None:
    street, person = Finding(0, 20, "ADDRESS", 0.6), Finding(5, 15, "PERSON", 1.0)
    assert overlaps.resolve([person, street]) == (Finding(0, 20, "ADDRESS", 0.6, ("PERSON",)),)
    phone, number = Finding(0, 11, "PHONE_NUMBER", 0.7), Finding(0, 11, "US_SSN", 0.9)
    assert overlaps.resolve([phone, number]) == (Finding(0, 11, "US_SSN", 0.9, ("PHONE_NUMBER",)),)


def test_what_overlaps_in_part_is_covered_whole() -> None:
    found = [Finding(0, 20, "ADDRESS", 0.6), Finding(15, 28, "PERSON", 1.0)]
    assert overlaps.resolve(found) == (Finding(0, 28, "ADDRESS", 0.6, ("PERSON",)),)


def test_neighbours_stay_apart() -> None:
    found = (Finding(0, 5, "PERSON", 1.0), Finding(5, 9, "PERSON", 1.0))
    assert overlaps.resolve(found) == found
