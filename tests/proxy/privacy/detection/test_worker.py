"""The real worker, with every way to a network closed."""

import io
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from proxy.privacy.detection import frames
from proxy.privacy.detection.frames import Job
from proxy.privacy.rules import CustomRecogniser

# Sockets of any kind end the process: nothing of Presidio, tldextract or the tokenizer may try.
_WITHOUT_NETWORK = (
    "import sys, os\n"
    "ways = ('socket.connect', 'socket.getaddrinfo', 'socket.gethostbyname', 'socket.sendto', 'socket.sendmsg')\n"
    "sys.addaudithook(lambda event, args: event in ways and os._exit(77))\n"
    "from proxy.privacy.detection import worker\n"
    "worker.main()"
)
JOBS = [
    Job("mail ada@example.co.uk or «ünï» +1 415 555 0132", False),
    Job("Hi, I'm Priya Raghunathan", True),
    Job("see EMP-12345 in BLUEBIRD", False, (CustomRecogniser("EMPLOYEE", r"EMP-\d{5}", 0.9),), ("bluebird",)),
    Job("x", False, (CustomRecogniser("BROKEN", r"(?=x)", 0.9),)),
    Job("lone \ud800 surrogate, bob@example.com", False),
]


@pytest.mark.slow
def test_it_answers_each_job_in_order_without_a_network_and_ends_with_its_input() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT_NETWORK],
        input=b"".join(job.packed() for job in JOBS),
        capture_output=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr == b""
    ready, *answers = list(_values(done.stdout))
    assert ready == "ready"
    found = [{(one[2], job.text[one[0] : one[1]]) for one in answers[at]} for at, job in enumerate(JOBS[:3])]
    assert {("EMAIL_ADDRESS", "ada@example.co.uk"), ("PHONE_NUMBER", "+1 415 555 0132")} <= found[0]
    assert found[1:] == [{("PERSON", "Priya Raghunathan")}, {("EMPLOYEE", "EMP-12345"), ("TERM", "BLUEBIRD")}]
    assert "not one of RE2's" in answers[3]
    assert answers[4] == [[18, 33, "EMAIL_ADDRESS", 0.9]]


def _values(output: bytes) -> Iterator[Any]:
    stream = io.BytesIO(output)
    while (value := frames.read(stream)) is not None:
        yield value
