"""Templates to labelled texts. `{name}` is the first person's, `{name2}` the second's."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.pii.people import UNMEASURED, Person

_SLOT = re.compile(r"\{([a-z_]+?)([2-9]?)\}")
_LABELS: Mapping[str, str] = {
    **dict.fromkeys(("name", "first", "last", "name_lower", "name_upper", "name_reversed"), "PERSON"),
    **dict.fromkeys(("address", "street"), "ADDRESS"),
    "email": "EMAIL_ADDRESS",
    "phone": "PHONE_NUMBER",
    "card": "CREDIT_CARD",
    "iban": "IBAN_CODE",
    "ssn": "US_SSN",
    "ip": "IP_ADDRESS",
    "ipv": "IP_ADDRESS",
    "secret": "SECRET",
    "password": "SECRET",
    **dict.fromkeys(UNMEASURED, ""),
    # A company is often called after people: found or not, it counts neither way.
    "company": "",
}


@dataclass(frozen=True, slots=True)
class Label:
    """What is in the text, exactly. Without a type: it does not matter whether it is found."""

    start: int
    end: int
    entity_type: str


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text with everything that is to be found in it, where it comes from, and in which kind of text."""

    text: str
    labels: tuple[Label, ...]
    locale: str
    kind: str


def corpus(templates: Mapping[str, str], locales: Sequence[str], *, each: int, seed: int) -> list[Labelled]:
    """Each template `each` times in each locale."""
    return [
        _filled(template, kind.partition(":")[0], locale, seed + 7919 * (number + each * (index + 101 * place)))
        for place, locale in enumerate(locales)
        for index, (kind, template) in enumerate(templates.items())
        for number in range(each)
    ]


def _filled(template: str, kind: str, locale: str, seed: int) -> Labelled:
    people = {mark: Person(locale, seed + 31 * place) for place, mark in enumerate(["", *"23456789"])}
    pieces: list[str] = []
    labels: list[Label] = []
    size = 0
    for piece, slot, mark in _pieces(template):
        value = people[mark].value(slot) if slot else piece
        if slot in _LABELS:
            labels.append(Label(size, size + len(value), _LABELS[slot]))
        pieces.append(value)
        size += len(value)
    return Labelled("".join(pieces), tuple(labels), locale, kind)


def _pieces(template: str) -> Iterator[tuple[str, str, str]]:
    at = 0
    for slot in _SLOT.finditer(template):
        yield template[at : slot.start()], "", ""
        yield "", slot[1], slot[2]
        at = slot.end()
    yield template[at:], "", ""
