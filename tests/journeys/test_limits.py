"""Rate limits from the file to the wire: they hold, they say so, and a change counts within a second."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.journeys import asking
from tests.journeys.server import Server, serving


def test_a_limit_in_the_file_holds_and_its_change_counts_within_a_second(server: Server) -> None:
    key = server.tenant("limited", keys=[{"name": "ci", "limits": {"rpm": 3}}])
    answers = [asking.ask(server.url, key) for _ in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429]
    assert answers[0].headers["anthropic-ratelimit-requests-remaining"] == "2"
    assert "This key's limit of 3 requests a minute" in answers[-1].json()["error"]["message"]

    server.apply({"slug": "limited", "keys": [{"name": "ci", "limits": None}]})
    time.sleep(1)
    assert asking.ask(server.url, key).status == 200

    server.apply({"slug": "limited", "limits": {"rpm": 1}})
    time.sleep(1)
    answers = [asking.ask(server.url, key) for _ in range(2)]
    assert [answer.status for answer in answers] == [200, 429]
    assert "The tenant limited's limit" in answers[-1].json()["error"]["message"]


@pytest.mark.slow
@pytest.mark.parametrize("shared_by", ["file", "redis"])
def test_several_workers_together_keep_to_one_limit(
    shared_by: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    settings = {"REDIS_URL": request.getfixturevalue("redis_url")} if shared_by == "redis" else {}
    with serving(tmp_path, "--workers", "3", **settings) as several:
        key = several.tenant("acme", keys=[{"name": "ci", "limits": {"rpm": 20}}])
        began = time.monotonic()
        with ThreadPoolExecutor(20) as threads:
            statuses = list(threads.map(lambda _: asking.ask(several.url, key).status, range(60)))
        refilled = (time.monotonic() - began) * 20 / 60
    assert set(statuses) == {200, 429}
    assert 20 <= statuses.count(200) <= 20 + refilled
