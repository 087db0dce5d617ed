"""A reply's head waits for the first bytes of its body, and never longer than the loop's turn."""

import asyncio
from typing import cast

from proxy.hosting.corking import Corked

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


class Wire:
    """A transport that remembers each write."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.is_closed = False

    def write(self, data: bytes) -> None:
        assert not self.is_closed
        self.written.append(data)

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed


def corked() -> tuple[Corked, Wire]:
    wire = Wire()
    return Corked(cast(asyncio.Transport, wire), asyncio.get_running_loop()), wire


async def test_a_head_and_the_body_right_after_it_are_one_write() -> None:
    transport, wire = corked()
    transport.write(HEAD)
    transport.write(b"body")
    transport.write(b"more")
    assert wire.written == [HEAD + b"body", b"more"]


async def test_a_head_without_a_body_goes_out_in_the_next_turn() -> None:
    transport, wire = corked()
    transport.write(HEAD)
    assert wire.written == []
    await asyncio.sleep(0)
    assert wire.written == [HEAD]


async def test_a_head_that_went_out_with_its_body_is_not_sent_again() -> None:
    transport, wire = corked()
    transport.write(HEAD)
    transport.write(b"body")
    await asyncio.sleep(0)
    assert wire.written == [HEAD + b"body"]


async def test_what_is_kept_back_is_written_before_the_end() -> None:
    transport, wire = corked()
    transport.write(HEAD)
    transport.close()
    assert wire.written == [HEAD]
    assert transport.is_closing()
