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
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import quote

import httpx2

from winnow.credentials import Credentials
from winnow.errors import ConnectionFailed, from_response, seconds_to_wait
from winnow.schemas import Edited, Schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from ssl import SSLContext
    from typing import BinaryIO

S = TypeVar("S", bound=Schema)

DEFAULT_URL = "http://127.0.0.1:8000"
_TIMEOUT = httpx2.Timeout(60.0, connect=5.0)
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 30.0
_PAGE = 200
_SPREAD = SystemRandom()  # callers that failed together do not come back together
_REPEATABLE = frozenset({"GET", "HEAD", "PUT"})
_PASSING = frozenset({502, 503, 504})
_TOO_MANY = 429
_UNAUTHORIZED = 401


def v1(*parts: str | int) -> str:
    """The path of a resource: `v1("projects", "a b")` is `/v1/projects/a%20b`."""
    return "/v1/" + "/".join(quote(str(part), safe="") for part in parts)


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
    ) -> None:
        self._own = http is None
        self._http = http or httpx2.Client(timeout=_TIMEOUT, verify=_trusted())
        self._prefix = "" if self._http.base_url.host else base_url.rstrip("/")
        self._retries = retries
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
        return _told(self._read("GET", path, params=params), schema)

    def _post(self, path: str, schema: type[S], json: Any = None, *, key: str | None = None) -> S:
        return _told(self._read("POST", path, json=json, key=key), schema)

    def _patch(self, path: str, schema: type[S], json: Any, *, if_match: str | None = None) -> S:
        return _told(self._read("PATCH", path, json=json, if_match=if_match), schema)

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
        return schema.model_validate_json(answer.content)

    def _pages(self, path: str, schema: type[S], **params: Any) -> Iterator[S]:
        """Every element of a list, page after page as they are needed."""
        params.setdefault("limit", _PAGE)
        while True:
            answer = self._read("GET", path, params=params).json()
            rows = answer if isinstance(answer, list) else answer["items"]
            yield from (schema.model_validate(row) for row in rows)
            cursor = None if isinstance(answer, list) else answer.get("next_cursor")
            if cursor is None:
                return
            params["cursor"] = cursor

    def _read(self, method: str, path: str, **request: Any) -> httpx2.Response:
        """One whole answer. Raises `ApiError` for an error, `ConnectionFailed` where there is none."""
        with self._stream(method, path, **request) as response:
            try:
                response.read()
            except httpx2.TransportError as error:
                raise self._failed(error) from error
            return response

    @contextmanager
    def _stream(self, method: str, path: str, **request: Any) -> Iterator[httpx2.Response]:
        """An answer whose body is not read yet. Raises like `_read`."""
        response = self._send(method, path, **request)
        try:
            if response.is_error:
                response.read()
                raise from_response(response)
            yield response
        finally:
            response.close()

    def _post_unsigned(
        self, path: str, *, json: Mapping[str, str] | None = None, form: Mapping[str, str] | None = None
    ) -> httpx2.Response:
        response = self._send("POST", path, json=json, form=form, signed=False)
        try:
            response.read()
        finally:
            response.close()
        return response

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
        """
        request = self._http.build_request(
            method,
            self._prefix + path,
            json=json,
            data=form,
            files=files,
            params={name: value for name, value in (params or {}).items() if value is not None} or None,
            headers={
                name: value for name, value in (("Idempotency-Key", key), ("If-Match", if_match)) if value is not None
            },
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
                response = self._http.send(request, stream=True)
            except httpx2.TransportError as error:
                if last or not (again or isinstance(error, httpx2.ConnectError)):
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

    def _failed(self, error: httpx2.TransportError) -> ConnectionFailed:
        if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout):
            return ConnectionFailed(f"No Winnow server answers at {self.base_url}. Start one with: winnow up")
        return ConnectionFailed(f"The connection to {self.base_url} broke: {str(error) or type(error).__name__}")


def _told(answer: httpx2.Response, schema: type[S]) -> S:
    """What an answer tells, with its ETag where it is something that several people may change."""
    told = schema.model_validate_json(answer.content)
    tag = answer.headers.get("ETag")
    return told.model_copy(update={"etag": tag}) if tag is not None and isinstance(told, Edited) else told


def new_key() -> str:
    """A fresh idempotency key."""
    return uuid.uuid4().hex
