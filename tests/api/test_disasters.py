"""Drills over HTTP: a release taken back, a key that leaked. The pages below `docs/disasters` name them."""

from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, text

from api.app import create_app
from models import prepare
from models.store.tables import ApiKeyRow
from models.store.types import utc_now
from tests.api.conftest import Winnow


def test_the_release_before_serves_on_a_database_of_a_later_one(winnow: Winnow, project: str) -> None:
    with winnow.database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999z'"))
        connection.execute(text("ALTER TABLE project ADD COLUMN of_later VARCHAR(10)"))
    assert winnow.http.get("/readyz").json()["parts"]["schema"]["ok"] is True
    asked = {"items": [{"text": "I was charged twice"}]}
    assert winnow.post(f"/v1/projects/{project}/predict", json=asked).status_code == 200
    with winnow.database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    assert winnow.http.get("/readyz").status_code == 503


@pytest.fixture
def webhook(winnow: Winnow, project: str) -> Any:
    body = {"url": "https://1.1.1.1/winnow", "events": ["item.decided"]}
    return winnow.post(f"/v1/projects/{project}/webhooks", json=body).json()


def test_a_new_secret_key_refuses_what_the_old_one_signed_and_nothing_else(
    winnow: Winnow, project: str, webhook: Any
) -> None:
    tokens = winnow.sign_in().json()
    old = {"Authorization": f"Bearer {tokens['access_token']}"}
    once = {"Idempotency-Key": "first-of-may"}
    items = {"items": [{"text": "I was charged twice"}]}
    assert winnow.post(f"/v1/projects/{project}/items", json=items, headers=once).status_code == 201
    assert winnow.http.get("/v1/me", headers=old).status_code == 200

    changed = winnow.settings.model_copy(update={"secret_key": type(winnow.settings.secret_key)("another " * 5)})
    vars(changed).pop("signing_key", None)
    with TestClient(create_app(changed, encoder=winnow.context.runtime.encoder)) as http:
        assert http.get("/v1/me", headers=old).status_code == 401
        assert http.get("/v1/me", headers=winnow.as_("admin")).status_code == 200
        again = http.post("/v1/auth/refresh", json={"refresh_token": tokens["refresh_token"]}).json()
        assert http.get("/v1/me", headers={"Authorization": f"Bearer {again['access_token']}"}).status_code == 200
        repeated = http.post(f"/v1/projects/{project}/items", json=items, headers={**winnow.as_("admin"), **once})
        assert repeated.status_code == 409
        assert "another WINNOW_SECRET_KEY" in repeated.json()["detail"]
        path = f"/v1/projects/{project}/webhooks/{webhook['id']}"
        fresh = http.patch(path, json={"rotate_secret": True}, headers=winnow.as_("admin"))
        assert fresh.json()["secret"] != webhook["secret"]


def test_a_new_operators_key_is_made_where_the_old_one_was_revoked(winnow: Winnow, tmp_path: Path) -> None:
    path = tmp_path / "local.key"
    with winnow.database.transaction() as session:
        prepare._local_key(session, path)
    leaked = {"X-API-Key": path.read_text()}
    assert winnow.http.get("/v1/me", headers=leaked).status_code == 200
    with winnow.database.transaction() as session:
        session.scalars(select(ApiKeyRow).where(ApiKeyRow.name == "local")).one().revoked_at = utc_now()
    assert winnow.http.get("/v1/me", headers=leaked).status_code == 401
    with winnow.database.transaction() as session:
        prepare._local_key(session, path)
    assert winnow.http.get("/v1/me", headers={"X-API-Key": path.read_text()}).status_code == 200
    assert path.stat().st_mode & 0o777 == 0o600
