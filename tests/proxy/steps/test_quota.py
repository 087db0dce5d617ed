"""What budgets refuse, what they lower, and what they say. How they are kept: tests/proxy/ledger/test_budgets.py."""

import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from proxy.call import Budget, Degrading
from proxy.ledger import prices
from proxy.ledger.budgets.accounts import AccountsDown
from proxy.ledger.budgets.need import Need
from proxy.ledger.budgets.reserving import Reserved, Standing
from proxy.ledger.budgets.watching import Watcher
from tests.proxy import build
from tests.proxy.running import Gateway, running
from tests.proxy.test_directory import in_place

KEY, TENANT = uuid4(), uuid4()
USD = 1_000_000_000
PRICES = prices.PriceBook(
    [
        prices.Rate(model, datetime(2026, 1, 1, tzinfo=UTC), 0, prices.Quote(1, False, *[dollars * USD] * 5))
        for model, dollars in (("claude-opus-5", 5), ("claude-haiku-4-5", 1))
    ]
)
ASKED = {**build.HELLO, "max_tokens": 32_000}


class Accounts:
    """Answers as told, and keeps what it was asked."""

    def __init__(self) -> None:
        self.watcher = Watcher(in_place)
        self.output_tokens: int | None = None
        self.spent = 0
        self.held = 0
        self.is_short = False
        self.is_down = False
        self.ends_at: datetime | None = datetime.now(UTC) + timedelta(hours=1)
        self.needs: list[Need] = []

    async def reserve(
        self, _call: str, budgets: Sequence[Budget], _zone: str, _at: datetime, need: Need, **more: Any
    ) -> Reserved:
        if self.is_down:
            raise AccountsDown
        standings = [Standing(budget, self.spent, self.held, self.ends_at) for budget in budgets]
        if more["degrade"] is not None:
            need = more["degrade"](standings)
        self.needs.append(need)
        output = need.most_output if self.output_tokens is None else self.output_tokens
        return Reserved(output, standings, standings[0] if self.is_short else None)


class Upstream(httpx.AsyncBaseTransport):
    """Keeps the bodies that reach it."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.bodies.append(await request.aread())
        usage = {"input_tokens": 1, "output_tokens": 1}
        headers = {"anthropic-ratelimit-unified-status": "theirs"}
        return httpx.Response(200, json={"type": "message", "content": [], "usage": usage}, headers=headers)


@pytest.fixture
def accounts() -> Accounts:
    return Accounts()


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture
async def gateway(tmp_path: Path, accounts: Accounts, upstream: Upstream) -> AsyncIterator[Gateway]:
    async with running(tmp_path, transport=upstream, accounts=accounts) as made:
        yield made


def budget(amount: int, unit: str = "usd", *, period: str = "month", owner: UUID = KEY, blocks: bool = True) -> Budget:
    return Budget(owner, unit, period, amount, blocks)


def degrading(*steps: Degrading, blocks: bool = True) -> Budget:
    return Budget(KEY, "usd", "month", 20 * USD, blocks, steps)


def allow(gateway: Gateway, *budgets: Budget) -> None:
    own = [one for one in budgets if one.owner_id == KEY]
    others = [one for one in budgets if one.owner_id != KEY]
    gateway.admit(build.caller(key_id=KEY, tenant_id=TENANT, budgets=own, tenant_budgets=others))


async def test_without_budgets_nobody_is_asked_and_nothing_is_said(gateway: Gateway, accounts: Accounts) -> None:
    answer = await gateway.ask(ASKED)
    assert answer.status == 200 and accounts.needs == []
    assert answer.headers["anthropic-ratelimit-unified-status"] == "theirs"


async def test_a_budget_with_room_changes_no_byte(gateway: Gateway, accounts: Accounts, upstream: Upstream) -> None:
    allow(gateway, budget(20 * USD))
    raw = b'{"model": "claude-sonnet-5-5","max_tokens":7, "messages":[{"role":"user","content":"h"}], "x":1.0}'
    answer = await gateway.ask(raw)
    assert upstream.bodies == [raw]
    assert "x-llmp-max-tokens" not in answer.headers
    assert accounts.needs[0].most_output == accounts.needs[0].least_output == 7


async def test_max_tokens_is_lowered_alone_and_a_header_says_so(
    gateway: Gateway, accounts: Accounts, upstream: Upstream
) -> None:
    allow(gateway, budget(20 * USD))
    accounts.output_tokens = 900
    raw = b'{"model": "claude-sonnet-5-5", "max_tokens" :32000, "messages":[{"role":"user","content":"h"}], "x":1.0}'
    answer = await gateway.ask(raw)
    assert upstream.bodies == [raw.replace(b"32000", b"900")]
    assert answer.headers["x-llmp-max-tokens"] == "900"


@pytest.mark.parametrize(("thinking", "becomes"), [(16_000, 2000), (3999, 3999), (4000, 2000)])
async def test_a_thinking_budget_is_lowered_where_it_would_not_fit(
    gateway: Gateway, accounts: Accounts, upstream: Upstream, thinking: int, becomes: int
) -> None:
    allow(gateway, budget(20 * USD))
    accounts.output_tokens = 4000
    await gateway.ask({**ASKED, "thinking": {"type": "enabled", "budget_tokens": thinking}})
    sent = json.loads(upstream.bodies[0])
    assert (sent["max_tokens"], sent["thinking"]["budget_tokens"]) == (4000, becomes)
    assert accounts.needs[0].least_output == 2048


async def test_what_may_be_written_to_a_cache_is_reserved_at_that_price(gateway: Gateway, accounts: Accounts) -> None:
    allow(gateway, budget(20 * USD))
    for control in (None, {"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"}):
        block: dict[str, Any] = {"type": "text", "text": "x" * 5000}
        if control:
            block["cache_control"] = control
        await gateway.ask({**build.HELLO, "messages": [{"role": "user", "content": [block]}]})
    reserved_at = [need.input_nano for need in accounts.needs]
    assert reserved_at == [5 * USD, 6_250_000_000, 10 * USD]
    assert all(need.input_tokens > 2500 for need in accounts.needs)


async def test_a_spent_budget_is_told_in_words_and_in_headers(
    gateway: Gateway, accounts: Accounts, upstream: Upstream
) -> None:
    allow(gateway, budget(20 * USD, period="day"))
    accounts.spent, accounts.is_short = 20 * USD, True
    answer = await gateway.ask(ASKED)
    assert answer.status == 429 and upstream.bodies == []
    error = answer.json()["error"]
    assert error["type"] == "billing_error"
    assert error["message"].startswith("This key has used its $20 for today. It resets on ")
    assert error["message"].endswith(" UTC. Ask whoever manages your keys for more.")
    assert answer.headers["x-should-retry"] == "false"
    assert 3500 < int(answer.headers["retry-after"]) <= 3600
    assert answer.headers["anthropic-ratelimit-unified-status"] == "rejected"
    assert answer.headers["anthropic-ratelimit-unified-5h-utilization"] == "1.0000"
    record = gateway.records()[-1]
    assert (record["state"], record["error_type"]) == ("refused", "billing_error")


async def test_a_budget_with_too_little_left_says_how_much_and_what_is_held(
    gateway: Gateway, accounts: Accounts
) -> None:
    allow(gateway, budget(1000, "tokens", owner=TENANT, period="total"))
    accounts.spent, accounts.held, accounts.is_short, accounts.ends_at = 600, 300, True, None
    answer = await gateway.ask(ASKED)
    message = answer.json()["error"]["message"]
    assert message.startswith("The tenant acme has 100 tokens left of its 1,000 tokens in total; this request may use ")
    assert "Requests under way hold 300 tokens until they end. It does not reset by itself." in message
    assert "retry-after" not in answer.headers


@pytest.mark.parametrize(("spent", "status"), [(5, "allowed"), (15, "allowed_warning"), (19, "allowed_warning")])
async def test_the_tightest_budgets_use_is_where_claude_code_looks(
    gateway: Gateway, accounts: Accounts, spent: int, status: str
) -> None:
    allow(gateway, budget(20 * USD), budget(100 * USD, owner=TENANT, period="hour"))
    accounts.spent = spent * USD
    headers = (await gateway.ask(ASKED)).headers
    assert headers["anthropic-ratelimit-unified-status"] == status
    assert headers["anthropic-ratelimit-unified-representative-claim"] == "seven_day"
    assert headers["anthropic-ratelimit-unified-7d-utilization"] == f"{spent / 20:.4f}"
    assert int(headers["anthropic-ratelimit-unified-reset"]) > 0


async def test_a_budget_that_only_warns_shows_no_block(gateway: Gateway, accounts: Accounts) -> None:
    allow(gateway, budget(20 * USD, blocks=False))
    accounts.spent = 30 * USD
    answer = await gateway.ask(ASKED)
    assert answer.status == 200
    assert answer.headers["x-llmp-budget-warning"].startswith("$20 for ")
    assert not [name for name in answer.headers if name.startswith("anthropic-ratelimit-unified")]


async def test_counting_tokens_is_never_blocked(gateway: Gateway, accounts: Accounts) -> None:
    allow(gateway, budget(1))
    accounts.is_short = True
    counted = {key: value for key, value in build.HELLO.items() if key != "max_tokens"}
    assert (await gateway.ask(counted, path="/v1/messages/count_tokens")).status == 200
    assert accounts.needs == []


async def test_a_dry_run_reserves_nothing(gateway: Gateway, accounts: Accounts) -> None:
    allow(gateway, budget(1))
    assert (await gateway.ask(ASKED, headers=[(b"x-llmp-dry-run", b"true")])).status == 200
    assert accounts.needs == []


async def test_what_cannot_be_reserved_is_not_sent(gateway: Gateway, accounts: Accounts, upstream: Upstream) -> None:
    allow(gateway, budget(20 * USD))
    accounts.is_down = True
    answer = await gateway.ask(ASKED)
    assert answer.status == 503 and answer.headers["retry-after"]
    assert upstream.bodies == []


CHEAPER = Degrading(80, model="claude-haiku-4-5")
BRIEFER = Degrading(90, max_tokens=1000)


@pytest.mark.parametrize(
    ("spent", "model", "max_tokens", "said"),
    [
        (15, "claude-opus-5", 32_000, None),
        (16, "claude-haiku-4-5", 32_000, "model=claude-haiku-4-5"),
        (18, "claude-haiku-4-5", 1000, "model=claude-haiku-4-5, max_tokens=1000"),
    ],
)
async def test_a_budget_degrades_step_by_step_and_a_header_and_the_trace_say_so(
    gateway: Gateway, accounts: Accounts, upstream: Upstream, spent: int, model: str, max_tokens: int, said: str | None
) -> None:
    allow(gateway, degrading(CHEAPER, BRIEFER))
    gateway.runtime.directory.prices = PRICES
    accounts.spent = spent * USD
    answer = await gateway.ask({**ASKED, "model": "claude-opus-5"})
    sent = json.loads(upstream.bodies[0])
    assert (sent["model"], sent["max_tokens"]) == (model, max_tokens)
    assert answer.headers.get("x-llmp-degraded") == said
    assert answer.headers["x-llmp-model"] == model
    record = gateway.records()[-1]
    assert (record["model_asked"], record["model_served"]) == ("claude-opus-5", model)
    [noted] = [step for step in record["trace"] if step["step"] == "quota"]
    assert bool(noted.get("degraded")) == bool(said)


async def test_what_is_asked_for_is_not_made_dearer_by_degrading(gateway: Gateway, upstream: Upstream) -> None:
    allow(gateway, degrading(Degrading(1, model="claude-opus-5")))
    gateway.runtime.directory.prices = PRICES
    gateway.runtime.accounts.spent = 10 * USD  # type: ignore[attr-defined]
    await gateway.ask({**ASKED, "model": "claude-haiku-4-5"})
    assert json.loads(upstream.bodies[0])["model"] == "claude-haiku-4-5"


async def test_a_cheaper_model_that_nobody_serves_takes_no_call_over(
    gateway: Gateway, accounts: Accounts, upstream: Upstream
) -> None:
    only = build.upstream(models=["claude-opus-*"])
    gateway.admit(build.caller(key_id=KEY, budgets=[degrading(CHEAPER)], upstreams=[only]))
    gateway.runtime.directory.prices = PRICES
    accounts.spent = 19 * USD
    answer = await gateway.ask({**ASKED, "model": "claude-opus-5"})
    assert answer.status == 200 and json.loads(upstream.bodies[0])["model"] == "claude-opus-5"


async def test_a_bound_leaves_room_to_think(gateway: Gateway, accounts: Accounts, upstream: Upstream) -> None:
    allow(gateway, degrading(BRIEFER))
    accounts.spent = 19 * USD
    await gateway.ask({**ASKED, "thinking": {"type": "enabled", "budget_tokens": 16_000}})
    sent = json.loads(upstream.bodies[0])
    assert (sent["max_tokens"], sent["thinking"]["budget_tokens"]) == (2048, 1024)


async def test_both_windows_are_told_with_the_threshold_that_is_passed(gateway: Gateway, accounts: Accounts) -> None:
    allow(gateway, budget(20 * USD), budget(20 * USD, owner=TENANT, period="hour"))
    for spent, status, passed in (
        (10, "allowed", None),
        (15, "allowed_warning", "0.75"),
        (19, "allowed_warning", "0.95"),
    ):
        accounts.spent = spent * USD
        headers = (await gateway.ask(ASKED)).headers
        for window in ("5h", "7d"):
            assert headers[f"anthropic-ratelimit-unified-{window}-status"] == status
            assert headers[f"anthropic-ratelimit-unified-{window}-utilization"] == f"{spent / 20:.4f}"
            assert headers.get(f"anthropic-ratelimit-unified-{window}-surpassed-threshold") == passed
            assert int(headers[f"anthropic-ratelimit-unified-{window}-reset"]) > 0
