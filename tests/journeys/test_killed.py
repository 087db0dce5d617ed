"""A web process killed in the middle of many streams: every call that was started is accounted for, once."""

import json
import os
import random
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.asking import ask, open_request
from tests.journeys.server import serving

_STREAMS = 60
_ROUNDS = 3
_QUICK = {"model": "claude-sonnet-5-5", "max_tokens": 400, "stream": True}
_SHOW = (
    "from proxy.models import UsageRecord as U\n"
    "import json, time\n"
    "for _ in range(100):\n"
    "    if not U.objects.filter(state='started').exists(): break\n"
    "    time.sleep(0.1)\n"
    "rows = U.objects.values_list('id', 'state', 'output_tokens', 'is_usage_estimated', 'input_tokens')\n"
    "print(json.dumps({id: rest for id, *rest in rows}))"
)

pytestmark = pytest.mark.slow


def asked(tokens: int) -> dict[str, Any]:
    text = f"#simulate tokens={tokens} delay_ms=5"
    return {**_QUICK, "max_tokens": tokens + 10, "messages": [{"role": "user", "content": text}]}


class Reader(threading.Thread):
    """Reads one stream as long as it comes; remembers its id and whether it ended."""

    def __init__(self, url: str, key: str, body: dict[str, Any]) -> None:
        super().__init__()
        self._connection = open_request(url, key, body)
        self.seen = b""

    def run(self) -> None:
        with self._connection, suppress(ConnectionError, TimeoutError):
            while piece := self._connection.recv(65536):
                self.seen += piece

    @property
    def request_id(self) -> str:
        """The proxy's id of the call, '' where not even the head came."""
        head = self.seen.partition(b"\r\n\r\n")[0].decode()
        return next((line.split(": ")[1] for line in head.split("\r\n") if line.startswith("x-llmp-request-id")), "")

    @property
    def has_ended(self) -> bool:
        return b"event: message_stop" in self.seen and self.seen.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("round_number", range(_ROUNDS))
def test_every_started_call_is_recorded_once(tmp_path: Path, round_number: int) -> None:
    chance = random.Random(round_number)
    with serving(tmp_path) as server:
        key = server.tenant("acme")
        assert ask(server.url, key).status == 200
        readers = [Reader(server.url, key, asked(chance.choice([5, 60, 2000]))) for _ in range(_STREAMS)]
        for reader in readers:
            reader.start()
        time.sleep(chance.uniform(0.3, 2.0))
        os.killpg(server.process.pid, signal.SIGKILL)
        for reader in readers:
            reader.join()
    with serving(tmp_path, migrate=False) as server:
        records = json.loads(server.manage("shell", "-v0", "-c", _SHOW))
    answered = [reader for reader in readers if reader.request_id]
    assert len(answered) > _STREAMS / 2
    for reader in answered:
        state, output_tokens, is_estimated, _input_tokens = records[reader.request_id]
        assert state == ("completed" if reader.has_ended else state) and state in {"completed", "interrupted"}
        assert output_tokens > 0
        assert is_estimated == (state == "interrupted")
    assert len(records) <= _STREAMS + 1
    assert {state for state, *_rest in records.values()} <= {"completed", "interrupted"}


def test_a_call_killed_while_it_goes_on_after_a_search_has_the_tokens_of_both_rounds(tmp_path: Path) -> None:
    search = {"tool": "search_documents", "input": {"query": "days of leave"}}
    script = json.dumps([search, {"tokens": 2000, "delay_ms": 5}])
    body = {
        **_QUICK,
        "max_tokens": 3000,
        "messages": [{"role": "user", "content": f"Leave?\n#simulate script={script}"}],
    }
    with serving(tmp_path) as server:
        inject = {"collections": ["handbook"], "tool": True}
        key = server.tenant("acme", rag={"collections": [{"name": "handbook"}], "inject": inject})
        reader = Reader(server.url, key, body)
        reader.start()
        give_up_at = time.monotonic() + 30
        while reader.seen.count(b"text_delta") < 300 and time.monotonic() < give_up_at:
            time.sleep(0.05)
        os.killpg(server.process.pid, signal.SIGKILL)
        reader.join()
    with serving(tmp_path, migrate=False) as server:
        records = json.loads(server.manage("shell", "-v0", "-c", _SHOW))
    started = next(line for line in reader.seen.splitlines() if line.startswith(b'data: {"type":"message_start"'))
    first = json.loads(started.removeprefix(b"data: "))["message"]["usage"]["input_tokens"]
    state, output_tokens, is_estimated, input_tokens = records[reader.request_id]
    assert (state, is_estimated) == ("interrupted", True)
    assert input_tokens > 2 * first, "the second prompt holds the first, the call and its result"
    assert output_tokens > 100
