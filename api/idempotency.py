"""`Idempotency-Key`: the same request sent twice has one effect and one answer.

The key is claimed first, in the transaction of the effect: a twin that comes at the same moment waits for
that row, and then finds the answer. An effect that fails leaves no key behind. Answers are kept encrypted,
since one of them holds a new API key's secret; and what tells whether a request is the same is a hash under the
operator's key, since a request may hold a password, which a plain hash would let anybody guess who has the rows.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, TypeVar

from cryptography.fernet import Fernet, InvalidToken
from fastapi import Depends, Header, Request
from pydantic import BaseModel
from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from api.context import context_of
from models.errors import Invalid, KeyReused, Problem
from models.store.tables import IdempotencyRow
from models.store.types import utc_now
from models.store.upsert import insert_new

KEPT = timedelta(hours=24)
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_PENDING = 0
_DONE = 200

Answer = TypeVar("Answer", bound=BaseModel)


class Once:
    """A request that may come again.

    Attributes:
        key: what the client sent; None where it does not care.
    """

    def __init__(self, key: str | None, request: Request, body: bytes) -> None:
        self.key = key
        self._request = request
        self._body = body

    def __call__(
        self, schema: type[Answer], session: Session, act: Callable[[], Answer], *, about: bytes = b""
    ) -> Answer:
        """Do it, unless the same request did it before: then give that answer again.

        Args:
            schema: what the answer is.
            session: the transaction of the effect.
            act: the effect.
            about: what else the request consists of, such as the hash of an uploaded file.

        Raises:
            KeyReused: the key came with another request within a day.
        """
        if self.key is None:
            return act()
        fingerprint = self._fingerprint(about)
        row = self._claimed(session, fingerprint)
        if row.status_code == _DONE:
            return self._kept(schema, row, fingerprint)
        answer = act()
        row.status_code = _DONE
        row.body = self._seal().encrypt(answer.model_dump_json(by_alias=True).encode())
        session.flush()
        return answer

    def before(self, schema: type[Answer], session: Session) -> Answer | None:
        """The answer that was given before, if one was: for work that begins before the transaction of its effect.

        Raises:
            KeyReused: the key came with another request within a day.
        """
        if self.key is None:
            return None
        lasting = select(IdempotencyRow).where(*self._mine(), IdempotencyRow.created_at >= utc_now() - KEPT)
        row = session.scalar(lasting)
        return None if row is None else self._kept(schema, row, self._fingerprint(b""))

    def _kept(self, schema: type[Answer], row: IdempotencyRow, fingerprint: bytes) -> Answer:
        try:
            told = self._seal().decrypt(row.body)
        except InvalidToken:
            raise KeyReused(
                "This request was done before, and its answer was kept under another WINNOW_SECRET_KEY and cannot "
                "be read: look at what is there, or use a new Idempotency-Key to do it again."
            ) from None
        if row.request_hash != fingerprint:
            raise KeyReused("This Idempotency-Key came with another request before: use a new one.")
        return schema.model_validate_json(told)

    def _mine(self) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        return IdempotencyRow.caller == self._request.state.caller.key, IdempotencyRow.key == self.key

    def _claimed(self, session: Session, fingerprint: bytes) -> IdempotencyRow:
        mine, now = self._mine(), utc_now()
        session.execute(delete(IdempotencyRow).where(*mine, IdempotencyRow.created_at < now - KEPT))
        claim = {
            "created_at": now,
            "caller": self._request.state.caller.key,
            "key": self.key,
            "request_hash": fingerprint,
            "status_code": _PENDING,
            "body": b"",
        }
        insert_new(session, IdempotencyRow, [claim])
        return session.scalars(select(IdempotencyRow).where(*mine)).one()

    def _fingerprint(self, about: bytes) -> bytes:
        request = self._request
        digest = hmac.new(self._secret(), digestmod=hashlib.sha256)
        for part in (request.method, request.url.path, request.url.query):
            digest.update(part.encode() + b"\n")
        digest.update(hashlib.sha256(self._body).digest() + about)
        return digest.digest()

    def _seal(self) -> Fernet:
        return Fernet(base64.urlsafe_b64encode(self._secret()))

    def _secret(self) -> bytes:
        settings = context_of(self._request).settings
        return hashlib.sha256(b"idempotency:" + settings.signing_key.encode()).digest()


def _checked(key: str | None) -> str | None:
    if key is not None and _KEY.fullmatch(key) is None:
        rule = "must be 1 to 255 visible ASCII characters"
        problem = Problem(("header", "Idempotency-Key"), rule)
        raise Invalid(f"The Idempotency-Key {rule}.", problems=[problem])
    return key


_Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="The same key and body within 24 hours give the first answer again.",
    ),
]


async def _once(request: Request, idempotency_key: _Key = None) -> Once:
    return Once(_checked(idempotency_key), request, await request.body() if idempotency_key else b"")


def _once_for_upload(request: Request, idempotency_key: _Key = None) -> Once:
    return Once(_checked(idempotency_key), request, b"")


Keyed = Annotated[Once, Depends(_once)]
"""For routes with a JSON body."""

KeyedUpload = Annotated[Once, Depends(_once_for_upload)]
"""For routes that stream a file: they say with `about` what came."""
