"""The public keys of an OpenID Connect provider, fetched when they are needed and kept for a while.

A provider changes its keys at any time, so a key that is not known is looked up anew, but not more often than every
half minute: whoever sends tokens with made-up key ids makes nobody ask the provider again and again.
"""

import json
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx2

from models.errors import Unavailable

FRESH_SECONDS = 3600.0
"""Keys are taken to be right for so long."""

REST_SECONDS = 30.0
"""After it was asked, the provider is left alone for so long."""

STALE_SECONDS = 24 * 3600.0
"""While the provider is away, the keys it gave last are believed for so long."""

MAX_KEYS = 50
_LOG = logging.getLogger(__name__)
_MAX_BYTES = 256 * 1024
_TIMEOUT = httpx2.Timeout(5.0)
_DISCOVERY = "/.well-known/openid-configuration"


class KeySet:
    """The keys of one provider. Safe to share between threads.

    Args:
        issuer: what its tokens call it; where its configuration is found.
        url: where its keys are; found by the configuration where it is empty.
        clock: seconds that only ever rise.
    """

    def __init__(self, issuer: str, url: str = "", *, clock: Callable[[], float] = time.monotonic) -> None:
        self._issuer = issuer
        self._url = url
        self._clock = clock
        self._keys: dict[str, dict[str, Any]] = {}
        self._fetched_at = self._asked_at = float("-inf")
        self._lock = threading.Lock()

    def get(self, kid: str | None, algorithm: str) -> dict[str, Any] | None:
        """The key of that id, if it signs by that algorithm; of a provider with one key, the one.

        Raises:
            Unavailable: the provider has never answered, or not for a day.
        """
        key = self._known(kid) if self._clock() - self._fetched_at < FRESH_SECONDS else None
        if key is None:
            self._renew()
            key = self._known(kid)
        return key if key is not None and _signs(key, algorithm) else None

    def _known(self, kid: str | None) -> dict[str, Any] | None:
        keys = self._keys
        if kid is None:
            return next(iter(keys.values())) if len(keys) == 1 else None
        return keys.get(kid)

    def _renew(self) -> None:
        now = self._clock()
        # Where there are keys, nobody waits for a provider that somebody else is asking.
        if now - self._asked_at >= REST_SECONDS and self._lock.acquire(blocking=not self._keys):
            try:
                self._ask(now)
            finally:
                self._lock.release()
        if now - self._fetched_at >= STALE_SECONDS:
            raise Unavailable("The identity provider does not answer: try again, or sign in with a password.")

    def _ask(self, now: float) -> None:
        if now - self._asked_at < REST_SECONDS:
            return  # another thread did while this one waited
        self._asked_at = now
        try:
            self._keys = self._fetch()
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, TypeError, KeyError, OSError) as error:
            _LOG.warning("the identity provider's keys cannot be had: %s", error)
        else:
            self._fetched_at = now

    def _fetch(self) -> dict[str, dict[str, Any]]:
        with httpx2.Client(timeout=_TIMEOUT, follow_redirects=False) as http:
            url = self._url
            if not url:
                found = _document(http, self._issuer.rstrip("/") + _DISCOVERY)
                if found["issuer"] != self._issuer:
                    message = "the configuration belongs to another issuer"
                    raise ValueError(message)
                url = str(found["jwks_uri"])
            listed = _document(http, url)["keys"][:MAX_KEYS]
        usable = [key for key in listed if isinstance(key, dict) and key.get("use", "sig") == "sig"]
        return {str(key.get("kid", place)): key for place, key in enumerate(usable) if key.get("kty") in {"RSA", "EC"}}


def _document(http: httpx2.Client, url: str) -> Any:
    with http.stream("GET", url, headers={"Accept": "application/json"}) as answer:
        answer.raise_for_status()
        body = bytearray()
        for piece in answer.iter_bytes():
            body += piece
            if len(body) > _MAX_BYTES:
                message = "the provider's document is too large"
                raise ValueError(message)
    return json.loads(bytes(body))


def _signs(key: dict[str, Any], algorithm: str) -> bool:
    """Whether a key is for an algorithm: of its kind, and of no other where it names one."""
    kind = "EC" if algorithm.startswith("ES") else "RSA"
    return bool(key["kty"] == kind and key.get("alg", algorithm) == algorithm)
