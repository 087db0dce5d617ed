"""Which IP addresses are public, told from lists of our own: the standard library's answer varies by its version."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# IANA's special-purpose registries, and what is multicast or reserved.
_NOT_PUBLIC: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
    )
)
_PUBLIC_V6 = IPv6Network("2000::/3")
_SITE_OWNED: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "::1/128",
        "fc00::/7",
    )
)
_METADATA: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        "169.254.0.0/16",  # most clouds, all of link-local with them
        "100.100.100.200/32",  # Alibaba
        "168.63.129.16/32",  # Azure, inside a public range
        "192.0.0.192/32",  # Oracle
        "fd00:ec2::/32",  # AWS
        "fd20:ce::/32",  # Google
        "fe80::/10",
    )
)
_V4_IN_LAST_32_BITS = tuple(IPv6Network(text) for text in ("::ffff:0:0/96", "64:ff9b::/96", "::/96", "::ffff:0:0:0/96"))


def unwrap(address: Address) -> Address:
    """The IPv4 address inside one that only carries it (mapped, NAT64, 6to4, compatible), else the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address.sixtofour is not None:
        return address.sixtofour
    number = int(address)
    if any(address in network for network in _V4_IN_LAST_32_BITS) and number > 1:  # :: and ::1 carry nothing
        return IPv4Address(number & 0xFFFFFFFF)
    return address


def is_public(address: Address) -> bool:
    """Whether the address belongs to the internet at large."""
    if isinstance(address, IPv6Address) and address not in _PUBLIC_V6:
        return False
    return not _is_within(address, _NOT_PUBLIC)


def is_site_owned(address: Address) -> bool:
    """Whether the address is of a kind that operators give to machines of their own."""
    return _is_within(address, _SITE_OWNED)


def is_metadata(address: Address) -> bool:
    """Whether a cloud answers there with the machine's own credentials. Never an upstream, whatever is allowed."""
    return _is_within(address, _METADATA)


def _is_within(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks)
