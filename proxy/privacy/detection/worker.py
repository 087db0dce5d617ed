"""One worker process: frames in on standard input, frames out on standard output, until the input ends.

It is told everything with each job and keeps nothing of a text. Starting takes seconds: Presidio is large.
"""

import contextlib
import os
import sys
from functools import cache

from proxy.privacy.detection import frames, linear, scan
from proxy.privacy.detection.names import model
from proxy.privacy.detection.names.recogniser import NameRecognizer
from proxy.privacy.findings import Finding

NICENESS = 5
"""Streams of answers go before searches in new text."""


def main() -> None:
    """Answer jobs in the order they come."""
    os.nice(NICENESS)
    inbox, outbox = sys.stdin.buffer, sys.stdout.buffer
    _warm()
    outbox.write(frames.framed("ready"))
    outbox.flush()
    while (value := frames.read(inbox)) is not None:
        outbox.write(_answered(value))
        outbox.flush()


def _warm() -> None:
    """Load everything before the first job, which would wait for it."""
    scan.scanner((), ())
    with contextlib.suppress(model.ModelMissing):  # said with the job that needs it
        _names().read("Thanks, Jane Doe")


def _answered(value: list[object]) -> bytes:
    try:
        return frames.answer(find(frames.job(value)))
    except (linear.RegexRefused, model.ModelMissing) as error:
        return frames.framed(str(error))


def find(job: frames.Job) -> list[Finding]:
    """What is in the text; findings may overlap. Raises linear.RegexRefused, model.ModelMissing."""
    if not job.is_names:
        return scan.scanner(job.custom, job.deny, job.languages).scan(job.text)
    results = _names().read(job.text)
    return [Finding(found.start, found.end, found.entity_type, found.score) for found in results]


@cache
def _names() -> NameRecognizer:
    return NameRecognizer()


if __name__ == "__main__":
    main()
