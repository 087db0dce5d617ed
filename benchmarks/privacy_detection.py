"""What detection costs by itself: `python -m benchmarks.privacy_detection`. Through the proxy: benchmarks.privacy.

One process does the work of a worker, so that the figures are CPU time of one core, whatever else the machine does.
"""

import resource
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from benchmarks.pii import claude_code, negatives
from proxy.privacy.detection import memo, scan
from proxy.privacy.detection.names import windows
from proxy.privacy.detection.names.recogniser import NameRecognizer
from tests.journeys.clients import installs

_ROUNDS = 2


def main() -> None:
    """CPU milliseconds per KB of each part, on code, documents and Claude Code's own prompt."""
    scanner, names = scan.scanner((), ()), NameRecognizer()
    print("| text | KB | hash | patterns | windows | share read for names | names |\n|---|---|---|---|---|---|---|")
    for kind, texts in _texts().items():
        size = sum(map(len, texts))
        read = sum(end - start for text in texts for start, end in windows.cut(text))
        parts: Iterable[Callable[[str], object]] = (
            lambda text: memo.digest(b"key", b"rules", text),
            scanner.scan,
            lambda text: list(windows.cut(text)),
            lambda text: names.analyze(text, []),
        )
        hashing, patterns, cutting, reading = (_milliseconds(part, texts) * 1000 / size for part in parts)
        print(
            f"| {kind} | {size // 1000} | {hashing:.3f} | {patterns:.2f} | {cutting:.2f} | {read / size:.0%}"
            f" | {reading:.1f} |"
        )
    print(f"\nCPU ms per KB of one core; {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB at most.")


def _texts() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for kind, _, text in negatives.texts(30_000):
        found.setdefault(kind, []).append(text)
    try:
        found["Claude Code's own prompt and tools"] = claude_code.texts(claude_code.request())
    except installs.Missing as missing:
        print(f"Claude Code's own prompt is left out: {missing}\n")
    found["a chat message"] = [(Path(__file__).parent / "pii/tuned.py").read_text()[500:2500]]
    return found


def _milliseconds(part: Callable[[str], object], texts: Iterable[str]) -> float:
    rounds = []
    for _ in range(_ROUNDS):
        started = time.process_time()
        for text in texts:
            part(text)
        rounds.append(time.process_time() - started)
    return min(rounds) * 1000


if __name__ == "__main__":
    main()
