"""Invented people, one locale at a time. The same seed gives the same people."""

import random
import string
from collections.abc import Callable, Mapping
from functools import cached_property, partial

from faker import Faker

TUNED_LOCALES = ("en_US", "en_GB", "de_DE", "fr_FR", "it_IT", "es_ES", "pl_PL", "en_IN")
HELD_OUT_LOCALES = ("en_AU", "nl_NL", "sv_SE", "cs_CZ", "fr_CA", "es_MX", "hr_HR", "pt_BR")
HARD_LOCALES = ("tr_TR", "vi_VN", "fi_FI", "hu_HU")
"""Shown apart: names that the model has seen little of."""

UNMEASURED = (
    *("city", "country", "street_name", "building_number", "secondary_address", "postcode", "zipcode", "state_abbr"),
    *("age", "year", "nationality", "nation_woman", "nation_plural", "job", "url", "date_time", "date_of_birth"),
    *("day_of_week", "prefix", "prefix_male", "prefix_female", "us_driver_license"),
)
"""Slots of others' templates for what is no type of ours, or a part of one: found or not, it counts neither way."""
_WORDS = {"age": "42", "nationality": "Dutch", "nation_woman": "Dutchwoman", "nation_plural": "the Dutch"}
_WITH_IBAN = frozenset(
    ("en_GB", "de_DE", "fr_FR", "it_IT", "es_ES", "pl_PL", "nl_NL", "cs_CZ", "pt_BR", "tr_TR", "fi_FI")
)


class Person:
    """Somebody who does not exist, with everything a template may say about them. Each value is made once."""

    def __init__(self, locale: str, seed: int) -> None:
        self.locale = locale
        self._fake = Faker(locale)
        self._fake.seed_instance(seed)
        self._random = random.Random(seed)

    def value(self, slot: str) -> str:
        """What stands in a slot. Raises KeyError for a slot that there is not."""
        return self._made[slot]() if slot in self._made else getattr(self, slot)

    @cached_property
    def first(self) -> str:
        return self._fake.first_name()

    @cached_property
    def last(self) -> str:
        return self._fake.last_name()

    @cached_property
    def name(self) -> str:
        return f"{self.first} {self.last}"

    @cached_property
    def name_lower(self) -> str:
        return self.name.lower()

    @cached_property
    def name_upper(self) -> str:
        return self.name.upper()

    @cached_property
    def name_reversed(self) -> str:
        return f"{self.last}, {self.first}"

    @cached_property
    def email(self) -> str:
        return self._fake.ascii_safe_email() if self._random.random() < 0.3 else self._fake.ascii_company_email()

    @cached_property
    def address(self) -> str:
        return self._fake.address().replace("\n", ", ")

    def _unmeasured(self, slot: str) -> str:
        english = Faker("en_US")
        english.seed_instance(self._random.randint(0, 2**32))
        made = getattr(english, slot, None)
        return str(made()) if made is not None and slot != "nationality" else _WORDS.get(slot, "D1234567")

    @cached_property
    def _made(self) -> Mapping[str, Callable[[], str]]:
        fake, pick = self._fake, self._random
        return {
            "phone": fake.phone_number,
            "street": fake.street_address,
            "card": lambda: _grouped(fake.credit_card_number(), pick),
            "iban": lambda: _iban(self.locale, fake, pick),
            "ssn": lambda: f"{pick.randint(1, 665):03}-{pick.randint(1, 99):02}-{pick.randint(1, 9999):04}",
            "ip": fake.ipv4_public,
            "ipv": lambda: f"2a{pick.randint(0, 15):02x}:{_hex(pick)}::{_hex(pick)}:{_hex(pick)}",
            "secret": lambda: _secret(pick),
            "password": lambda: _characters(pick, pick.randint(9, 14)) + pick.choice("!?$%&") + str(pick.randint(1, 9)),
            "uuid": fake.uuid4,
            "sha": fake.sha1,
            "version": lambda: f"{pick.randint(0, 20)}.{pick.randint(0, 30)}.{pick.randint(0, 99)}",
            "date": lambda: fake.date(),
            "order": lambda: str(pick.randint(10_000_000, 99_999_999)),
            "company": fake.company,
            **{name: partial(self._unmeasured, name) for name in UNMEASURED},
            "millis": lambda: str(pick.randint(1_600_000_000_000, 1_900_000_000_000)),
        }


def _grouped(number: str, pick: random.Random) -> str:
    if len(number) != 16 or pick.random() < 0.4:
        return number
    return pick.choice(" -").join(number[at : at + 4] for at in range(0, 16, 4))


def _iban(locale: str, fake: Faker, pick: random.Random) -> str:
    maker = fake
    if locale not in _WITH_IBAN:  # Faker would make one of the wrong length
        maker = Faker("en_GB")
        maker.seed_instance(pick.randint(0, 2**32))
    number = maker.iban()
    return number if pick.random() < 0.5 else " ".join(number[at : at + 4] for at in range(0, len(number), 4))


def _characters(pick: random.Random, count: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    return "".join(pick.choice(alphabet) for _ in range(count))


def _secret(pick: random.Random) -> str:
    hexadecimal = "0123456789abcdef"
    makers = (
        lambda: "AKIA" + _characters(pick, 16, string.ascii_uppercase + "234567"),
        lambda: "ghp_" + _characters(pick, 36),
        lambda: "sk-ant-api03-" + _characters(pick, 93) + "AA",
        lambda: "sk-proj-" + _characters(pick, 64),
        lambda: f"xoxb-{pick.randint(10**11, 10**12)}-{pick.randint(10**11, 10**12)}-{_characters(pick, 24)}",
        lambda: "sk_live_" + _characters(pick, 24),
        lambda: "glpat-" + _characters(pick, 20),
        lambda: "AIza" + _characters(pick, 35),
        lambda: "npm_" + _characters(pick, 36),
        lambda: "hf_" + _characters(pick, 34, string.ascii_letters),
        lambda: "dop_v1_" + _characters(pick, 64, hexadecimal),
        lambda: f"eyJhbGciOiJIUzI1NiJ9.eyJ{_characters(pick, 40)}.{_characters(pick, 43)}",
    )
    return pick.choice(makers)()


def _hex(pick: random.Random) -> str:
    return f"{pick.randint(1, 0xFFFF):x}"
