"""How the command finds the server and says who is calling."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from winnow.client import Client
from winnow.connection import DEFAULT_URL


@dataclass(frozen=True, slots=True)
class Access:
    """The options that stand before every command.

    Attributes:
        url: address of the API; left out, `WINNOW_API_PORT` on this machine.
        api_key: a program's key.
        username: a person, with `password`.
        password: see `username`.
        data_dir: where a server on this machine keeps the key of its operator.
        as_json: results as JSON on the standard output, nothing else there.
    """

    url: str | None = None
    api_key: str | None = None
    username: str | None = None
    password: str | None = None
    data_dir: Path = Path(".winnow")
    as_json: bool = False

    def client(self) -> Client:
        """A client: with the key, else as the person, else with the operator's key of this machine."""
        url = self.url or self._local_url()
        if self.api_key is not None:
            return Client(url, api_key=self.api_key)
        if self.username is not None and self.password is not None:
            return Client(url, username=self.username, password=self.password)
        return Client(url, api_key=self._local_key())

    def _local_key(self) -> str | None:
        try:
            return (self.data_dir / "local.key").read_text().strip() or None
        except OSError:
            return None

    @staticmethod
    def _local_url() -> str:
        port = os.environ.get("WINNOW_API_PORT")
        return f"http://127.0.0.1:{port}" if port else DEFAULT_URL
