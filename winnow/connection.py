"""The HTTP under the client: signing, retries, errors, pages.

What is retried: a request that never reached the server, a 429, and where a second time does no harm
(reading, or a key by which the server knows the repetition) also a broken connection and a 502, 503 or 504.
"""

from __future__ import annotations

import time
import uuid
from contextlib import contextmanager
from functools import cache
from random import SystemRandom
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

import httpx2

from winnow.credentials import Credentials
from winnow.errors import ConnectionFailed, NotFound, from_response, seconds_to_wait
from winnow.parsing import S, page, told

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from ssl import SSLContext
    from typing import BinaryIO

DEFAULT_URL = "http://127.0.0.1:8000"
# Longer than the server lets a request wait, encode and search, so that its 503 comes before the patience ends.
_TIMEOUT = httpx2.Timeout(180.0, connect=5.0)
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 30.0
_PAGE = 200
_SPREAD = SystemRandom()  # callers that failed together do not come back together
_REPEATABLE = frozenset({"GET", "HEAD", "PUT"})
_PASSING = frozenset({502, 503, 504})
_TOO_MANY = 429
_OK = 200
_UNAUTHORIZED = 401
_NOT_FOUND = 404
_NO_NAMES = frozenset({"", ".", ".."})
_NEVER_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout)
_HOPELESS = (httpx2.UnsupportedProtocol, httpx2.LocalProtocolError)


def v1(*parts: str | int) -> str:
    """The path of a resource: `v1("projects", "a b")` is `/v1/projects/a%20b`.

    Raises:
        NotFound: where a part names nothing. In an address `..` is the thing above, so that deleting the item
            `..` of a project would delete the project.
    """
    named = [str(part) for part in parts]
    for name in named:
        if name in _NO_NAMES or any("\ud800" <= letter <= "\udfff" for letter in name):
            raise NotFound(
                status=_NOT_FOUND,
                code="not-found",
                title="Not Found",
                detail=f"{name!r} is no name or id of anything",
            )
    return "/v1/" + "/".join(quote(name, safe="") for name in named)


@cache
def _trusted() -> SSLContext:
    """The certificates that are trusted, read once: that takes longer than most requests."""
    return httpx2.create_ssl_context()


class Connection:
    """A connection to one Winnow server, used as a context manager or closed by hand.

    Args:
        base_url: address of the API.
        api_key: a program's key.
        username: with `password`: sign in on first use.
        password: see `username`.
        access_token: a token from an earlier sign-in.
        refresh_token: renews the access token.
        http: an HTTP client to use instead of an own one; with a base URL of its own, `base_url` is not used,
            and closing it is left to whoever made it.
        retries: how many more times a request is tried.
        headers: sent with every request, for what stands between here and the server.
    """

    def __init__(
        self,
        base_url: str = DEFAULT_URL,
        *,
        api_key: str | None = None,
        username: str | None = None,
        password: str | None = None,
        access_token: str | None = None,
        refresh_token: str | None = None,
        http: httpx2.Client | None = None,
        retries: int = 4,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._own = http is None
        self._http = http or httpx2.Client(timeout=_TIMEOUT, verify=_trusted())
        self._prefix = "" if self._http.base_url.host else base_url.rstrip("/")
        self._retries = retries
        self._headers = dict(headers or {})
        self._credentials = Credentials(
            api_key=api_key,
            username=username,
            password=password,
            access_token=access_token,
            refresh_token=refresh_token,
            post=self._post_unsigned,
        )

    @property
    def base_url(self) -> str:
        """The address that requests go to."""
        return self._prefix or str(self._http.base_url).rstrip("/")

    @property
    def access_token(self) -> str | None:
        """The current access token of the person who signed in."""
        return self._credentials.access_token

    @property
    def refresh_token(self) -> str | None:
        """The current refresh token of the person who signed in."""
        return self._credentials.refresh_token

    def close(self) -> None:
        """Closes the connection, unless the HTTP client was given from outside."""
        if self._own:
            self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def _get(self, path: str, schema: type[S], **params: Any) -> S:
        return told(self._read("GET", path, params=params), schema)

    def _post(self, path: str, schema: type[S], json: Any = None, *, key: str | None = None) -> S:
        return told(self._read("POST", path, json=json, key=key), schema)

    def _patch(self, path: str, schema: type[S], json: Any, *, if_match: str | None = None) -> S:
        return told(self._read("PATCH", path, json=json, if_match=if_match), schema)

    def _delete(self, path: str, *, if_match: str | None = None) -> None:
        self._read("DELETE", path, if_match=if_match)

    def _upload(
        self,
        path: str,
        schema: type[S],
        filename: str,
        file: BinaryIO | bytes,
        *,
        form: Mapping[str, Any],
        key: str | None,
    ) -> S:
        """Sends a file with form fields; a list becomes one field several times."""
        fields = {name: value for name, value in form.items() if value is not None}
        answer = self._read("POST", path, form=fields, files={"file": (filename, file)}, key=key)
        return told(answer, schema)

    def _pages(self, path: str, schema: type[S], **params: Any) -> Iterator[S]:
        """Every element of a list, page after page as they are needed."""
        params.setdefault("limit", _PAGE)
        while True:
            rows, cursor = page(self._read("GET", path, params=params), schema)
            yield from rows
            if cursor is None:
                return
            params["cursor"] = cursor

    def _read(self, method: str, path: str, **request: Any) -> httpx2.Response:
        """One whole answer. Raises `ApiError` for an error, `ConnectionFailed` where there is none."""
        response = self._send(method, path, **request)
        if not response.is_success:
            raise from_response(response)
        return response

    @contextmanager
    def _stream(self, method: str, path: str, **request: Any) -> Iterator[httpx2.Response]:
        """An answer whose body is not read yet. Raises like `_read`."""
        response = self._send(method, path, whole=False, **request)
        try:
            if not response.is_success:
                raise from_response(response)
            yield response
        finally:
            response.close()

    def _download(self, path: str) -> Iterator[bytes]:
        """The body of an answer, piece by piece as it comes. Raises like `_read`, also where the connection breaks."""
        with self._stream("GET", path) as response:
            yield from self._bytes_of(response)

    def _bytes_of(self, response: httpx2.Response) -> Iterator[bytes]:
        try:
            yield from response.iter_bytes()
        except httpx2.RequestError as error:
            raise self._failed(error) from error

    def _post_unsigned(
        self, path: str, *, json: Mapping[str, str] | None = None, form: Mapping[str, str] | None = None
    ) -> httpx2.Response:
        return self._send("POST", path, json=json, form=form, signed=False)

    def _send(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        form: Mapping[str, Any] | None = None,
        files: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        key: str | None = None,
        if_match: str | None = None,
        repeatable: bool = False,
        signed: bool = True,
        patient: bool = True,
        whole: bool = True,
    ) -> httpx2.Response:
        """Sends until there is an answer worth giving back, whatever its status.

        Args:
            method: the HTTP method.
            path: from the root of the server.
            json: body, sent as JSON.
            form: body, sent as form fields.
            files: files beside the form fields.
            params: query parameters; those that are None are left out.
            key: `Idempotency-Key`; with it a POST may be sent again.
            if_match: `If-Match`: the thing as the caller had seen it.
            repeatable: a POST that changes nothing and may be sent again.
            signed: whether to say who is calling.
            patient: False takes the first answer as it is, also a 503.
            whole: also read the body, which is part of what may break; False leaves that of a 200 to the caller.
        """
        request = self._request(
            method,
            self._prefix + path,
            json=json,
            data=form,
            files=files,
            params={name: value for name, value in (params or {}).items() if value is not None} or None,
            headers=self._headers
            | {name: value for name, value in (("Idempotency-Key", key), ("If-Match", if_match)) if value is not None},
        )
        again = repeatable or method in _REPEATABLE or key is not None
        renewed = False
        tried = 0
        while True:
            signature = self._credentials.headers() if signed else {}
            request.headers.update(signature)
            pause = _SPREAD.uniform(0.5, 1.0) * _FIRST_PAUSE * 2**tried
            last = tried >= self._retries or not patient
            tried += 1
            try:
                response = self._answer(request, whole=whole)
            except httpx2.RequestError as error:
                if last or isinstance(error, _HOPELESS) or not (again or isinstance(error, _NEVER_SENT)):
                    raise self._failed(error) from error
                time.sleep(pause)
                continue
            if response.status_code == _UNAUTHORIZED and signed and not renewed:
                renewed = True
                if self._credentials.renewed_since(signature):
                    response.close()
                    continue
            passing = response.status_code == _TOO_MANY or (again and response.status_code in _PASSING)
            asked = seconds_to_wait(response) or 0.0
            if not passing or last or asked > _LONGEST_PAUSE:
                return response
            response.close()
            time.sleep(max(pause, asked))

    def _request(self, method: str, url: str, **given: Any) -> httpx2.Request:
        try:
            return self._http.build_request(method, url, **given)
        except httpx2.InvalidURL as error:
            raise ConnectionFailed(f"The address {self.base_url} cannot be used: {error}") from error

    def _answer(self, request: httpx2.Request, *, whole: bool) -> httpx2.Response:
        """One answer, with its body unless it is a 200 whose body was not asked for."""
        response = self._http.send(request, stream=True)
        if whole or response.status_code != _OK:
            try:
                response.read()
            finally:
                response.close()
        return response

    def _failed(self, error: httpx2.RequestError) -> ConnectionFailed:
        if isinstance(error, httpx2.UnsupportedProtocol):
            return ConnectionFailed(f"The address {self.base_url!r} cannot be used: begin it with http:// or https://")
        if isinstance(error, _NEVER_SENT):
            return ConnectionFailed(f"No Winnow server answers at {self.base_url}. Start one with: winnow up")
        return ConnectionFailed(f"The connection to {self.base_url} broke: {str(error) or type(error).__name__}")


def new_key() -> str:
    """A fresh idempotency key."""
    return uuid.uuid4().hex
