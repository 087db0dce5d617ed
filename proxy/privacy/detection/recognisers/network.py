"""IP addresses that could be somebody's."""

from ipaddress import ip_address

from proxy.privacy.detection.recognisers.base import Form, LinearRecognizer, Span, is_word

_IPV4 = r"(?:^|[^0-9A-Za-z_.-])((?:[0-9]{1,3}\.){3}[0-9]{1,3})"
_IPV6 = r"(?:^|[^0-9A-Za-z_.:])((?:[0-9A-Fa-f]{1,4}:{1,2}){2,7}[0-9A-Fa-f]{0,4})"
_CUES = (
    "ip",
    "ips",
    "address",
    "addr",
    "host",
    "client",
    "from",
    "remote",
    "peer",
    "server",
    "ipv4",
    "ssh",
    "ping",
    "src",
    "dst",
)
# Resolvers that everybody's configuration names, and examples.
_PUBLIC_SERVICES = frozenset(
    [
        "1.1.1.1",
        "1.0.0.1",
        "8.8.8.8",
        "8.8.4.4",
        "9.9.9.9",
        "1.2.3.4",
        "208.67.222.222",
        "208.67.220.220",
        "2606:4700:4700::1111",
        "2001:4860:4860::8888",
    ]
)
_LEAST_OCTET = 32  # a version number or a section rarely has a part above; without a cue one is asked for


class PublicIpRecognizer(LinearRecognizer):
    """Addresses of the public internet: not private, loopback, documentation, or a resolver's."""

    def __init__(self) -> None:
        forms = [Form("ipv4", _IPV4, 0.8), Form("ipv6", _IPV6, 0.8)]
        hint = r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]|[0-9A-Fa-f]:[0-9A-Fa-f]{0,4}:"
        super().__init__("IP_ADDRESS", forms, hint=hint, cues=_CUES)

    def judge(self, text: str, span: Span) -> Span | None:
        start, end, score = span
        follows = text[end : end + 2]
        if follows and (is_word(follows[0]) or (follows[0] in ".-" and follows[1:].isdigit())):
            return None
        if _is_version(text, start):
            return None
        try:
            address = ip_address(text[start:end])
        except ValueError:
            return None
        if not address.is_global or address.is_multicast or str(address) in _PUBLIC_SERVICES:
            return None
        if address.version == 4 and max(address.packed) < _LEAST_OCTET and not self.has_cue(text, start):
            return None
        return start, end, score


def _is_version(text: str, start: int) -> bool:
    before = text[max(0, start - 12) : start].lower()
    return before.endswith(("/", "v", "==", ">=", "<=", "~=", "^")) and not before.endswith("//") or "version" in before
