"""Tokens of an outside identity provider: its keys come over real HTTP, and only what is signed by them is believed."""

import base64
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jose import jwk, jwt
from pydantic import ValidationError
from sqlalchemy import select

from models.errors import Unavailable
from models.learn.encoders import Encoder
from models.outside import keys as outside_keys
from models.outside.keys import KeySet
from models.settings import Settings
from models.store.tables import UserRow
from tests.api.conftest import PASSWORD, SECRET, Winnow, build, settings_for

AUDIENCE = "winnow-at-example"


class Key:
    """A key pair of the provider."""

    def __init__(self, kid: str, algorithm: str = "RS256") -> None:
        made = (
            ec.generate_private_key(ec.SECP256R1()) if algorithm == "ES256" else rsa.generate_private_key(65537, 2048)
        )
        self.kid, self.algorithm = kid, algorithm
        pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        self.private = made.private_bytes(pem, pkcs8, serialization.NoEncryption()).decode()
        self.public_pem = made.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
        told = jwk.construct(self.public_pem.decode(), algorithm).to_dict()
        self.public = {name: value.decode() if isinstance(value, bytes) else value for name, value in told.items()}
        self.public |= {"kid": kid, "use": "sig"}


class Provider:
    """A real HTTP server with the two documents of an OpenID Connect provider."""

    def __init__(self) -> None:
        self.keys: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.away = False
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.asked.append(self.path)
                told = {
                    "/.well-known/openid-configuration": {"issuer": provider.url, "jwks_uri": provider.url + "/keys"},
                    "/keys": {"keys": provider.keys},
                }.get(self.path)
                self.send_response(503 if provider.away or told is None else 200)
                self.end_headers()
                self.wfile.write(json.dumps(told).encode())

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def token(
        self, key: Key, algorithm: str | None = None, *, headers: dict[str, Any] | None = None, **more: Any
    ) -> str:
        now = datetime.now(UTC)
        claims = {
            "iss": self.url, "aud": AUDIENCE, "sub": "a-17", "iat": now, "exp": now + timedelta(minutes=5),
            "preferred_username": "Grace", "winnow_role": "reviewer", **more,
        }  # fmt: skip
        claims = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(claims, key.private, algorithm or key.algorithm, headers={"kid": key.kid, **(headers or {})})


@pytest.fixture(scope="module")
def first() -> Key:
    return Key("first")


@pytest.fixture(scope="module")
def second() -> Key:
    return Key("second")


@pytest.fixture
def provider(first: Key, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    monkeypatch.setattr(outside_keys, "_TIMEOUT", httpx2.Timeout(60.0))  # a stall here is no provider that is away
    made = Provider()
    made.keys = [first.public]
    yield made
    made.close()


@pytest.fixture
def winnow(tmp_path: Path, sqlite_url: str, redis_url: str, encoder: Encoder, provider: Provider) -> Iterator[Winnow]:
    more = {"oidc_issuer": provider.url, "oidc_audience": AUDIENCE, "oidc_algorithms": ("RS256", "ES256")}
    yield from build(settings_for(tmp_path / "data", sqlite_url, redis_url, **more), encoder)


def me(winnow: Winnow, token: str):
    return winnow.http.get("/v1/me", headers={"Authorization": f"Bearer {token}"})


def test_a_person_of_the_provider_comes_in_with_the_role_of_the_claim(
    winnow: Winnow, provider: Provider, first: Key
) -> None:
    answer = me(winnow, provider.token(first))
    assert (answer.status_code, answer.json()["username"], answer.json()["role"]) == (200, "grace", "reviewer")
    again = me(winnow, provider.token(first, winnow_role=["program", "manager"]))
    assert (again.json()["id"], again.json()["role"]) == (answer.json()["id"], "manager"), "the provider's word counts"
    assert provider.asked == ["/.well-known/openid-configuration", "/keys"], "once for all requests"
    assert winnow.sign_in("grace", PASSWORD).status_code == 401, "no password opens this account"
    own = winnow.sign_in().json()["access_token"]
    assert me(winnow, own).json()["username"] == "ada", "Winnow's own people still come in"


def test_switched_off_here_is_switched_off(winnow: Winnow, provider: Provider, first: Key) -> None:
    grace = me(winnow, provider.token(first)).json()
    assert winnow.call("PATCH", f"/v1/users/{grace['id']}", json={"active": False}).status_code == 200
    assert me(winnow, provider.token(first)).status_code == 401


def test_the_name_of_a_person_of_the_provider_is_the_provider_s(winnow: Winnow, provider: Provider, first: Key) -> None:
    grace = me(winnow, provider.token(first)).json()
    renamed = winnow.call("PATCH", f"/v1/users/{grace['id']}", json={"username": "hopper"})
    assert (renamed.status_code, renamed.json()["code"]) == (409, "conflict")
    same = {"username": grace["username"], "active": True}
    assert winnow.call("PATCH", f"/v1/users/{grace['id']}", json=same).status_code == 200


def test_a_name_that_somebody_here_has_is_not_taken_over(winnow: Winnow, provider: Provider, first: Key) -> None:
    answer = me(winnow, provider.token(first, preferred_username="ada", winnow_role="program")).json()
    assert answer["username"].startswith("ada-")
    assert answer["id"] != "1"
    with winnow.database.read() as session:
        assert session.scalars(select(UserRow.role).where(UserRow.username == "ada")).one() == "admin"


def test_no_role_is_no_entry(winnow: Winnow, provider: Provider, first: Key) -> None:
    for role in (None, "chief", [], 7, {"a": 1}):
        assert me(winnow, provider.token(first, winnow_role=role)).status_code == 403, role


def test_forged_expired_and_foreign_tokens_are_refused(winnow: Winnow, provider: Provider, first: Key) -> None:
    now = datetime.now(UTC)
    stranger = Key("first")
    refused = {
        "another audience": provider.token(first, aud="somebody-else"),
        "no audience": provider.token(first, aud=None),
        "expired": provider.token(first, exp=now - timedelta(minutes=3)),
        "no expiry": provider.token(first, exp=None),
        "not yet": provider.token(first, nbf=now + timedelta(minutes=30)),
        "no subject": provider.token(first, sub=None),
        "another issuer": provider.token(first, iss=provider.url + "/other"),
        "another key of the same id": provider.token(stranger),
        "an algorithm not allowed": provider.token(first, "RS512"),
        "critical extensions": provider.token(first, headers={"crit": ["exp"]}),
    }
    for why, token in refused.items():
        assert me(winnow, token).status_code == 401, why
    just_over = datetime.now(UTC) - timedelta(seconds=1)
    assert me(winnow, provider.token(first, exp=just_over)).status_code == 200, "clocks may differ"


def test_the_public_key_is_never_taken_for_a_secret(winnow: Winnow, provider: Provider, first: Key) -> None:
    """Algorithm confusion: signed by HMAC with what everybody can read, or with nothing at all."""
    import hashlib
    import hmac

    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    claims = jwt.get_unverified_claims(provider.token(first))
    for secret in (first.public_pem, json.dumps(first.public).encode(), SECRET.encode()):
        signed = f"{part({'alg': 'HS256', 'kid': 'first'})}.{part(claims)}"
        mac = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
        token = f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
        assert me(winnow, token).status_code == 401
    for algorithm in ("none", "None", "NONE", ""):
        assert me(winnow, f"{part({'alg': algorithm, 'kid': 'first'})}.{part(claims)}.x").status_code == 401
    own = {**jwt.get_unverified_claims(winnow.sign_in().json()["access_token"])}
    assert me(winnow, jwt.encode(own, first.private, "RS256")).status_code == 401, (
        "nor does the provider sign for Winnow"
    )


def test_keys_are_rotated(
    winnow: Winnow, provider: Provider, first: Key, second: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outside_keys, "REST_SECONDS", 3600.0)
    assert me(winnow, provider.token(first)).status_code == 200
    provider.keys = [second.public]
    assert me(winnow, provider.token(second)).status_code == 401, "asked a moment ago: not again so soon"
    monkeypatch.setattr(outside_keys, "REST_SECONDS", 0.0)
    assert me(winnow, provider.token(second)).status_code == 200
    assert me(winnow, provider.token(first)).status_code == 401, "a key that was taken back signs nothing"


def test_an_elliptic_key_signs_too_but_not_as_another_kind(winnow: Winnow, provider: Provider, first: Key) -> None:
    elliptic = Key("curve", "ES256")
    provider.keys = [first.public, elliptic.public]
    assert me(winnow, provider.token(elliptic)).status_code == 200
    elliptic.kid = "first"
    assert me(winnow, provider.token(elliptic)).status_code == 401


def test_made_up_key_ids_make_nobody_ask_the_provider_again_and_again(provider: Provider) -> None:
    now = [0.0]
    keys = KeySet(provider.url, clock=lambda: now[0])
    assert all(keys.get(f"made up {number}", "RS256") is None for number in range(100))
    assert len(provider.asked) == 2
    provider.keys *= 1000
    now[0] = 31.0
    assert keys.get("made up", "RS256") is None
    assert len(keys._keys) <= outside_keys.MAX_KEYS


def test_keys_outlive_a_provider_that_is_away_for_a_day(provider: Provider) -> None:
    now = [0.0]
    keys = KeySet(provider.url, clock=lambda: now[0])
    assert keys.get("first", "RS256") is not None
    provider.away = True
    now[0] = 20 * 3600.0
    assert keys.get("first", "RS256") is not None
    now[0] = 25 * 3600.0
    with pytest.raises(Unavailable):
        keys.get("first", "RS256")


def test_a_configuration_of_another_issuer_is_not_believed(provider: Provider) -> None:
    with pytest.raises(Unavailable):
        KeySet(provider.url + "/", clock=lambda: 0.0).get("first", "RS256")


@pytest.mark.parametrize(
    "more",
    [
        {"oidc_issuer": "https://id.example.com"},
        {"oidc_issuer": "http://id.example.com", "oidc_audience": "x"},
        {"oidc_issuer": "https://id.example.com", "oidc_audience": "x", "oidc_algorithms": ("HS256",)},
        {"oidc_issuer": "https://id.example.com", "oidc_audience": "x", "oidc_algorithms": ("none",)},
        {"oidc_issuer": "https://id.example.com", "oidc_audience": "x", "oidc_roles": {"admins": "chief"}},
    ],
)
def test_half_a_configuration_keeps_the_process_from_starting(more: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        Settings(data_dir=tmp_path, **more)
