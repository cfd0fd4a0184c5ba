"""Who a client is: an API key, or a person's tokens that are renewed in time."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Protocol

from winnow.errors import Unauthenticated, from_response
from winnow.parsing import told
from winnow.schemas import Tokens

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx2

_RENEW_AFTER = 0.8
_UNAUTHORIZED = 401


class Post(Protocol):
    """Sends an unsigned POST and returns the answer, whatever its status, with its body read."""

    def __call__(
        self, path: str, *, json: Mapping[str, str] | None = None, form: Mapping[str, str] | None = None
    ) -> httpx2.Response:
        """Sends `json` or `form` to a path."""


class Credentials:
    """Signs requests; renews tokens before they end and after a 401. Safe to share between threads.

    Args:
        api_key: a program's key; with it nothing else is used.
        username: with `password`, signs in on first use and whenever the refresh token no longer works.
        password: see `username`.
        access_token: a token from an earlier sign-in.
        refresh_token: renews `access_token`.
        post: how to ask for tokens.
    """

    def __init__(
        self,
        *,
        api_key: str | None,
        username: str | None,
        password: str | None,
        access_token: str | None,
        refresh_token: str | None,
        post: Post,
    ) -> None:
        self.api_key = None if api_key is None else api_key.strip()  # files end in a new line
        self.access_token = access_token
        self.refresh_token = refresh_token
        self._person = (username, password) if username is not None and password is not None else None
        self._post = post
        self._renew_at = float("inf")
        self._lock = threading.RLock()

    def headers(self) -> dict[str, str]:
        """The headers that sign a request; empty where nobody has signed in."""
        if self.api_key is not None:
            return {"X-API-Key": _sendable(self.api_key)}
        with self._lock:
            if self.access_token is None or time.monotonic() >= self._renew_at:
                self._renew()
            return {} if self.access_token is None else {"Authorization": f"Bearer {_sendable(self.access_token)}"}

    def renewed_since(self, refused: Mapping[str, str]) -> bool:
        """Whether there is a newer token than the one in the headers that were refused; renews if not."""
        if self.api_key is not None:
            return False
        with self._lock:
            refused_token = refused.get("Authorization", "").removeprefix("Bearer ")
            if self.access_token is not None and self.access_token != refused_token:
                return True  # another thread has renewed it meanwhile
            return self._renew()

    def sign_in(self, username: str, password: str) -> Tokens:
        """Takes new tokens for a person. Raises `Unauthenticated` where name or password is wrong."""
        with self._lock:
            form = {"grant_type": "password", "username": username, "password": password}
            tokens = self._accept(self._post("/v1/auth/token", form=form))
            self._person = (username, password)
            return tokens

    def sign_out(self) -> None:
        """Gives the refresh token back and forgets the person."""
        with self._lock:
            refresh_token, self.refresh_token, self.access_token = self.refresh_token, None, None
            self._person, self._renew_at = None, float("inf")
            if refresh_token is not None:
                response = self._post("/v1/auth/logout", json={"refresh_token": refresh_token})
                if response.is_error and response.status_code != _UNAUTHORIZED:
                    raise from_response(response)

    def _renew(self) -> bool:
        """Gets a new access token by the refresh token or the password; False where neither is there."""
        if self.refresh_token is not None:
            response = self._post("/v1/auth/refresh", json={"refresh_token": self.refresh_token})
            if response.is_success:
                self._accept(response)
                return True
            if response.status_code != _UNAUTHORIZED:
                raise from_response(response)
            self.refresh_token = None
        if self._person is None:
            self._renew_at = float("inf")
            return False
        self.sign_in(*self._person)
        return True

    def _accept(self, response: httpx2.Response) -> Tokens:
        if response.is_error:
            raise from_response(response)
        tokens = told(response, Tokens)
        self.access_token, self.refresh_token = tokens.access_token, tokens.refresh_token
        self._renew_at = time.monotonic() + _RENEW_AFTER * tokens.expires_in
        return tokens


def _sendable(secret: str) -> str:
    """The secret, unless no header can bear it: the HTTP library would then repeat it in its error."""
    if secret.isascii() and secret.isprintable():
        return secret
    raise Unauthenticated(
        status=_UNAUTHORIZED,
        code="unauthenticated",
        title="Unauthorized",
        detail="The key or token has characters that none has: a line break, an umlaut. Copy it anew.",
    )
