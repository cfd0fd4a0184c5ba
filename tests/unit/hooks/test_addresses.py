"""Which addresses a webhook may have."""

from ipaddress import ip_address
from typing import Any

import pytest

from models.errors import AddressRefused, Invalid
from models.hooks.addresses import check_url, is_public, resolve

PRIVATE = [
    str(ip_address(0)),
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "2002:7f00:1::1",
    "fc00::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "3fff::1",
    "168.63.129.16",
    "192.88.99.1",
    "::ffff:168.63.129.16",
]
PUBLIC = ["1.1.1.1", "93.184.215.14", "2606:4700:4700::1111", "::ffff:1.1.1.1"]


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_addresses_that_are_public(address: str) -> None:
    assert is_public(ip_address(address))


def answering(*addresses: str) -> Any:
    return lambda _host, port, **_: [(2, 1, 6, "", (address, port)) for address in addresses]


def test_one_private_address_among_public_ones_refuses_the_name() -> None:
    with pytest.raises(AddressRefused, match=r"10\.0\.0\.1"):
        resolve("both.example", 443, allow_private=False, lookup=answering("1.1.1.1", "10.0.0.1"))
    found = resolve("good.example", 443, allow_private=False, lookup=answering("1.1.1.1", "1.1.1.1", "1.0.0.1"))
    assert found == ["1.1.1.1", "1.0.0.1"]
    assert resolve("x", 80, allow_private=True, lookup=answering("10.0.0.1")) == ["10.0.0.1"]


def test_other_spellings_of_this_machine_are_found_out_when_the_name_is_looked_up() -> None:
    for host in ("2130706433", "0x7f000001", "127.1", "0177.0.0.1"):
        with pytest.raises(AddressRefused, match=r"127\.0\.0\.1"):
            resolve(host, 80, allow_private=False)


@pytest.mark.parametrize(
    "url",
    ["", "example.com/hook", "ftp://example.com", "file:///etc/passwd", "https://", "https://u:p@example.com",
     "https://example.com/#x", "https://exa mple.com", "https://-x.com", "https://a..\x00b", "https://example.com:99999", "https://example.com/" + "a" * 2000],
)  # fmt: skip
def test_what_is_no_address_of_a_webhook(url: str) -> None:
    with pytest.raises(Invalid, match="address must"):
        check_url(url, allow_private=True)


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST.", "a.localhost", "db.internal", "127.0.0.1", "[::1]", "[::ffff:10.0.0.1]",
     "2130706433", "0x7f000001", "127.1", "0", "0xA9.0xFE.0xA9.0xFE", "[fec0::1]"],
)  # fmt: skip
def test_plainly_private_hosts_are_refused_at_once_unless_allowed(host: str) -> None:
    with pytest.raises(AddressRefused, match="not a public address"):
        check_url(f"https://{host}/hook", allow_private=False)
    assert check_url(f"https://{host}/hook", allow_private=True)


def test_a_good_address_comes_back_in_one_spelling() -> None:
    assert check_url(" HTTPS://Example.com/Hook?a=1 ", allow_private=False) == "https://example.com/Hook?a=1"
