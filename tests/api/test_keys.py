"""API keys: shown once, kept as hashes, dead when revoked or expired."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import select, update

from models.store.tables import ApiKeyRow, IdempotencyRow
from tests.api.conftest import Winnow


def use(winnow: Winnow, secret: str) -> int:
    return winnow.http.get("/v1/me", headers={"X-API-Key": secret}).status_code


def test_a_secret_is_shown_once_and_not_kept(winnow: Winnow) -> None:
    answer = winnow.post("/v1/api-keys", json={"name": "helpdesk", "role": "program"})
    assert answer.status_code == 201
    made = answer.json()
    assert use(winnow, made["secret"]) == 200
    listed = next(one for one in winnow.get("/v1/api-keys").json()["items"] if one["id"] == made["id"])
    assert "secret" not in listed
    assert made["secret"].startswith(listed["prefix"])
    with winnow.database.read() as session:
        kept = session.get_one(ApiKeyRow, int(made["id"]))
    assert made["secret"].encode() not in kept.key_hash
    assert len(kept.key_hash) == 32


def test_a_repeated_request_shows_the_same_secret_yet_keeps_it_unreadable(winnow: Winnow) -> None:
    headers = {"Idempotency-Key": "once"}
    first, second = (winnow.post("/v1/api-keys", json={"name": "twice"}, headers=headers).json() for _ in range(2))
    assert first == second
    with winnow.database.read() as session:
        kept = session.scalars(select(IdempotencyRow.body)).one()
    assert first["secret"].encode() not in kept
    assert b"wnw_" not in kept


def test_a_revoked_key_works_no_longer(winnow: Winnow) -> None:
    made = winnow.post("/v1/api-keys", json={"name": "x"}).json()
    assert winnow.call("DELETE", f"/v1/api-keys/{made['id']}").status_code == 204
    assert use(winnow, made["secret"]) == 401
    assert winnow.call("DELETE", f"/v1/api-keys/{made['id']}").status_code == 404
    assert made["id"] not in [one["id"] for one in winnow.get("/v1/api-keys").json()["items"]]


def test_an_expired_key_works_no_longer(winnow: Winnow) -> None:
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    made = winnow.post("/v1/api-keys", json={"name": "x", "expires_at": soon}).json()
    assert made["expires_at"].endswith("Z")
    assert use(winnow, made["secret"]) == 200
    with winnow.database.transaction() as session:
        session.execute(
            update(ApiKeyRow).where(ApiKeyRow.name == "x").values(expires_at=datetime.now(UTC) - timedelta(seconds=1))
        )
    assert use(winnow, made["secret"]) == 401


def test_a_key_cannot_be_born_expired(winnow: Winnow) -> None:
    for when in ("2020-01-01T00:00:00Z", "2020-01-01T00:00:00", "not a time", "9999999-01-01T00:00:00Z"):
        answer = winnow.post("/v1/api-keys", json={"name": "x", "expires_at": when})
        assert answer.status_code == 422, when
        assert answer.json()["errors"][0]["loc"] == ["body", "expires_at"]


def test_the_last_use_is_noted(winnow: Winnow) -> None:
    made = winnow.post("/v1/api-keys", json={"name": "x"}).json()
    assert made["last_used_at"] is None
    use(winnow, made["secret"])
    first = _last_use(winnow, made["id"])
    use(winnow, made["secret"])
    assert first is not None
    assert _last_use(winnow, made["id"]) == first, "at most once a minute: a read stays a read"


def test_nonsense_is_no_key(winnow: Winnow) -> None:
    for secret in ("", "x", "wnw_" + "a" * 43, "x" * 60_000):
        assert use(winnow, secret) == 401


def _last_use(winnow: Winnow, key_id: str) -> str | None:
    listed = winnow.get("/v1/api-keys").json()["items"]
    return next(one["last_used_at"] for one in listed if one["id"] == key_id)


def test_a_key_does_no_more_than_its_scopes(winnow: Winnow, project: str) -> None:
    body = {"name": "only asks", "role": "manager", "scopes": ["predict", "see_item"]}
    made = winnow.post("/v1/api-keys", json=body).json()
    assert made["scopes"] == ["predict", "see_item"]
    headers = {"X-API-Key": made["secret"]}
    ask = {"items": [{"text": "x"}]}
    assert winnow.http.post(f"/v1/projects/{project}/predict", headers=headers, json=ask).status_code == 200
    assert winnow.http.get("/v1/me", headers=headers).status_code == 200
    for method, path in (("GET", "/v1/projects"), ("POST", f"/v1/projects/{project}/train"), ("GET", "/v1/users")):
        answer = winnow.http.request(method, path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), path
    assert winnow.get("/v1/api-keys").json()["items"][-1]["scopes"] == ["predict", "see_item"]


def test_a_scope_that_the_role_does_not_reach_is_refused(winnow: Winnow) -> None:
    for scopes in (["manage_users"], ["anything"], []):
        answer = winnow.post("/v1/api-keys", json={"name": "x", "role": "program", "scopes": scopes})
        assert answer.status_code == 422, scopes


def test_a_key_has_a_name_that_can_be_read(winnow: Winnow) -> None:
    for name in ("  ", "\n", "a\x1b[2Jb", "a\u202eb"):
        answer = winnow.post("/v1/api-keys", json={"name": name, "role": "program"})
        assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (422, ["body", "name"])
    made = winnow.post("/v1/api-keys", json={"name": " help\r\ndesk ", "role": "program"})
    assert (made.status_code, made.json()["name"]) == (201, "help desk")
