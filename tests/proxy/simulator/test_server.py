import asyncio
import socket
from collections.abc import AsyncIterator

import httpx
import pytest
import uvicorn
from django.core.management import call_command

from proxy.management.commands import simulator
from proxy.simulator.server import SimulatorServer
from tests.proxy.simulator.asking import VERSION, body, collect, parse

KEY = {**VERSION, "x-api-key": "any"}


@pytest.fixture
async def served() -> AsyncIterator[tuple[uvicorn.Server, httpx.AsyncClient]]:
    """The simulator on a free port of the loopback."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(SimulatorServer(), http="httptools", lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    async with asyncio.timeout(5):
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", headers=KEY) as client:
        yield server, client
    server.should_exit = True
    await serving


async def test_answers_come_whole_and_streamed(served) -> None:
    client = served[1]
    whole = await client.post("/v1/messages?beta=true", json=body())
    streamed = await client.post("/v1/messages?beta=true", json=body(stream=True))
    assert collect(parse(streamed.text))["content"] == whole.json()["content"]
    assert (await client.get("/v1/models?limit=1")).json()["has_more"] is True


async def test_a_credential_is_required(served) -> None:
    response = await served[1].post("/v1/messages", json=body(), headers={"x-api-key": ""})
    assert response.status_code == 401


async def test_a_head_request_has_no_body(served) -> None:
    response = await served[1].head("/")
    assert (response.status_code, response.content) == (404, b"")


@pytest.mark.parametrize("is_streaming", [False, True])
async def test_a_cut_drops_the_connection(served, is_streaming: bool) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        await served[1].post("/v1/messages", json=body("#simulate cut=2", stream=is_streaming))


async def test_a_client_that_leaves_is_not_served_any_longer(served) -> None:
    server, client = served
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await client.post("/v1/messages", json=body("#simulate first_ms=60000", stream=True))
    async with asyncio.timeout(1):
        while server.server_state.tasks:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)


def test_the_command_serves_where_it_is_told(monkeypatch) -> None:
    calls = []
    monkeypatch.setattr(simulator.uvicorn, "run", lambda app, **options: calls.append((app, options)))
    call_command("simulator", "--host", "127.0.0.2", "--port", "8123")
    app, options = calls[0]
    assert isinstance(app, SimulatorServer) and app.requires_key
    assert (options["host"], options["port"], options["http"]) == ("127.0.0.2", 8123, "httptools")
    call_command("simulator", "--no-key")
    assert not calls[1][0].requires_key
