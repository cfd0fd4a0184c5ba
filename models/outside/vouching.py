"""What a token of an outside identity provider says, once it is checked to the letter."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jose import jwt
from jose.exceptions import JOSEError

from models.errors import Forbidden, Unauthenticated
from models.outside.keys import KeySet
from models.settings import Settings
from models.vocabulary import Role

_MAX_TOKEN_CHARS = 16_384
_COMPACT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
_ODD = re.compile(r"[^\w.@+-]+")
_BY_RANK = (Role.ADMIN, Role.MANAGER, Role.REVIEWER, Role.PROGRAM)
_MAX_NAME = 80


@dataclass(frozen=True, slots=True)
class Vouched:
    """Somebody whom the provider knows.

    Attributes:
        subject: a hash of its issuer and of who this is there; the same in every token.
        name: what people call it, as a user name.
    """

    subject: str
    name: str
    role: Role


class Provider:
    """An identity provider whose tokens are accepted.

    Args:
        settings: the issuer, the audience, the algorithms, and which claims name the person and the role.
        keys: its public keys; fetched from it where none are given.
    """

    def __init__(self, settings: Settings, keys: KeySet | None = None) -> None:
        self._settings = settings
        self._keys = keys or KeySet(settings.oidc_issuer, settings.oidc_jwks_url)

    def issued(self, token: str) -> bool:
        """Whether a token says that it is from this provider; nothing of it is believed by that."""
        if len(token) > _MAX_TOKEN_CHARS or _COMPACT.fullmatch(token) is None:
            return False
        try:
            return bool(jwt.get_unverified_claims(token).get("iss") == self._settings.oidc_issuer)
        except JOSEError:
            return False

    def check(self, token: str) -> Vouched:
        """Who bears the token.

        Raises:
            Unauthenticated: it is forged, expired, for another audience, or signed in a way that is not allowed.
            Forbidden: the provider gives this account no role in Winnow.
            Unavailable: the provider's keys cannot be had.
        """
        chosen = self._settings
        refused = Unauthenticated("The identity provider's token is not valid, has expired, or is for others.")
        try:
            header = jwt.get_unverified_header(token)
            algorithm, kid = header.get("alg"), header.get("kid")
            if algorithm not in chosen.oidc_algorithms or "crit" in header or not isinstance(kid, str | None):
                raise refused
            key = self._keys.get(kid, algorithm)
            if key is None:
                raise refused
            claims = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=chosen.oidc_audience,
                issuer=chosen.oidc_issuer,
                options={
                    **{f"require_{claim}": True for claim in ("iss", "aud", "sub", "exp")},
                    "leeway": chosen.oidc_leeway_seconds,
                    "verify_at_hash": False,  # no access token stands beside it here
                },
            )
        except (JOSEError, ValueError, TypeError) as error:
            raise refused from error
        subject, role = str(claims["sub"]), self._role(claims)
        if role is None:
            raise Forbidden("The identity provider gives this account no role in Winnow.")
        identity = hashlib.sha256(f"{chosen.oidc_issuer}\n{subject}".encode()).hexdigest()
        told = str(claims.get(chosen.oidc_username_claim) or subject).strip().lower()
        return Vouched(identity, _ODD.sub("-", told)[:_MAX_NAME] or identity[:8], role)

    def _role(self, claims: Mapping[str, Any]) -> Role | None:
        """The highest role that the claim names, itself or by the operator's table; None where it names none."""
        found: Any = claims
        for part in self._settings.oidc_role_claim.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        named = {str(one) for one in (found if isinstance(found, list) else [found])}
        table = self._settings.oidc_roles or {role.value: role for role in Role}
        given = {role for name, role in table.items() if name in named}
        return next((role for role in _BY_RANK if role in given), None)
