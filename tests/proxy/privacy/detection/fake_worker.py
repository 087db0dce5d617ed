"""A worker that does as it is told by the text: echoes, dies, hangs, refuses."""

import os
import sys
import time

from proxy.privacy.detection import frames
from proxy.privacy.findings import Finding


def main() -> None:
    if "--never-ready" in sys.argv:
        sys.exit(3)
    inbox, outbox = sys.stdin.buffer, sys.stdout.buffer
    outbox.write(frames.framed("ready"))
    outbox.flush()
    while (value := frames.read(inbox)) is not None:
        outbox.write(_answer(frames.job(value)))
        outbox.flush()


def _answer(job: frames.Job) -> bytes:
    if job.text.startswith("die"):
        os._exit(9)
    if job.text.startswith("hang"):
        time.sleep(600)
    if job.text.startswith("refuse"):
        return frames.framed("No such pattern.")
    if job.text.startswith("slow"):
        time.sleep(0.3)
    return frames.answer([Finding(0, len(job.text), f"PID_{os.getpid()}", 1.0)])


if __name__ == "__main__":
    main()
