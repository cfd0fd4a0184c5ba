"""Where a webhook may point: never into the operator's own network, unless the operator says so.

What a name stands for is looked up once for each attempt; the addresses that were checked are the ones that are
connected to, so a name that changes its mind in between changes nothing.
"""

import re
import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

import httpx2

from models.errors import AddressRefused, Invalid, Problem

MAX_URL_CHARS = 2000
Lookup = Callable[..., list[tuple[Any, ...]]]
"""What `socket.getaddrinfo` does."""

_HOST = re.compile(rb"[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?\.?|[0-9a-f:.]+", re.IGNORECASE)
_MAX_PORT = 65_535
_LOCAL_NAMES = (".localhost", ".local", ".internal", ".home.arpa")
_NOBODYS = tuple(
    map(
        ip_network,
        (
            "168.63.129.16/32",  # inside Azure, the machine that the host speaks by
            "192.88.99.0/24",  # relays that are given up (RFC 7526)
            "3fff::/20",  # documentation (RFC 9637)
            "fec0::/10",  # networks of a site, of before fc00::/7 (RFC 3879)
        ),
    )
)
"""What belongs to nobody's open internet, and does not say so in every release of Python."""


def check_url(url: str, *, allow_private: bool) -> str:
    """The address in one spelling, if a webhook may have it.

    Raises:
        Invalid: it is no HTTP address, or it holds a password or a fragment.
        AddressRefused: it plainly points into a private network.
    """
    try:
        parsed = httpx2.URL(url.strip())
    except (httpx2.InvalidURL, ValueError) as error:
        raise _bad("must be an address such as https://example.com/hook") from error
    if parsed.scheme not in {"http", "https"} or _HOST.fullmatch(parsed.raw_host) is None:
        raise _bad("must begin with https:// or http:// and name a host")
    if parsed.port is not None and not 0 < parsed.port <= _MAX_PORT:
        raise _bad(f"must have a port between 1 and {_MAX_PORT}")
    if parsed.userinfo or parsed.fragment:
        raise _bad("must hold no user name, password or fragment: the signature says who sends")
    if len(str(parsed)) > MAX_URL_CHARS:
        raise _bad(f"must have at most {MAX_URL_CHARS} characters")
    if not allow_private:
        _refuse_plainly_private(parsed.host)
    return str(parsed)


def resolve(host: str, port: int, *, allow_private: bool, lookup: Lookup = socket.getaddrinfo) -> list[str]:
    """The IP addresses to connect to, in the order to try them.

    Raises:
        AddressRefused: any of them is private, loopback, link-local, multicast or otherwise not public.
        OSError: the name is not known.
    """
    found = lookup(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not allow_private:
        for address in addresses:
            if not is_public(ip_address(address.partition("%")[0])):
                raise AddressRefused(f"{host} stands for {address}, which is not a public address.")
    return addresses


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address belongs to the open internet, and so does any IPv4 address wrapped in it."""
    if isinstance(address, IPv6Address):
        inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
        if not all(is_public(one) for one in inner if one is not None):
            return False
        if address.ipv4_mapped is not None:
            return True
    if any(address in network for network in _NOBODYS):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _refuse_plainly_private(host: str) -> None:
    name = host.rstrip(".").lower()
    address = _address(name)
    private = name == "localhost" or name.endswith(_LOCAL_NAMES) if address is None else not is_public(address)
    if private:
        raise AddressRefused(
            f"{host} is not a public address; webhooks go there only where WINNOW_WEBHOOK_ALLOW_PRIVATE is set.",
            problems=[Problem(("body", "url"), "must be a public address")],
        )


def _address(name: str) -> IPv4Address | IPv6Address | None:
    """The address that a host is, in whatever spelling; None for a name."""
    try:
        return ip_address(name)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(name))  # `127.1`, `2130706433`, `0x7f000001`: so will the system read it
    except (OSError, UnicodeError):
        return None


def _bad(rule: str) -> Invalid:
    return Invalid(f"The webhook's address {rule}.", problems=[Problem(("body", "url"), rule)])
