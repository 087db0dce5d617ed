"""Templates that somebody else wrote: those of presidio-research, in others.txt as they are (MIT, © Microsoft).

https://github.com/microsoft/presidio-research, presidio_evaluator/data_generator/raw_data/templates.txt
"""

import re
from collections import Counter
from pathlib import Path

_SLOT = re.compile(r"\{\{?([a-z_]+)\}?\}")
_OURS = {
    **dict.fromkeys(("person", "name", "name_female", "name_male"), "name"),
    **dict.fromkeys(("first_name", "first_name_male", "first_name_female", "first_name_nonbinary"), "first"),
    **dict.fromkeys(("last_name", "last_name_male", "last_name_female"), "last"),
    "phone_number": "phone",
    "credit_card_number": "card",
    "ip_address": "ip",
    "organization": "company",
}
_MOST_PEOPLE = 9


def templates(*, held_out: bool) -> dict[str, str]:
    """Every second of them, with slots of ours: nobody looks at the held-out half while writing rules."""
    lines = (Path(__file__).parent / "others.txt").read_text().splitlines()
    half = [(number, line) for number, line in enumerate(lines) if line.strip() and number % 2 == (not held_out)]
    return {f"others:{number}": _with_our_slots(line) for number, line in half}


def _with_our_slots(line: str) -> str:
    seen: Counter[str] = Counter()

    def slot(match: re.Match[str]) -> str:
        name = _OURS.get(match[1], match[1])
        seen[name] += 1
        mark = "" if seen[name] == 1 else str(min(seen[name], _MOST_PEOPLE))
        return f"{{{name}{mark}}}"

    return _SLOT.sub(slot, line.replace("\\n", "\n"))
