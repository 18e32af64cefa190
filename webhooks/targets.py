"""Which addresses we may send to, and what they really are: the guard against requests forged through a URL.

An address is taken apart strictly (one spelling per thing, everything else refused), its name is resolved once,
every resolved address must be public, and the sender connects to exactly those addresses. So neither an odd spelling
nor a name that changes its mind between the check and the call leads inside. With WEBHOOKS_ALLOW_PRIVATE_TARGETS
loopback and private networks are allowed, and plain http.
"""

import re
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final
from urllib.parse import SplitResult, urlsplit

import idna
from django.conf import settings

IPAddress = IPv4Address | IPv6Address
Resolver = Callable[[str, int], Sequence[str]]

MAXIMUM_LENGTH: Final = 2000
RESOLVE_SECONDS: Final = 5.0
# What answers on ports below 1024, and these, is not a product app's web server.
WEB_PORTS: Final = frozenset({80, 443})
SERVICE_PORTS: Final = frozenset(
    {
        1433,
        1521,
        2049,
        2181,
        2375,
        2376,
        2379,
        2380,
        3306,
        3389,
        4369,
        5432,
        5672,
        5900,
        5984,
        5985,
        5986,
        6000,
    }
    | {6379, 6443, 8500, 9042, 9092, 9200, 9300, 10250, 11211, 15672, 27017}
)
GLOBAL_UNICAST_V6: Final = ip_network("2000::/3")
NAT64: Final = ip_network("64:ff9b::/96")
# Public by number, but machines of a cloud, relays, or tunnels that end somewhere else.
REFUSED_NETWORKS: Final = tuple(
    ip_network(network)
    for network in (
        "168.63.129.16/32",  # Azure's host agent
        "192.0.0.0/24",  # protocol assignments, and a metadata service (RFC 6890)
        "192.88.99.0/24",  # 6to4 relays (RFC 7526)
        "2001::/32",  # Teredo (RFC 4380)
        "2002::/16",  # 6to4 (RFC 3056)
        "3fff::/20",  # documentation (RFC 9637), which Python 3.11 takes for public
    )
)
_MUST_BE_ENCODED: Final = re.compile(r"[^\x21-\x7e]|[<>\"^`{|}]")
_HOST_SHAPE: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
_NUMERIC_LABEL: Final = re.compile(r"\d+|0x[0-9a-f]*")


class TargetRefused(Exception):
    """We do not send to this address. The reason is safe to show: it repeats nothing of the address."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NameNotResolved(TargetRefused):
    """The host name has no address now; it may have one later."""


@dataclass(frozen=True, slots=True)
class Target:
    """A checked address: `addresses` are the only ones that a connection may be made to."""

    scheme: str
    host: str
    port: int
    path: str
    addresses: tuple[IPAddress, ...]

    @property
    def is_tls(self) -> bool:
        return self.scheme == "https"

    @property
    def host_header(self) -> str:
        """The Host header: brackets around IPv6, the port only where it is not the usual one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.is_tls else 80) else f"{host}:{self.port}"


def resolve(host: str, port: int) -> Sequence[str]:
    """Every address of `host`, or none when the name service says or does nothing within five seconds."""
    found: list[str] = []

    def ask() -> None:
        try:
            answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.extend(dict.fromkeys(str(answer[4][0]) for answer in answers))
        except (OSError, UnicodeError):
            return

    # The system's resolver knows no deadline; a thread that is left behind ends by itself.
    thread = threading.Thread(target=ask, name="resolver", daemon=True)
    thread.start()
    thread.join(RESOLVE_SECONDS)
    return [] if thread.is_alive() else found


def check(url: str, *, resolver: Resolver = resolve) -> Target:
    """The target of `url` as of now. Raises `TargetRefused`, or `NameNotResolved`. Resolves a name exactly once."""
    parts = _split(url)
    port = _port(parts)
    host = _host(parts.hostname or "")
    literal = _literal(host)
    if literal is not None:
        addresses: tuple[IPAddress, ...] = (literal,)
    else:
        addresses = _resolved(host, port, resolver)
    for address in addresses:
        if not is_allowed(address):
            raise TargetRefused("The host is not on the public internet")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(scheme=parts.scheme, host=host, port=port, path=path, addresses=addresses)


def is_allowed(address: IPAddress) -> bool:
    """Whether we may connect to this address under the settings of this installation."""
    inner = _embedded(address)
    if inner is not None:
        return is_allowed(inner)
    if address.is_multicast or address.is_unspecified or address.is_link_local:
        return False
    if any(address.version == network.version and address in network for network in REFUSED_NETWORKS):
        return False
    if settings.WEBHOOKS_ALLOW_PRIVATE_TARGETS and (address.is_private or address.is_loopback):
        return not (address.version == 4 and (address.is_reserved or int(address) >> 24 == 0))
    if address.version == 6 and address not in GLOBAL_UNICAST_V6:
        return False
    return address.is_global and not address.is_reserved


def _embedded(address: IPAddress) -> IPv4Address | None:
    """The IPv4 address that an IPv6 one stands for: mapped (RFC 4291) or translated (NAT64, RFC 6052)."""
    if isinstance(address, IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return IPv4Address(int(address) & 0xFFFFFFFF) if address in NAT64 else None


def _split(url: str) -> SplitResult:
    if not isinstance(url, str) or not url or len(url) > MAXIMUM_LENGTH:
        raise TargetRefused(f"The address must have 1 to {MAXIMUM_LENGTH} characters")
    if any(not character.isprintable() or character.isspace() for character in url):
        raise TargetRefused("The address holds blanks or control characters")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise TargetRefused("The address cannot be read") from None
    allowed = ("https", "http") if settings.WEBHOOKS_ALLOW_PRIVATE_TARGETS else ("https",)
    if parts.scheme not in allowed or not url.lower().startswith(f"{parts.scheme}://"):
        raise TargetRefused(f"The address must begin with {' or '.join(f'{word}://' for word in allowed)}")
    if "#" in url:
        raise TargetRefused("The address must not have a fragment")
    if "@" in parts.netloc:
        raise TargetRefused("The address must not hold a user name or a password")
    if _MUST_BE_ENCODED.search(parts.path + parts.query) or "\\" in url or "%" in parts.netloc:
        raise TargetRefused("The address holds a character that must be percent-encoded")
    return parts


def _port(parts: SplitResult) -> int:
    try:
        port = parts.port
    except ValueError:
        raise TargetRefused("The port is not a port") from None
    if port is None:
        return 443 if parts.scheme == "https" else 80
    is_service = port in SERVICE_PORTS and not settings.WEBHOOKS_ALLOW_PRIVATE_TARGETS
    if port not in WEB_PORTS and (port < 1024 or is_service):
        raise TargetRefused("The port belongs to another service")
    return port


def _host(name: str) -> str:
    """One spelling of the host: lower case, ASCII, without a trailing dot; IPv4 only as four decimal numbers."""
    if ":" in name:
        try:
            return str(IPv6Address(name))
        except ValueError:
            raise TargetRefused("The host is not an address") from None
    try:
        host = idna.encode(name, uts46=True).decode().lower() if not name.isascii() else name.lower()
    except (idna.IDNAError, UnicodeError):
        raise TargetRefused("The host name is not valid") from None
    host = host.removesuffix(".")
    if len(host) > 253 or not _HOST_SHAPE.fullmatch(host):
        raise TargetRefused("The host name is not valid")
    if _NUMERIC_LABEL.fullmatch(host.rpartition(".")[2]) and _literal(host) is None:
        raise TargetRefused("An IPv4 address must be four decimal numbers")
    return host


def _literal(host: str) -> IPAddress | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _resolved(host: str, port: int, resolver: Resolver) -> tuple[IPAddress, ...]:
    if not settings.WEBHOOKS_ALLOW_PRIVATE_TARGETS and (
        "." not in host or host.endswith((".localhost", ".local", ".internal", ".home.arpa"))
    ):
        raise TargetRefused("The host is not on the public internet")
    answers = resolver(host, port)
    if not answers:
        raise NameNotResolved("The host name has no address")
    try:
        return tuple(ip_address(answer) for answer in answers)
    except ValueError:  # an address with a zone, which is never a public one
        raise TargetRefused("The host is not on the public internet") from None
