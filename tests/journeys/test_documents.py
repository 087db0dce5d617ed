"""A tenant's documents answer its clients: cited by place, the same again in each turn, for nobody else."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.journeys import asking
from tests.journeys.clients import installs
from tests.journeys.clients.driver import Driver
from tests.journeys.clients.wire import Wire
from tests.journeys.server import Server
from tests.proxy.knowledge import files

SDKS = [*(f"python-{v}" for v in installs.PYTHON_SDKS), *(f"typescript-{v}" for v in installs.TYPESCRIPT_SDKS)]
MODEL = "claude-sonnet-5-5"
TRAVEL = "Journeys by train are booked by the travel office, never by yourself."
LEAVE = "Every employee has thirty days of paid holiday in each calendar year."
SECRET = "Globex pays its directors in gold."
QUESTION = "How many days of paid holiday does an employee have in a year?"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def keys(server: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Two tenants with a handbook each; the keys' secrets."""
    tenants: list[dict[str, Any]] = [
        {
            "slug": slug,
            "upstreams": [{"name": "main", "kind": "simulator"}],
            "rag": {"collections": [{"name": "handbook"}], "inject": {"collections": ["handbook"], "top_k": 1}},
            "keys": [{"name": "ci"}],
        }
        for slug in ("readers", "strangers")
    ]
    tenants[0]["rag"]["collections"].append({"name": "rules", "keys": ["nobody-*"]})
    secrets = server.apply(*tenants)
    folder = tmp_path_factory.mktemp("documents")
    for slug, pages in (("readers", (TRAVEL, LEAVE)), ("strangers", (SECRET,))):
        (folder / slug).mkdir()
        (folder / slug / "handbook.pdf").write_bytes(files.pdf(*pages))
        server.manage("load_docs", str(folder / slug), "--tenant", slug, "--collection", "handbook", "--here")
    return secrets


@pytest.fixture
def behind(server: Server, keys: dict[str, str], simulator_url: str) -> Iterator[Wire]:
    """What stands between the readers' server and their upstream."""
    with Wire(simulator_url) as listening:
        upstream = {"name": "main", "kind": "anthropic", "base_url": listening.url, "api_key": "sk-ant-far"}
        server.apply({"slug": "readers", "upstreams": [upstream]})
        yield listening
    server.apply({"slug": "readers", "upstreams": [{"name": "main", "kind": "simulator"}]})


def saying(*turns: str, **more: Any) -> dict[str, Any]:
    messages = [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(turns)]
    return {"model": MODEL, "max_tokens": 512, "messages": messages, **more}


@pytest.mark.clients
@pytest.mark.parametrize("verb", ["create", "stream"])
@pytest.mark.parametrize("name", SDKS)
def test_an_sdk_reads_a_citation_of_the_right_document_and_page(
    server: Server, keys: dict[str, str], drivers: Callable[[str], Driver], name: str, verb: str
) -> None:
    sdk = drivers(name)
    client = {"base_url": server.url, "api_key": keys["readers/ci"]}
    given = sdk.do(verb, client, params=saying(f"{QUESTION}\n#simulate cite"), headers={})
    message = given.get("message", given)
    [cited] = [one for block in message["content"] for one in block.get("citations") or ()]
    assert (cited["type"], cited["source"]) == ("search_result_location", "handbook/handbook.pdf#page=2")
    assert (cited["cited_text"], "page 2" in cited["title"]) == (LEAVE, True)


@pytest.mark.clients
@pytest.mark.parametrize("name", SDKS)
def test_an_sdk_sees_one_answer_where_the_model_searches_by_itself(
    server: Server, keys: dict[str, str], behind: Wire, drivers: Callable[[str], Driver], name: str
) -> None:
    sdk = drivers(name)
    client = {"base_url": server.url, "api_key": keys["readers/ci"]}
    headers = {"x-llmp-rag": "tool=on"}
    whole, streamed = (
        sdk.do(verb, client, params=saying(QUESTION), headers=headers)["message"] for verb in ("create", "stream")
    )
    for message in (whole, streamed):
        assert {block["type"] for block in message["content"]} == {"text"}
        assert message["content"][0]["text"] == "Let me look that up."
        [cited] = [one for block in message["content"] for one in block.get("citations") or ()]
        assert (cited["source"], cited["cited_text"]) == ("handbook/handbook.pdf#page=2", LEAVE)
        assert message["stop_reason"] == "end_turn"
    for counted in ("input_tokens", "output_tokens"):
        assert whole["usage"][counted] == streamed["usage"][counted] > 0
    sent = [json.loads(request.body)["messages"] for request in behind.requests]
    assert [len(messages) for messages in sent] == [1, 3, 1, 3] and sent[1][:1] == sent[0]


def test_turns_keep_their_passages_and_the_upstream_sees_one_beginning(
    server: Server, keys: dict[str, str], behind: Wire
) -> None:
    key = keys["readers/ci"]
    said = [QUESTION]
    for question in ("And who books journeys by train?", "Thanks, that is all."):
        answer = asking.ask(server.url, key, saying(*said))
        assert answer.status == 200 and answer.headers["x-llmp-rag"] == "handbook"
        said += [answer.json()["content"][0]["text"], question]
    last = asking.ask(server.url, key, saying(*said))
    assert last.headers["x-llmp-rag-passages"] == "0"
    sent = [json.loads(request.body)["messages"] for request in behind.requests]
    assert [len(messages) for messages in sent] == [1, 3, 5]
    assert sent[1][:1] == sent[0] and sent[2][:3] == sent[1]
    assert [LEAVE in str(sent[2][0]), TRAVEL in str(sent[2][2])] == [True, True]
    assert not any(b"x-llmp" in str(request.headers).encode() for request in behind.requests)


def test_nobody_finds_what_is_another_tenants(server: Server, keys: dict[str, str]) -> None:
    stranger, reader = keys["strangers/ci"], keys["readers/ci"]
    report = asking.ask(
        server.url, stranger, saying(LEAVE), x_llmp_dry_run="true", x_llmp_rag="handbook,min_score=0"
    ).json()
    body = json.dumps(report)
    assert SECRET in body and body.count(LEAVE) == 1, "the question itself, and nothing from the readers' handbook"
    refusals = {
        asking.ask(server.url, key, saying(QUESTION), x_llmp_rag=name).json()["error"]["message"].replace(name, "NAME")
        for key, name in ((stranger, "rules"), (stranger, "ghosts"), (reader, "rules"))
    }
    assert refusals == {"x-llmp-rag: there is no collection 'NAME' that this key may use."}


def test_a_change_of_settings_is_followed_and_counting_asks_nothing(server: Server, keys: dict[str, str]) -> None:
    key = keys["strangers/ci"]
    for inject, is_asked in (({"collections": ["handbook"], "top_k": 2}, True), ({}, False)):
        server.apply({"slug": "strangers", "rag": {"inject": inject}})
        assert _eventually(lambda: "x-llmp-rag" in asking.ask(server.url, key, saying(QUESTION)).headers, is_asked)
        counted = asking.ask(server.url, key, saying(QUESTION), path="/v1/messages/count_tokens")
        assert (counted.status, "x-llmp-rag" in counted.headers) == (200, False)


def _eventually(look: Callable[[], bool], wanted: bool) -> bool:
    """Whether the server does as wanted, once it has heard of a change."""
    give_up_at = time.monotonic() + 10
    while look() != wanted:
        if time.monotonic() > give_up_at:
            return False
    return True
