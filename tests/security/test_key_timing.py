"""Whether a key exists cannot be told from how long its refusal takes."""

import random
import time
from pathlib import Path

import pytest

from proxy import auth
from proxy.auth import Keys
from proxy.errors import NotAuthenticated
from tenants import keys
from tests.proxy import build
from tests.proxy.running import running
from tests.proxy.test_directory import FakeSource

pytestmark = pytest.mark.slow

_EACH = 2000


def chance_of_telling(first: list[int], second: list[int]) -> float:
    """How often one of `first` took longer than one of `second`: 0.5 is a guess, 0 or 1 certainty."""
    ranked = sorted([(took, 0) for took in first] + [(took, 1) for took in second])
    ranks = sum(rank for rank, (_took, kind) in enumerate(ranked, start=1) if kind == 0)
    return (ranks - len(first) * (len(first) + 1) / 2) / (len(first) * len(second))


@pytest.mark.parametrize("kept", ["revoked", "expired"])
async def test_a_key_that_was_one_and_one_that_never_was_take_as_long(tmp_path: Path, kept: str) -> None:
    """Asked in a random order, so that whatever else the machine does falls upon both alike."""
    was, never = keys.make(), keys.make()
    checked = Keys(keys.is_well_formed, keys.digests)
    caller = build.caller(is_revoked=kept == "revoked", expires_at=None if kept == "revoked" else auth.now())
    async with running(tmp_path) as gateway:
        directory = gateway.runtime.directory
        source = directory._source
        assert isinstance(source, FakeSource)
        source.callers[keys.digests(was)[0][1]] = caller
        took: dict[str, list[int]] = {was: [], never: []}
        order = [was, never] * _EACH
        random.Random(1).shuffle(order)
        for secret in order:
            inbound = build.inbound(headers=[(b"x-api-key", secret.encode())])
            started = time.perf_counter_ns()
            with pytest.raises(NotAuthenticated, match="^invalid x-api-key$"):
                await auth.authenticate(inbound, directory, checked, scope="messages", at=auth.now())
            took[secret].append(time.perf_counter_ns() - started)
    assert 0.3 < chance_of_telling(took[was], took[never]) < 0.7
