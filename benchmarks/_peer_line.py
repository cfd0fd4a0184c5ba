"""One HTTP connection that stays open, as a browser keeps it: JSON, a form or a file out, JSON in, cookies kept."""

import http.client
import json
import time
import uuid
from collections.abc import Mapping
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

_PATIENCE = 1800.0
_IDLE = 2.0  # after so many seconds without a request a server may have hung up


class Refused(Exception):
    """An answer that is no success: which, to what, and how it begins."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status} to {message}")
        self.status = status


class Line:
    """A connection to a server on this machine.

    Args:
        port: where the server listens.
        headers: what every request carries.
        keep: whether the server keeps a connection after an answer.
    """

    def __init__(self, port: int, headers: Mapping[str, str] | None = None, *, keep: bool = True) -> None:
        self._keep = keep
        self.headers = dict(headers or {})
        self.cookies: dict[str, str] = {}
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
        self._last = 0.0

    def get(self, path: str) -> Any:
        """What a server says as JSON."""
        return _read(path, self.ask("GET", path))

    def send(self, method: str, path: str, body: object) -> Any:
        """Send JSON; the answer, None where it is empty."""
        answer = self.ask(method, path, json.dumps(body).encode(), "application/json")
        return _read(path, answer) if answer else None

    def form(self, path: str, fields: Mapping[str, str]) -> bytes:
        """Send what a page's form has."""
        return self.ask("POST", path, urlencode(fields).encode(), "application/x-www-form-urlencoded")

    def upload(self, path: str, file: Path, field: str, kind: str) -> bytes:
        """Send a file as a page's form does."""
        mark = uuid.uuid4().hex
        head = f'--{mark}\r\nContent-Disposition: form-data; name="{field}"; filename="{file.name}"\r\n'
        body = f"{head}Content-Type: {kind}\r\n\r\n".encode() + file.read_bytes() + f"\r\n--{mark}--\r\n".encode()
        return self.ask("POST", path, body, f"multipart/form-data; boundary={mark}")

    def ask(self, method: str, path: str, body: bytes | None = None, kind: str = "") -> bytes:
        """The body of an answer; a redirection is one, and is not followed.

        Raises:
            Refused: where the server does not do what it is asked.
            OSError: where there is no answer.
        """
        headers = {**self.headers, **({"Content-Type": kind} if kind else {})}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if not self._keep or time.monotonic() - self._last > _IDLE:
            self._connection.close()
        try:
            self._connection.request(method, path, body, headers)
            answer = self._connection.getresponse()
            content = answer.read()
        except (http.client.HTTPException, OSError) as error:
            self._connection.close()
            raise ConnectionError(f"{method} {path}: {error or type(error).__name__}") from error
        self._last = time.monotonic()
        for given in answer.headers.get_all("Set-Cookie", []):
            self.cookies |= {name: one.value for name, one in SimpleCookie(given).items()}
        if answer.status >= 400:
            raise Refused(answer.status, f"{method} {path}: {content[:300].decode(errors='replace')}")
        return content

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


def _read(path: str, answer: bytes) -> Any:
    """Some servers answer with a page where they know no better."""
    try:
        return json.loads(answer)
    except ValueError as error:
        raise ValueError(f"{path}: no JSON, but {answer[:100]!r}") from error
