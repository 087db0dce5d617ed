"""Bodies that an upstream sends compressed although it was asked not to."""

import zlib
from collections import deque
from collections.abc import AsyncIterator

import httpx

from proxy.upstreams.http1.connection import PIECE_BYTES

_WINDOWS = {b"gzip": 16 + zlib.MAX_WBITS, b"x-gzip": 16 + zlib.MAX_WBITS, b"deflate": zlib.MAX_WBITS}


class Decoder(httpx.AsyncByteStream):
    """The plain bytes of an encoded stream, in bounded pieces however much a small one unpacks to."""

    def __init__(self, encoded: httpx.AsyncByteStream, encoding: bytes) -> None:
        self._encoded = encoded
        self._pieces = encoded.__aiter__()
        self._encoding = encoding
        window = _WINDOWS.get(encoding)
        self._unpacker = None if window is None else zlib.decompressobj(window)
        self._packed: deque[bytes] = deque()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._unpacker is None:
            raise httpx.RemoteProtocolError("the upstream's answer is encoded in a way nobody asked for")
        while True:
            packed = self._packed.popleft() if self._packed else await self._next()
            try:
                plain = self._unpacker.decompress(packed, PIECE_BYTES)
            except zlib.error:
                raise httpx.RemoteProtocolError("the upstream's answer cannot be unpacked") from None
            if self._unpacker.unconsumed_tail:
                self._packed.appendleft(self._unpacker.unconsumed_tail)
            if plain:
                return plain

    async def _next(self) -> bytes:
        try:
            return await self._pieces.__anext__()
        except StopAsyncIteration:
            if self._unpacker is not None and not self._unpacker.eof:
                raise httpx.ReadError("the encoded answer breaks off") from None
            raise

    async def aclose(self) -> None:
        """Close what is read from."""
        await self._encoded.aclose()
