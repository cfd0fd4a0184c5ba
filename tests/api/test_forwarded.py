"""Who called, where a proxy stands between: believed of trusted proxies alone."""

import asyncio
from typing import Any

import pytest

from api.middleware import Forwarded

CALLER = ("203.0.113.9", 0)


def seen(client: tuple[str, int], headers: dict[bytes, bytes]) -> tuple[tuple[str, int], str]:
    """The address and the scheme that the application sees."""
    found: list[dict[str, Any]] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        found.append(scope)

    async def nothing(*_: Any) -> Any:
        """Neither heard nor said."""

    scope = {"type": "http", "scheme": "http", "client": client, "headers": list(headers.items())}
    asyncio.run(Forwarded(app, "127.0.0.1,10.0.0.0/8")(scope, nothing, nothing))
    return found[0]["client"], found[0]["scheme"]


@pytest.mark.parametrize("proxy", ["127.0.0.1", "10.1.2.3"])
def test_a_trusted_proxy_says_who_calls_and_how(proxy: str) -> None:
    said = {b"host": b"winnow", b"x-forwarded-for": b"203.0.113.9, 10.9.9.9", b"x-forwarded-proto": b"https"}
    assert seen((proxy, 4711), said) == (CALLER, "https")


def test_nobody_else_does() -> None:
    said = {b"x-forwarded-for": b"203.0.113.9", b"x-forwarded-proto": b"https"}
    assert seen(("192.0.2.1", 4711), said) == (("192.0.2.1", 4711), "http")


def test_without_a_word_of_a_proxy_it_is_whoever_connected() -> None:
    assert seen(("127.0.0.1", 4711), {b"host": b"winnow"}) == (("127.0.0.1", 4711), "http")
