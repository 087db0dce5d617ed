"""Prints how well detection finds, beside plain Presidio: `make eval-pii`, a part of it with `EVAL="--each 1"`."""

import argparse
from collections.abc import Mapping, Sequence

from benchmarks.pii import claude_code, fill, held_out, negatives, others, people, report, scoring, systems, tuned
from tests.journeys.clients import installs

_SEEDS = {"tuned": 11, "held out": 2024, "hard": 77, "others, tuned": 55, "others, held out": 4711}


def main() -> None:
    """Four labelled corpora and the text in which nothing is to be found."""
    options = argparse.ArgumentParser(prog="make eval-pii")
    options.add_argument("--each", type=int, default=3, help="texts of each template and locale")
    options.add_argument("--seed", type=int, default=0, help="other people in the same templates")
    options.add_argument("--negative-bytes", type=int, default=100_000, help="of each kind")
    options.add_argument("--mistakes", type=int, default=0, help="how many mistakes of the tuned corpus to show")
    options.add_argument("--only", choices=[*_SEEDS, "negative"], help="one part")
    arguments = options.parse_args()
    compared = {"ours": systems.ours(), **systems.presidio()}
    corpora = {
        "tuned": (tuned.TEMPLATES, people.TUNED_LOCALES),
        "held out": (held_out.TEMPLATES, people.HELD_OUT_LOCALES),
        "hard": (held_out.TEMPLATES, people.HARD_LOCALES),
        "others, tuned": (others.templates(held_out=False), people.TUNED_LOCALES),
        "others, held out": (others.templates(held_out=True), people.HELD_OUT_LOCALES),
    }
    for name, (templates, locales) in corpora.items():
        if arguments.only not in (None, name):
            continue
        texts = fill.corpus(templates, locales, each=arguments.each, seed=_SEEDS[name] + arguments.seed)
        outcomes = {
            system: [scoring.compare(text, find(text.text)) for text in texts] for system, find in compared.items()
        }
        print(report.corpus(name, outcomes))
        if name == "tuned":
            print(report.mistakes(outcomes["ours"], arguments.mistakes))
    if arguments.only in (None, "negative"):
        print(_negative(compared, arguments.negative_bytes))


def _negative(compared: Mapping[str, systems.System], size: int) -> str:
    texts = [(kind, text) for kind, _, text in negatives.texts(size)]
    try:
        texts += [("Claude Code's own prompt and tools", text) for text in claude_code.texts(claude_code.request())]
    except installs.Missing as missing:
        print(f"Claude Code's own prompt is left out: {missing}")
    rows: dict[str, dict[str, Sequence[str]]] = {}
    for system, find in compared.items():
        for kind, text in texts:
            values = [text[one.start : one.end] for one in find(text)]
            rows.setdefault(kind, {}).setdefault(system, [])
            rows[kind][system] = [*rows[kind][system], *values]
    sizes: dict[str, int] = {}
    for kind, text in texts:
        sizes[kind] = sizes.get(kind, 0) + len(text)
    return report.negative(rows, sizes, negatives.true_values())


if __name__ == "__main__":
    main()
