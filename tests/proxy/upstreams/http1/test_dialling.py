"""Where a connection goes: only to addresses that were checked, and under TLS only to who the name says."""

import asyncio
import datetime
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from proxy.upstreams.http1.dialling import Dialler, Origin
from proxy.upstreams.transport import GuardedTransport
from tests.proxy.running import allow_any
from tests.proxy.upstreams.listening import listening

LISTENS, SILENT = "127.0.0.1", "127.0.0.9"


def only_listens(address: str, _host: str) -> None:
    if address != LISTENS:
        raise ValueError(f"{address} is not allowed")


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Names resolve to these addresses, one answer after the other; which names were asked for."""
    asked: list[str] = []
    rest = list(answers)

    async def getaddrinfo(host: str, port: int, **_kinds: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in rest.pop(0)]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    return asked


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async def hold(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with listening(hold) as port:
        yield port


async def test_a_name_that_changes_its_address_is_checked_each_time_it_is_looked_up(
    monkeypatch: pytest.MonkeyPatch, port: int
) -> None:
    dialler = Dialler(only_listens)
    asked = resolving(monkeypatch, [LISTENS], ["169.254.169.254"])
    (await dialler.connect(Origin(False, "rebinding.test", port), 5)).close()
    (await dialler.connect(Origin(False, "rebinding.test", port), 5)).close()
    assert asked == ["rebinding.test"], "the checked address is used, not the name again"
    with pytest.raises(httpx.ConnectError, match=r"169\.254\.169\.254 is not allowed"):
        await Dialler(only_listens).connect(Origin(False, "rebinding.test", port), 5)


async def test_one_forbidden_address_among_many_forbids_the_name(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    resolving(monkeypatch, [LISTENS, "10.0.0.1"])
    with pytest.raises(httpx.ConnectError, match=r"10\.0\.0\.1"):
        await Dialler(only_listens).connect(Origin(False, "two.test", port), 5)


async def test_an_address_that_refuses_is_followed_by_the_next(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    resolving(monkeypatch, [SILENT, LISTENS])
    (await Dialler(allow_any).connect(Origin(False, "two.test", port), 5)).close()


async def test_a_name_nobody_knows_and_a_port_nobody_serves_are_told_apart_from_silence() -> None:
    with socket.socket() as unused:
        unused.bind((LISTENS, 0))
        closed = unused.getsockname()[1]
        with pytest.raises(httpx.ConnectError):
            await Dialler(allow_any).connect(Origin(False, LISTENS, closed), 5)


async def test_a_server_that_never_shakes_hands_is_given_up(port: int) -> None:
    with pytest.raises(httpx.ConnectTimeout):
        await Dialler(allow_any).connect(Origin(True, LISTENS, port), 0.05)


class Certificate:
    """A self-signed certificate for one name, and both sides' view of it."""

    def __init__(self, folder: Path, *, address: str) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "upstream")])
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        pem = folder / "upstream.pem"
        pem.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server.load_cert_chain(pem)
        self.client = ssl.create_default_context(cafile=str(pem))


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.readuntil(b"\r\n\r\n"):
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecret")


async def fetch(transport: GuardedTransport, port: int) -> bytes:
    response = await transport.handle_async_request(httpx.Request("GET", f"https://{LISTENS}:{port}/"))
    try:
        return await response.aread()
    finally:
        await response.aclose()


async def test_a_trusted_certificate_of_the_right_name_is_accepted(tmp_path: Path) -> None:
    certificate = Certificate(tmp_path, address=LISTENS)
    async with listening(answer, certificate.server) as port:
        transport = GuardedTransport(allow_any, certificate.client)
        for _ in range(2):
            assert await fetch(transport, port) == b"secret"
        await transport.aclose()


async def test_a_certificate_of_another_name_is_refused(tmp_path: Path) -> None:
    certificate = Certificate(tmp_path, address="192.0.2.1")
    async with listening(answer, certificate.server) as port:
        transport = GuardedTransport(allow_any, certificate.client)
        with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
            await fetch(transport, port)
        await transport.aclose()


async def test_a_certificate_that_no_authority_of_the_system_signed_is_refused(tmp_path: Path) -> None:
    certificate = Certificate(tmp_path, address=LISTENS)
    async with listening(answer, certificate.server) as port:
        transport = GuardedTransport(allow_any)
        with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
            await fetch(transport, port)
        await transport.aclose()
