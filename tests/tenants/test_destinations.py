"""Where upstreams may point, URL by URL and address by address."""

import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenants import destinations


@pytest.fixture
def allow(settings):
    """Set LLMP_PRIVATE_UPSTREAMS for one test."""

    def set_to(text: str) -> None:
        settings.CONFIG = settings.CONFIG.model_copy(update={"private_upstreams": text})

    return set_to


@pytest.fixture(autouse=True)
def nothing_private_is_allowed(allow):
    allow("")


@pytest.mark.parametrize(
    "url",
    [
        "https://api.anthropic.com",
        "https://gateway.example.com/anthropic",
        "https://gateway.example.com:8443",
        "https://a-b.c_d.example.org/v1/x.y~z",
        "https://8.8.8.8",
        "https://[2606:4700::6810:84e5]",
    ],
)
def test_public_https_is_accepted(url):
    destinations.check_url(url)


FORBIDDEN = [
    "http://api.anthropic.com",
    "https://127.0.0.1",
    "https://127.1",
    "https://0x7f000001",
    "https://0x7f.0.0.1",
    "https://2130706433",
    "https://0177.0.0.1",
    "https://017700000001",
    "https://127.0.0.01",
    "https://0",
    "https://0.0.0.0",
    "https://[::]",
    "https://[::1]",
    "https://[0:0:0:0:0:0:0:1]",
    "https://[::ffff:127.0.0.1]",
    "https://[::ffff:7f00:1]",
    "https://[::127.0.0.1]",
    "https://[64:ff9b::7f00:1]",
    "https://[64:ff9b::169.254.169.254]",
    "https://[64:ff9b:1::1]",
    "https://[2002:7f00:1::]",
    "https://[2002:a00:1::1]",
    "https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]",
    "https://[2001:db8::1]",
    "https://[fe80::1]",
    "https://[fe80::1%25eth0]",
    "https://[fec0::1]",
    "https://[fc00::1]",
    "https://[fd12:3456::1]",
    "https://[fd00:ec2::254]",
    "https://[ff02::1]",
    "https://[::1%lo]",
    "https://10.0.0.1",
    "https://10.255.255.255",
    "https://172.16.0.1",
    "https://172.31.255.254",
    "https://192.168.1.1",
    "https://192.0.0.8",
    "https://192.0.2.1",
    "https://192.88.99.1",
    "https://198.18.0.1",
    "https://198.51.100.7",
    "https://203.0.113.9",
    "https://100.64.0.1",
    "https://100.100.100.200",
    "https://168.63.129.16",
    "https://169.254.169.254",
    "https://169.254.170.2",
    "https://224.0.0.1",
    "https://240.0.0.1",
    "https://255.255.255.255",
    "https://localhost",
    "https://LOCALHOST",
    "https://foo.localhost",
    "https://db",
    "https://metadata",
    "https://metadata.google.internal",
    "https://vllm.internal",
    "https://printer.local",
    "https://nas.lan",
    "https://router.home.arpa",
    "https://api.anthropic.com.",
    "https://127.0.0.1.",
    "https://good.example@10.0.0.1",
    "https://user:word@api.example.com",
    "https://@api.example.com",
    "https://api.example.com@",
    "https://api.example.com/?q=1",
    "https://api.example.com?q=1",
    "https://api.example.com#@10.0.0.1",
    "https://api.example.com\\@10.0.0.1",
    "https:\\\\api.example.com",
    "https:/api.example.com",
    "https:api.example.com",
    "//api.example.com",
    "api.example.com",
    "https://",
    "https:///x",
    "https://api.example.com:22",
    "https://api.example.com:80",
    "https://api.example.com:6379",
    "https://api.example.com:0",
    "https://api.example.com:0443",
    "https://api.example.com:65536",
    "https://api.example.com:99999",
    "https://api.example.com:",
    "https://api.example.com:443:80",
    "https://api.example.com/../admin",
    "https://api.example.com/./x",
    "https://api.example.com/%2e%2e/x",
    "https://api.example.com//x",
    "https://api.example.com/x y",
    "https://api.exаmple.com",
    "https://xn--exmple-4nf.com",
    "https://example。com",
    "https://①②⑦.0.0.1",
    "https://１２７.0.0.1",
    "https://-bad.example.com",
    "https://bad-.example.com",
    "https://a..example.com",
    "https://.example.com",
    "https://exa$mple.com",
    "https://1.2.3.4.5",
    "https://example.0x7f",
    "https://example.1",
    "file:///etc/passwd",
    "gopher://api.example.com",
    "unix:///var/run/docker.sock",
    "ftp://api.example.com",
    "javascript:alert(1)",
    "HTTPS://API.EXAMPLE.COM",
]


@pytest.mark.parametrize("url", FORBIDDEN)
def test_it_is_refused(url):
    with pytest.raises(destinations.Forbidden):
        destinations.check_url(url)


@pytest.mark.parametrize("character", [" ", "\t", "\n", "\r", "\x00", "\x0b", "\u200b", "\u2028", "\xad", "\ufeff"])
@pytest.mark.parametrize("template", ["{}https://a.example", "https://a{}.example", "https://a.example/x{}"])
def test_blanks_and_invisible_characters_are_refused(template, character):
    with pytest.raises(destinations.Forbidden):
        destinations.check_url(template.format(character))


def test_a_host_name_of_more_than_253_characters_is_refused():
    with pytest.raises(destinations.Forbidden):
        destinations.check_url("https://" + "a" * 60 + ".b" * 120 + ".example")


def test_the_refusal_names_the_remedy():
    with pytest.raises(destinations.Forbidden, match="LLMP_PRIVATE_UPSTREAMS"):
        destinations.check_url("https://10.0.0.1")
    with pytest.raises(destinations.Forbidden, match="LLMP_PRIVATE_UPSTREAMS"):
        destinations.check_url("http://vllm.example.com")


@given(st.ip_addresses())
def test_no_address_is_accepted_that_the_standard_library_knows_as_private(address):
    try:
        destinations.check_address(str(address), "some.host")
    except destinations.Forbidden:
        return
    assert address.is_global and not address.is_multicast


@given(st.ip_addresses(v=4))
def test_an_address_in_disguise_is_judged_as_itself(address):
    def is_accepted(text: str) -> bool:
        try:
            destinations.check_address(text, "some.host")
        except destinations.Forbidden:
            return False
        return True

    plain = is_accepted(str(address))
    number = int(address)
    for prefix in ("::ffff:0:0", "64:ff9b::"):
        assert is_accepted(str(ipaddress.IPv6Address(int(ipaddress.IPv6Address(prefix)) | number))) == plain
    assert is_accepted(str(ipaddress.IPv6Address((0x2002 << 112) | (number << 80)))) == plain


@pytest.mark.parametrize("ip", ["", "example.com", "127.1", "::1%lo", "10.0.0.1/8"])
def test_what_is_not_an_address_is_refused_when_connecting(ip):
    with pytest.raises(destinations.Forbidden):
        destinations.check_address(ip, "some.host")


def test_one_private_answer_among_public_ones_is_refused():
    with pytest.raises(destinations.Forbidden, match=r"leads to 10\.0\.0\.7"):
        destinations.check_url("https://a.example.com", resolve=lambda host: ["93.184.216.34", "10.0.0.7"])


def test_a_name_that_does_not_resolve_may_be_saved():
    destinations.check_url("https://a.example.com", resolve=lambda host: [])


def test_a_look_up_that_fails_is_no_answer(monkeypatch):
    def fail(*args, **options):
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    assert destinations.lookup("a.example.com") == []


def test_a_look_up_tells_each_address_once():
    assert "127.0.0.1" in destinations.lookup("127.0.0.1")
    assert len(destinations.lookup("127.0.0.1")) == 1


def test_an_allowed_network_may_be_named_by_address_with_any_scheme_and_port(allow):
    allow("10.1.2.0/24, fd00:aa::/48")
    destinations.check_url("http://10.1.2.3:9000/anthropic")
    destinations.check_url("http://[fd00:aa::1]:9000")
    destinations.check_url("http://[::ffff:10.1.2.3]:9000")
    for url in ("http://10.1.3.3:9000", "http://[fd00:bb::1]", "http://8.8.8.8"):
        with pytest.raises(destinations.Forbidden):
            destinations.check_url(url)


def test_an_allowed_name_may_lead_to_private_addresses_but_not_to_metadata(allow):
    allow("vllm.internal")
    destinations.check_url("http://vllm.internal:8000")
    for ip in ("10.0.0.1", "192.168.3.4", "127.0.0.1", "fd12::1", "100.64.1.1", "93.184.216.34"):
        destinations.check_address(ip, "vllm.internal")
    for ip in ("169.254.169.254", "fe80::1", "fd00:ec2::254", "100.100.100.200", "224.0.0.1", "0.0.0.0"):
        with pytest.raises(destinations.Forbidden):
            destinations.check_address(ip, "vllm.internal")


def test_an_allowed_name_lends_nothing_to_other_names(allow):
    allow("vllm.internal")
    for host in ("other.internal", "x.vllm.internal", "vllm.internal.evil.example"):
        with pytest.raises(destinations.Forbidden):
            destinations.check_address("10.0.0.1", host)
    with pytest.raises(destinations.Forbidden):
        destinations.check_url("http://x.vllm.internal")


def test_metadata_is_refused_even_inside_an_allowed_network(allow):
    allow("0.0.0.0/0, ::/0")
    for ip in ("169.254.169.254", "168.63.129.16", "fd00:ec2::254", "::ffff:169.254.169.254"):
        with pytest.raises(destinations.Forbidden):
            destinations.check_address(ip, "some.host")


def test_a_name_in_an_allowed_network_is_judged_when_connecting(allow):
    allow("10.1.2.0/24")
    destinations.check_address("10.1.2.9", "models.example.com")
    with pytest.raises(destinations.Forbidden):
        destinations.check_address("10.1.3.9", "models.example.com")


def test_localhost_goes_with_the_loopback_network(allow):
    allow("127.0.0.0/8")
    destinations.check_url("http://localhost:9000")
    destinations.check_address("127.0.0.1", "localhost")
    destinations.check_address("::1", "localhost")
    with pytest.raises(destinations.Forbidden):
        destinations.check_address("::1", "some.host")


def test_the_parts_of_a_url_are_told_for_its_use():
    where = destinations.parse("https://[2606:4700::1]:8443/anthropic")
    assert (where.scheme, where.host, where.port, where.path) == ("https", "2606:4700::1", 8443, "/anthropic")
    assert destinations.parse("https://a.example").port == 443
