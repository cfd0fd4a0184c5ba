"""Signatures as the Standard Webhooks specification has them, and how their secrets are kept.

A secret is shown when it is made and signs every message after, so it cannot be kept as a hash. It is sealed with
the operator's key: a copy of the database alone forges nothing.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken

from models.errors import Invalid, Problem, Unavailable
from models.settings import Settings

PREFIX = "whsec_"
MIN_BYTES, MAX_BYTES = 24, 64
_NEW_BYTES = 32


def new_secret() -> str:
    """A fresh secret of 256 random bits."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_NEW_BYTES)).decode("ascii")


def check_secret(secret: str) -> str:
    """The secret, if it is one.

    Raises:
        Invalid: it is not `whsec_` and the base64 of 24 to 64 bytes.
    """
    if len(_key(secret)) not in range(MIN_BYTES, MAX_BYTES + 1):
        rule = f"must be {PREFIX} followed by the base64 of {MIN_BYTES} to {MAX_BYTES} bytes"
        raise Invalid(f"The secret {rule}.", problems=[Problem(("body", "secret"), rule)])
    return secret


def signature(given: Sequence[str], message_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`: one signature for each secret, the newest first.

    Args:
        given: secrets as `new_secret` makes them.
        message_id: the value of `webhook-id`.
        timestamp: the value of `webhook-timestamp`, in seconds since 1970.
        body: the bytes that are sent.
    """
    signed = f"{message_id}.{timestamp}.".encode("ascii") + body
    digests = [hmac.new(_key(secret), signed, hashlib.sha256).digest() for secret in given]
    return " ".join("v1," + base64.b64encode(digest).decode("ascii") for digest in digests)


def seal(settings: Settings, secret: str) -> bytes:
    """The secret as it is kept."""
    return _box(settings).encrypt(secret.encode("ascii"))


def unseal(settings: Settings, sealed: bytes) -> str:
    """The secret as it was.

    Raises:
        Unavailable: it was sealed with another `WINNOW_SECRET_KEY`.
    """
    try:
        return _box(settings).decrypt(sealed).decode("ascii")
    except InvalidToken:
        raise Unavailable(
            "The webhook's secret was kept under another WINNOW_SECRET_KEY and cannot be read: give it a new one."
        ) from None


def _key(secret: str) -> bytes:
    if not secret.startswith(PREFIX) or not secret.isascii():
        return b""
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        return b""


def _box(settings: Settings) -> Fernet:
    key = hashlib.sha256(b"webhook:" + settings.signing_key.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key))
