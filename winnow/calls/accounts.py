"""Who is calling: signing in, users, API keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from winnow.connection import Connection, new_key, v1
from winnow.schemas import ApiKey, Tokens, User

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


class AccountCalls(Connection):
    """Calls about people and keys. Those about others need the role `admin`."""

    def sign_in(self, username: str, password: str) -> Tokens:
        """Signs a person in; from then on tokens are renewed by themselves.

        Raises:
            Unauthenticated: where name or password is wrong.
        """
        return self._credentials.sign_in(username, password)

    def sign_out(self) -> None:
        """Ends the sign-in; the refresh token no longer works."""
        self._credentials.sign_out()

    def me(self) -> User:
        """The caller."""
        return self._get(v1("me"), User)

    def users(self) -> list[User]:
        """Everybody who may sign in."""
        return list(self._pages(v1("users"), User))

    def create_user(self, username: str, password: str, role: str = "reviewer") -> User:
        """Adds a person. `role` is `reviewer`, `program`, `manager` or `admin`."""
        body = {"username": username, "password": password, "role": role}
        return self._post(v1("users"), User, body, key=new_key())

    def user(self, user_id: str) -> User:
        """A person by themselves, with their `etag`."""
        return self._get(v1("users", user_id), User)

    def update_user(self, user_id: str, *, if_match: str | None = None, **changes: Any) -> User:
        """Changes a person: `username=`, `password=`, `role=`, `active=`.

        With `if_match` only if they still have that `etag`.
        """
        return self._patch(v1("users", user_id), User, changes, if_match=if_match)

    def api_keys(self) -> list[ApiKey]:
        """Every key, without its secret."""
        return list(self._pages(v1("api-keys"), ApiKey))

    def create_api_key(
        self,
        name: str,
        role: str = "program",
        *,
        expires_at: datetime | None = None,
        scopes: Sequence[str] | None = None,
    ) -> ApiKey:
        """Makes a key for a program; its `secret` is shown this once.

        Args:
            name: what it is for.
            role: `program`, `reviewer`, `manager` or `admin`.
            expires_at: when it works no longer.
            scopes: what it may do of what its role may, such as `predict`; all where left out.
        """
        body: dict[str, Any] = {"name": name, "role": role}
        if scopes is not None:
            body["scopes"] = list(scopes)
        if expires_at is not None:
            body["expires_at"] = expires_at.isoformat()
        return self._post(v1("api-keys"), ApiKey, body, key=new_key())

    def delete_api_key(self, key_id: str) -> None:
        """Takes a key back."""
        self._delete(v1("api-keys", key_id))
