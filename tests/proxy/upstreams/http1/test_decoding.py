"""An upstream that compresses although it was asked not to is read all the same."""

import asyncio
import zlib
from collections.abc import AsyncIterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.upstreams.http1.connection import PIECE_BYTES
from proxy.upstreams.http1.decoding import Decoder


class Pieces(httpx.AsyncByteStream):
    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces
        self.is_closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece

    async def aclose(self) -> None:
        self.is_closed = True


def packed(plain: bytes, window: int) -> bytes:
    packer = zlib.compressobj(wbits=window)
    return packer.compress(plain) + packer.flush()


async def plain_of(pieces: list[bytes], encoding: bytes) -> list[bytes]:
    return [piece async for piece in Decoder(Pieces(pieces), encoding)]


@given(
    st.binary(max_size=2000),
    st.integers(1, 50),
    st.sampled_from([(b"gzip", 31), (b"x-gzip", 31), (b"deflate", 15)]),
)
def test_any_cut_of_the_packed_bytes_unpacks_to_the_same(plain: bytes, size: int, kind: tuple[bytes, int]) -> None:
    encoding, window = kind
    text = packed(plain, window)
    pieces = [text[place : place + size] for place in range(0, len(text), size)]
    assert b"".join(asyncio.run(plain_of(pieces, encoding))) == plain


async def test_a_small_piece_that_unpacks_to_much_comes_in_bounded_pieces() -> None:
    bomb = packed(b"\0" * 10_000_000, 31)
    pieces = await plain_of([bomb], b"gzip")
    assert sum(map(len, pieces)) == 10_000_000
    assert max(map(len, pieces)) <= PIECE_BYTES


async def test_packed_bytes_that_break_off_are_an_error() -> None:
    with pytest.raises(httpx.ReadError):
        await plain_of([packed(b"hello" * 100, 31)[:-5]], b"gzip")


@pytest.mark.parametrize(("encoding", "text"), [(b"gzip", b"not packed"), (b"br", b"\x0b\x02\x80hello\x03")])
async def test_what_cannot_be_unpacked_is_an_error(encoding: bytes, text: bytes) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        await plain_of([text], encoding)


async def test_closing_it_closes_what_it_reads_from() -> None:
    source = Pieces([])
    await Decoder(source, b"gzip").aclose()
    assert source.is_closed
