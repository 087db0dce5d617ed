"""Labelled texts for the detectors (texts/*.toml), in two halves: one that weights are tuned on, one that is held out.

In each family every second text is held out, with everything that is made of it: the text inside a mail, a ticket, a
page or a file, and in the spellings and codes that hide it.
"""

import base64
import codecs
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_TEXTS = Path(__file__).with_name("texts")
_LOOKALIKES = str.maketrans("aceopxyi", "асеорхуі")  # Cyrillic
_LEET = str.maketrans("aeiost", "431057")

Change = Callable[[str], str]
SPELLINGS: Mapping[str, Change] = {
    "as it is": lambda text: text,
    "upper case": str.upper,
    "mixed case": lambda text: "".join(one.upper() if at % 2 else one for at, one in enumerate(text)),
    "zero-width": lambda text: "\u200b".join(text),
    "soft hyphens": lambda text: "\u00ad".join(text),
    "lookalikes": lambda text: text.translate(_LOOKALIKES),
    "full width": lambda text: "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in text),
    "accents": lambda text: "".join(f"{one}\u0301" if one.isalpha() else one for one in text),
    "digits": lambda text: text.translate(_LEET),
    "spaced out": lambda text: " ".join(text.replace(" ", "")),
    "dotted": lambda text: ".".join(text.replace(" ", "")),
    "two spaces": lambda text: text.replace(" ", "  "),
    "line breaks": lambda text: text.replace(" ", "\n"),
}
CODES: Mapping[str, Change] = {
    "spaced, gaps kept": lambda text: "  ".join(" ".join(word) for word in text.split()),
    "base64": lambda text: f"Data: {base64.b64encode(text.encode()).decode()}",
    "hex": lambda text: f"Data: {text.encode().hex()}",
    "rot13": lambda text: codecs.encode(text, "rot13"),
    "backwards": lambda text: text[::-1],
    "URL codes": lambda text: "".join(f"%{one:02x}" for one in text.encode()),
    "Unicode tags": lambda text: "Fine. " + "".join(chr(0xE0000 + ord(one)) for one in text if " " <= one <= "~"),
}
CARRIERS: Mapping[str, str] = {
    "mail": "From: jo@example.com\nSubject: Re: minutes\n\nHi,\n\nthanks for the minutes of Monday, I have two small "
    "corrections on page 3.\n\n{}\n\nBest regards\nJo\n-- \nSent from my phone",
    "ticket": '{{"id": 4711, "title": "Export fails", "state": "open", "labels": ["bug"], "body": "When I export a '
    'report as PDF the last page is missing. {} Steps: open a report, choose export.", "author": "sam"}}',
    "page": "<html><body><nav>Home | Products | About</nav><h1>How to descale a kettle</h1><p>Fill it with water and "
    "vinegar and wait for half an hour.</p>\n<p>{}</p><p>Rinse it twice.</p><footer>Contact</footer></body></html>",
    "file": "# widget\n\nA small library for widgets.\n\n## Install\n\n    pip install widget\n\n{}\n\n## Licence\n\n"
    "MIT, see LICENSE. Contributions are welcome; run the tests before you open a pull request.\n",
}


@dataclass(frozen=True, slots=True)
class Text:
    """One labelled text."""

    family: str
    text: str
    is_held_out: bool


@cache
def texts(kind: str) -> tuple[Text, ...]:
    """All of `prompt_injection`, `jailbreak` or `harmless`."""
    families = tomllib.loads((_TEXTS / f"{kind}.toml").read_text(encoding="utf-8"))
    return tuple(
        Text(family, text, place % 2 == 1) for family, given in families.items() for place, text in enumerate(given)
    )


def half(kind: str, *, held_out: bool) -> list[str]:
    """One half of them."""
    return [one.text for one in texts(kind) if one.is_held_out == held_out]


def carried(text: str) -> Iterator[str]:
    """The text inside others that are harmless."""
    for carrier in CARRIERS.values():
        yield carrier.format(text)
