"""Tokens: made for a password, checked to the letter, rotated, and dead at once when they should be."""

from datetime import UTC, datetime, timedelta

import pytest
from argon2 import PasswordHasher, Type
from jose import jwt
from sqlalchemy import select, update

from models.steps import accounts
from models.store.tables import AuditLogRow, RefreshTokenRow, UserRow
from tests.api.conftest import PASSWORD, SECRET, Winnow

HASHER = accounts._hasher
"""As it is outside of tests, which are given a quicker one when they begin."""


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def me(winnow: Winnow, token: str) -> int:
    return winnow.http.get("/v1/me", headers=bearer(token)).status_code


def refresh(winnow: Winnow, token: str):
    return winnow.http.post("/v1/auth/refresh", json={"refresh_token": token})


def test_a_password_gives_tokens_that_say_who_calls(winnow: Winnow) -> None:
    tokens = winnow.sign_in().json()
    assert set(tokens) == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert (tokens["token_type"], tokens["expires_in"]) == ("bearer", 900)
    answer = winnow.http.get("/v1/me", headers=bearer(tokens["access_token"]))
    assert answer.json() == {"id": "1", "username": "ada", "role": "admin"}


def test_a_user_name_is_the_same_in_any_case(winnow: Winnow) -> None:
    assert winnow.sign_in(" ADA ").status_code == 200


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("ada", "wrong password"),
        ("nobody", PASSWORD),
        ("", ""),
        ("a\x00b", PASSWORD),
        ("ada", "\x00"),
        ("é" * 5000, "x"),
    ],
)
def test_a_failed_sign_in_never_says_why(winnow: Winnow, username: str, password: str) -> None:
    answer = winnow.sign_in(username, password)
    if answer.status_code == 422:  # an empty form field
        return
    assert answer.status_code == 401
    assert answer.json()["detail"] == "The user name or the password is wrong."


def test_an_unknown_name_costs_a_password_check_too(winnow: Winnow, monkeypatch: pytest.MonkeyPatch) -> None:
    checks = []
    verify = PasswordHasher.verify
    monkeypatch.setattr(PasswordHasher, "verify", lambda *given: checks.append(1) or verify(*given))
    winnow.sign_in("nobody", PASSWORD)
    unknown = len(checks)
    winnow.sign_in("ada", "wrong password")
    assert unknown == len(checks) - unknown == 1


def test_passwords_are_kept_as_argon2id_hashes(winnow: Winnow) -> None:
    with winnow.database.read() as session:
        kept = session.scalars(select(UserRow.password_hash)).one()
    assert kept.startswith("$argon2id$")
    assert PASSWORD not in kept


def test_a_hash_costs_who_guesses_at_least_what_owasp_asks_for() -> None:
    hasher = HASHER()
    assert hasher.type is Type.ID
    assert hasher.memory_cost >= 19 * 1024
    assert hasher.time_cost >= 2


def claims(**changes: object) -> dict[str, object]:
    now = datetime.now(UTC)
    return {
        "iss": "winnow", "aud": "winnow-api", "sub": "user:1", "iat": now, "exp": now + timedelta(minutes=5),
        "jti": "x.y", **changes,
    }  # fmt: skip


def test_forged_and_stale_tokens_are_refused(winnow: Winnow) -> None:
    genuine = winnow.sign_in().json()["access_token"]
    own = jwt.get_unverified_claims(genuine)
    assert me(winnow, jwt.encode(own, SECRET, "HS256")) == 200, "the test signs as the server does"
    past = int(datetime.now(UTC).timestamp()) - 10
    for change in (
        {"iss": "other"}, {"aud": "other"}, {"exp": past}, {"sub": "user:99"}, {"sub": "key:1"}, {"sub": "user:x"},
        {"sub": "user:²"}, {"jti": "unknown.family"}, {"jti": ""},
    ):  # fmt: skip
        assert me(winnow, jwt.encode({**own, **change}, SECRET, "HS256")) == 401, change
    for missing in ("iss", "aud", "sub", "exp", "iat", "jti"):
        less = {name: value for name, value in own.items() if name != missing}
        assert me(winnow, jwt.encode(less, SECRET, "HS256")) == 401, missing
    assert me(winnow, jwt.encode(own, "another secret of sufficient length!", "HS256")) == 401
    assert me(winnow, jwt.encode(own, SECRET, "HS512")) == 401, "the algorithm is pinned"
    header, body, _ = genuine.split(".")
    assert me(winnow, f"{header}.{body}.") == 401
    none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0"
    for token in (f"{none}.{body}.x", f"{none}.{body}.", "a.b.c", "x" * 5000, "é.é.é", "..", ""):
        answer = winnow.http.get("/v1/me", headers={b"Authorization": b"Bearer " + token.encode()})
        assert answer.status_code == 401, token


def test_a_refresh_token_works_once(winnow: Winnow) -> None:
    first = winnow.sign_in().json()
    second = refresh(winnow, first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert me(winnow, second["access_token"]) == 200


def test_using_a_refresh_token_twice_ends_the_sign_in_for_both(winnow: Winnow) -> None:
    first = winnow.sign_in().json()
    other = winnow.sign_in().json()
    second = refresh(winnow, first["refresh_token"]).json()
    assert refresh(winnow, first["refresh_token"]).status_code == 401
    assert refresh(winnow, second["refresh_token"]).status_code == 401, "the thief's or the owner's: nobody can tell"
    assert me(winnow, second["access_token"]) == 401
    assert me(winnow, other["access_token"]) == 200, "another sign-in of the same person goes on"


def test_refresh_tokens_expire_and_only_their_hashes_are_kept(winnow: Winnow) -> None:
    token = winnow.sign_in().json()["refresh_token"]
    with winnow.database.transaction() as session:
        assert token.encode() not in session.scalars(select(RefreshTokenRow.token_hash)).one()
        session.execute(update(RefreshTokenRow).values(expires_at=datetime.now(UTC) - timedelta(seconds=1)))
    assert refresh(winnow, token).status_code == 401
    assert refresh(winnow, "nonsense").status_code == 401


def test_signing_out_takes_effect_at_once(winnow: Winnow) -> None:
    tokens = winnow.sign_in().json()
    for _ in range(2):
        assert winnow.http.post("/v1/auth/logout", json={"refresh_token": tokens["refresh_token"]}).status_code == 204
    assert me(winnow, tokens["access_token"]) == 401
    assert refresh(winnow, tokens["refresh_token"]).status_code == 401


def test_a_new_password_and_a_switch_off_end_every_sign_in(winnow: Winnow) -> None:
    made = winnow.post("/v1/users", json={"username": "Grace", "password": PASSWORD, "role": "reviewer"}).json()
    assert made["username"] == "grace"
    token = winnow.sign_in("grace").json()["access_token"]
    assert winnow.call("PATCH", f"/v1/users/{made['id']}", json={"password": "another password"}).status_code == 200
    assert me(winnow, token) == 401
    token = winnow.sign_in("grace", "another password").json()["access_token"]
    assert winnow.call("PATCH", f"/v1/users/{made['id']}", json={"active": False}).json()["active"] is False
    assert me(winnow, token) == 401
    assert winnow.sign_in("grace", "another password").status_code == 401


def test_a_change_of_role_takes_effect_with_the_next_request(winnow: Winnow) -> None:
    made = winnow.post("/v1/users", json={"username": "grace", "password": PASSWORD, "role": "manager"}).json()
    headers = bearer(winnow.sign_in("grace").json()["access_token"])
    assert winnow.http.get("/v1/alerts", headers=headers).status_code == 200
    winnow.call("PATCH", f"/v1/users/{made['id']}", json={"role": "reviewer"})
    assert winnow.http.get("/v1/alerts", headers=headers).status_code == 403


def test_the_last_administrator_stays(winnow: Winnow) -> None:
    for change in ({"role": "manager"}, {"active": False}):
        answer = winnow.call("PATCH", "/v1/users/1", json=change)
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    winnow.post("/v1/users", json={"username": "grace", "password": PASSWORD, "role": "admin"})
    assert winnow.call("PATCH", "/v1/users/1", json={"role": "manager"}).status_code == 200


def test_users_are_checked_listed_and_logged(winnow: Winnow) -> None:
    again = winnow.post("/v1/users", json={"username": "ADA", "password": PASSWORD})
    assert (again.status_code, again.json()["code"]) == (409, "already-exists")
    for body in (
        {"username": "has space", "password": PASSWORD},
        {"username": "grace", "password": "short"},
        {"username": "longenough", "password": "LongEnough"},
        {"username": "grace", "password": PASSWORD, "role": "emperor"},
    ):
        assert winnow.post("/v1/users", json=body).status_code == 422, body
    assert winnow.call("PATCH", "/v1/users/999", json={}).status_code == 404
    listed = winnow.get("/v1/users").json()["items"]
    assert [one["username"] for one in listed] == ["ada"]
    assert "password" not in str(listed).lower()
    with winnow.database.read() as session:
        log = session.scalars(select(AuditLogRow)).all()
    assert any(entry.action == "user.created" and entry.subject == "user:1" for entry in log)


def test_guessing_is_stopped_for_the_account_at_that_address_alone(
    winnow: Winnow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.throttle.time.time", lambda: 1_000_000_010.0)
    winnow.post("/v1/users", json={"username": "grace", "password": PASSWORD})
    most = winnow.settings.sign_in_failures
    assert [winnow.sign_in("ada", "wrong").status_code for _ in range(most)] == [401] * most
    stopped = winnow.sign_in("ada", PASSWORD)
    assert stopped.status_code == 429, "even with the right password, or guessing would go on"
    assert 1 <= int(stopped.headers["Retry-After"]) <= 900
    standing = [stopped.headers[f"RateLimit-{name}"] for name in ("Limit", "Remaining", "Reset")]
    assert standing == [str(most), "0", stopped.headers["Retry-After"]]
    assert winnow.sign_in("grace").status_code == 200


def test_failures_are_forgotten_one_by_one_and_not_when_a_clock_strikes(
    winnow: Winnow, monkeypatch: pytest.MonkeyPatch
) -> None:
    most, begin = winnow.settings.sign_in_failures, 1_000_000_350.0  # 10 seconds before a quarter of an hour ends
    now = [begin]
    monkeypatch.setattr("api.throttle.time.time", lambda: now[0])
    for number in range(most):
        now[0] = begin + 2 * number
        assert winnow.sign_in("ada", "wrong").status_code == 401
    stopped = winnow.sign_in("ada", "wrong")
    assert (stopped.status_code, int(stopped.headers["Retry-After"])) == (429, 900 - 2 * (most - 1))
    now[0] = begin + 899
    assert winnow.sign_in("ada", "wrong").status_code == 429
    now[0] = begin + 901
    assert [winnow.sign_in("ada", "wrong").status_code for _ in range(2)] == [401, 429], "one was forgotten, not all"


def test_the_decoy_fits_no_password() -> None:
    assert not accounts._verify(accounts._decoy(), "")


def test_a_person_is_renamed_and_signs_in_with_the_new_name_alone(winnow: Winnow) -> None:
    made = winnow.post("/v1/users", json={"username": "cleo", "password": PASSWORD, "role": "manager"}).json()
    path = f"/v1/users/{made['id']}"
    changed = winnow.call("PATCH", path, json={"username": " Cléo ", "role": "reviewer"})
    assert (changed.status_code, changed.json()["username"], changed.json()["role"]) == (200, "cléo", "reviewer")
    assert winnow.sign_in("cleo").status_code == 401
    assert winnow.sign_in("Cléo").status_code == 200
    entry = winnow.get("/v1/audit-log").json()["items"][0]
    assert (entry["action"], entry["detail"]["username"]) == ("user.changed", "cléo")
    assert winnow.call("PATCH", path, json={"username": "CLÉO"}).status_code == 200, "it is theirs already"
    taken = winnow.call("PATCH", path, json={"username": "Ada"})
    assert (taken.status_code, taken.json()["code"]) == (409, "already-exists")
    bad = winnow.call("PATCH", path, json={"username": "two words"})
    assert (bad.status_code, bad.json()["errors"][0]["loc"]) == (422, ["body", "username"])
    same = winnow.call("PATCH", path, json={"username": "long-enough", "password": "long-enough"})
    assert (same.status_code, same.json()["errors"][0]["loc"]) == (422, ["body", "password"])
    assert winnow.get(path).json()["username"] == "cléo"
