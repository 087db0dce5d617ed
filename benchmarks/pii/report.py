"""The figures as Markdown tables, as docs/privacy.md has them."""

from collections.abc import Iterable, Mapping, Sequence

from benchmarks.pii import negatives, scoring
from benchmarks.pii.scoring import Counts, Outcome

_STRUCTURED = (
    "CREDIT_CARD", "EMAIL_ADDRESS", "IBAN_CODE", "IP_ADDRESS", "PHONE_NUMBER", "SECRET", "US_SSN",
)  # fmt: skip


def corpus(name: str, compared: Mapping[str, Sequence[Outcome]]) -> str:
    """Systems side by side, then ours by type and by locale."""
    ours = compared["ours"]
    labels = sum(counts.found + counts.missed for counts in scoring.by_type(ours).values())
    lines = [
        f"### {name}: {len(ours)} texts, {labels} labels",
        "",
        *_systems(compared),
        "",
        *_types(ours),
        "",
        *_locales(compared),
    ]
    return "\n".join(lines) + "\n"


def _systems(compared: Mapping[str, Sequence[Outcome]]) -> list[str]:
    lines = [
        "| system | precision | recall | F1 | F2 | names: recall | structured: recall | characters leaked |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, outcomes in compared.items():
        every, names, forms = (scoring.total(outcomes, types) for types in (None, ("PERSON",), _STRUCTURED))
        low, high = scoring.bootstrap(outcomes, lambda drawn: scoring.total(drawn).f(2))
        lines.append(
            f"| {name} | {_precision(every)} | {_recall(every)} | {every.f(1):.3f}"
            f" | {every.f(2):.3f} ({low:.3f}–{high:.3f})"
            f" | {_recall(names)} | {_recall(forms)} | {scoring.leaked(outcomes):.1%} |"
        )
    return lines


def _types(outcomes: Sequence[Outcome]) -> list[str]:
    lines = ["| type | labels | precision | recall | F1 | F2 |", "|---|---|---|---|---|---|"]
    counted = scoring.by_type(outcomes)
    structured = scoring.total(outcomes, _STRUCTURED)
    for name, counts in [*counted.items(), ("all with a form", structured)]:
        lines.append(
            f"| {name} | {counts.found + counts.missed} | {_precision(counts)} | {_recall(counts)} | {counts.f(1):.3f}"
            f" | {counts.f(2):.3f} |"
        )
    return lines


def _locales(compared: Mapping[str, Sequence[Outcome]]) -> list[str]:
    lines = [f"| names by locale | labels | {' | '.join(f'{name}: P / R' for name in compared)} |"]
    lines.append("|---" * (len(compared) + 2) + "|")
    for locale in dict.fromkeys(one.text.locale for one in compared["ours"]):
        cells = [
            scoring.total([one for one in outcomes if one.text.locale == locale], ("PERSON",))
            for outcomes in compared.values()
        ]
        figures = " | ".join(f"{cell.precision:.3f} / {_recall(cell)}" for cell in cells)
        lines.append(f"| {locale} | {cells[0].found + cells[0].missed} | {figures} |")
    return lines


def negative(rows: Mapping[str, Mapping[str, Sequence[str]]], sizes: Mapping[str, int], true: Iterable[str]) -> str:
    """Findings where there should be none, per 10 KB; ours also without those that are true."""
    known = frozenset(true)
    systems = list(next(iter(rows.values())))
    others = " | ".join(f"{name}: findings per 10 KB" for name in systems[1:])
    lines = [
        "### text in which nothing is to be found",
        "",
        f"| text | KB | ours: false per 10 KB | of findings | {others} |",
        "|---" * (len(systems) + 3) + "|",
    ]
    unknown = []
    for kind, found in rows.items():
        false = [value for value in found["ours"] if negatives.digest(value) not in known]
        unknown += [f"{kind}: {value!r}" for value in false]
        others = " | ".join(f"{10_000 * len(found[name]) / sizes[kind]:.1f}" for name in systems[1:])
        rate = 10_000 * len(false) / sizes[kind]
        lines.append(f"| {kind} | {sizes[kind] // 1000} | {rate:.2f} | {len(found['ours'])} | {others} |")
    return "\n".join([*lines, "", "False:", *unknown, ""])


def mistakes(outcomes: Sequence[Outcome], most: int) -> str:
    """What was missed or wrong, to learn from: of the tuned corpus only."""
    return "\n".join(f"{count} × {mistake}" for mistake, count in scoring.commonest(outcomes, most))


def _precision(counts: Counts) -> str:
    return _share(counts.right, counts.right + counts.wrong) if counts.right + counts.wrong else "–"


def _recall(counts: Counts) -> str:
    return _share(counts.found, counts.found + counts.missed)


def _share(part: int, whole: int) -> str:
    low, high = scoring.wilson(part, whole)
    return f"{part / max(1, whole):.3f} ({low:.3f}–{high:.3f})"
