"""A way to a server that does what networks do: leads elsewhere, takes its time, falls silent, breaks off."""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from sqlalchemy.engine import make_url

Address = str | tuple[str, int]
"""The path of a socket, or host and port."""

_PORT = 5432
_PIECE = 2**16
_BREAK_OFF = struct.pack("ii", 1, 0)  # SO_LINGER: closed without a word that all was sent


def address_of(url: str) -> Address:
    """Where the database of a URL is reached."""
    parts = make_url(url)
    folder = parts.query.get("host")
    port = parts.port or _PORT
    return f"{folder}/.s.PGSQL.{port}" if folder else (parts.host or "127.0.0.1", port)


class Wire:
    """An address of this machine that leads to a server, as long as the `with` block.

    Args:
        to: the server.
        host: where to listen.
        port: where to listen; a free one if left out.

    Attributes:
        delay: seconds that each piece of data takes, each way.
    """

    def __init__(self, to: Address, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.host, self.port, self.delay = host, port, 0.0
        self._to = to
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="wire", daemon=True)
        self._passes = asyncio.Event()
        self._passes.set()
        self._open: set[asyncio.StreamWriter] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        serving = asyncio.start_server(self._carry, self.host, self.port)
        server = asyncio.run_coroutine_threadsafe(serving, self._loop).result()
        self.port = int(server.sockets[0].getsockname()[1])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.break_off()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def leading(self, url: str) -> str:
        """The URL of a database, by way of this address."""
        parts = make_url(url)
        query = {name: value for name, value in parts.query.items() if name != "host"}
        return parts.set(host=self.host, port=self.port, query=query).render_as_string(hide_password=False)

    def lead_to(self, to: Address) -> None:
        """Lead elsewhere from now on; what is open breaks off."""
        self._to = to
        self.break_off()

    def silence(self) -> None:
        """Let nothing pass, and say nothing of it."""
        self._call(self._passes.clear)

    def speak(self) -> None:
        """Let everything pass again, also what came meanwhile."""
        self._call(self._passes.set)

    def break_off(self) -> None:
        """Reset every connection."""
        self._call(self._reset)

    def _call(self, act: Callable[[], None]) -> None:
        done = threading.Event()

        def do() -> None:
            act()
            done.set()

        self._loop.call_soon_threadsafe(do)
        done.wait()

    def _reset(self) -> None:
        for writer in list(self._open):
            found: socket.socket = writer.get_extra_info("socket")
            with suppress(OSError):  # the socket of a path has no such option
                found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _BREAK_OFF)
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = [writer]
        self._open.add(writer)
        try:
            there, back = await (
                asyncio.open_unix_connection(self._to)
                if isinstance(self._to, str)
                else asyncio.open_connection(*self._to)
            )
            ends.append(back)
            self._open.add(back)
            await asyncio.gather(self._pass(reader, back), self._pass(there, writer))
        except OSError:
            pass  # the server is not there, or somebody broke off
        finally:
            for end in ends:
                self._open.discard(end)
                end.close()

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(_PIECE):
            await asyncio.sleep(self.delay)
            await self._passes.wait()
            sink.write(data)
            await sink.drain()
        sink.close()
