"""Tests cannot leave this machine, by any of the usual ways."""

import asyncio
import socket
import urllib.request

import pytest

from tests.network import ConnectionBlocked


def test_a_connection_to_another_machine_is_refused() -> None:
    with socket.socket() as stranger, pytest.raises(ConnectionBlocked, match=r"198\.51\.100\.7"):
        stranger.connect(("198.51.100.7", 443))


async def test_also_from_an_event_loop() -> None:
    with pytest.raises(ConnectionBlocked):
        await asyncio.open_connection("198.51.100.7", 443)


def test_a_name_of_the_internet_is_not_looked_up() -> None:
    with pytest.raises(OSError, match="tests may not look up"):
        urllib.request.urlopen("http://llm.example.com/", timeout=5)


def test_this_machine_can_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(("localhost", server.getsockname()[1]), timeout=5).close()
