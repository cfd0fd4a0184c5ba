"""The role-by-route grid: every route declares who may call it, and holds to it."""

import pytest
from fastapi.routing import APIRoute, iter_route_contexts

from api import policies
from api.app import ROUTERS, create_app
from api.deps import Gate, PublicGate
from api.policies import GRID, Policy
from models.settings import Settings
from models.steps.accounts import Caller
from models.vocabulary import Role
from tests.api.conftest import Winnow, make_project

DOCUMENT_PAGES = {
    "/openapi.json", "/docs", "/docs/start.js", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css"
}  # fmt: skip

# Who may what, as the contract has it: P program, R reviewer, M manager, A administrator, * anyone at all.
EXPECTED = {
    "POST /v1/auth/token": "*",
    "POST /v1/auth/refresh": "*",
    "POST /v1/auth/logout": "*",
    "GET /v1/me": "PRMA",
    "GET /v1/users": "A",
    "POST /v1/users": "A",
    "GET /v1/users/{user_id}": "A",
    "PATCH /v1/users/{user_id}": "A",
    "GET /v1/api-keys": "A",
    "POST /v1/api-keys": "A",
    "DELETE /v1/api-keys/{key_id}": "A",
    "GET /v1/limits": "A",
    "GET /v1/projects": "PRMA",
    "POST /v1/projects": "MA",
    "GET /v1/projects/{slug}": "PRMA",
    "PATCH /v1/projects/{slug}": "MA",
    "DELETE /v1/projects/{slug}": "MA",
    "GET /v1/projects/{slug}/stats": "RMA",
    "GET /v1/projects/{slug}/categories": "PRMA",
    "POST /v1/projects/{slug}/categories": "MA",
    "GET /v1/projects/{slug}/categories/{category_id}": "PRMA",
    "PATCH /v1/projects/{slug}/categories/{category_id}": "MA",
    "DELETE /v1/projects/{slug}/categories/{category_id}": "MA",
    "POST /v1/projects/{slug}/categories/{category_id}/changes": "MA",
    "GET /v1/projects/{slug}/categories/{category_id}/guideline": "RMA",
    "GET /v1/projects/{slug}/category-changes": "MA",
    "DELETE /v1/projects/{slug}/category-changes/{change_id}": "MA",
    "GET /v1/projects/{slug}/members": "MA",
    "PUT /v1/projects/{slug}/members/{user_id}": "MA",
    "DELETE /v1/projects/{slug}/members/{user_id}": "MA",
    "POST /v1/projects/{slug}/imports": "MA",
    "POST /v1/projects/{slug}/imports/preview": "MA",
    "GET /v1/projects/{slug}/imports": "MA",
    "GET /v1/projects/{slug}/imports/{import_id}": "MA",
    "GET /v1/projects/{slug}/imports/{import_id}/rejects": "MA",
    "GET /v1/projects/{slug}/groups": "RMA",
    "GET /v1/projects/{slug}/map": "RMA",
    "POST /v1/projects/{slug}/decisions/undo": "RMA",
    "GET /v1/projects/{slug}/throughput": "MA",
    "GET /v1/projects/{slug}/models/{number}/lineage": "MA",
    "GET /v1/projects/{slug}/models/{number}/audited": "MA",
    "GET /v1/projects/{slug}/models/{number}/bundle": "MA",
    "GET /v1/projects/{slug}/erasures": "MA",
    "GET /v1/audit-log": "A",
    "GET /v1/projects/{slug}/items": "RMA",
    "POST /v1/projects/{slug}/items": "MA",
    "GET /v1/projects/{slug}/items/{item_id}": "PRMA",
    "DELETE /v1/projects/{slug}/items/{item_id}": "MA",
    "POST /v1/projects/{slug}/predict": "PMA",
    "POST /v1/projects/{slug}/predict/batch": "PMA",
    "POST /v1/projects/{slug}/feedback": "PMA",
    "GET /v1/projects/{slug}/predictions/{prediction_id}": "PRMA",
    "GET /v1/projects/{slug}/decisions/{decision_id}": "PRMA",
    "POST /v1/projects/{slug}/queue/lease": "RMA",
    "POST /v1/projects/{slug}/queue/release": "RMA",
    "GET /v1/projects/{slug}/decisions": "RMA",
    "POST /v1/projects/{slug}/decisions": "RMA",
    "DELETE /v1/projects/{slug}/decisions/{decision_id}": "RMA",
    "POST /v1/projects/{slug}/train": "MA",
    "GET /v1/projects/{slug}/models": "MA",
    "GET /v1/projects/{slug}/models/{number}": "MA",
    "POST /v1/projects/{slug}/models/{number}/promote": "MA",
    "POST /v1/projects/{slug}/models/{number}/reproduce": "MA",
    "POST /v1/projects/{slug}/models/{number}/shadow": "MA",
    "DELETE /v1/projects/{slug}/models/{number}/shadow": "MA",
    "GET /v1/projects/{slug}/shadow": "MA",
    "POST /v1/projects/{slug}/models/rollback": "MA",
    "GET /v1/projects/{slug}/models/{a}/compare/{b}": "MA",
    "GET /v1/projects/{slug}/accuracy": "MA",
    "GET /v1/projects/{slug}/automation": "MA",
    "GET /v1/projects/{slug}/label-errors": "MA",
    "GET /v1/projects/{slug}/agreement": "MA",
    "GET /v1/projects/{slug}/disputes": "MA",
    "GET /v1/projects/{slug}/flagged": "MA",
    "POST /v1/projects/{slug}/disputes/{item_id}": "MA",
    "GET /v1/projects/{slug}/drift": "MA",
    "GET /v1/projects/{slug}/novelty": "MA",
    "POST /v1/projects/{slug}/novelty/category": "MA",
    "GET /v1/projects/{slug}/forecast": "MA",
    "GET /v1/projects/{slug}/export": "MA",
    "GET /v1/projects/{slug}/webhooks": "MA",
    "POST /v1/projects/{slug}/webhooks": "MA",
    "GET /v1/projects/{slug}/webhooks/{webhook_id}": "MA",
    "PATCH /v1/projects/{slug}/webhooks/{webhook_id}": "MA",
    "DELETE /v1/projects/{slug}/webhooks/{webhook_id}": "MA",
    "GET /v1/projects/{slug}/webhooks/{webhook_id}/deliveries": "MA",
    "POST /v1/projects/{slug}/webhooks/{webhook_id}/test": "MA",
    "POST /v1/projects/{slug}/webhooks/{webhook_id}/deliveries/{delivery_id}/replay": "MA",
    "GET /v1/jobs/{job_id}": "PRMA",
    "GET /v1/jobs/{job_id}/result": "PRMA",
    "POST /v1/jobs/{job_id}/cancel": "PRMA",
    "GET /v1/alerts": "MA",
    "GET /healthz": "*",
    "GET /readyz": "*",
    "GET /metrics": "*",
    "GET /problems/{code}": "*",
    "GET /label-studio/{slug}/health": "*",
    "POST /label-studio/{slug}/setup": "PMA",
    "POST /label-studio/{slug}/predict": "PMA",
    "POST /label-studio/{slug}/webhook": "PMA",
}
LETTERS = {"P": Role.PROGRAM, "R": Role.REVIEWER, "M": Role.MANAGER, "A": Role.ADMIN}


def gates(route: APIRoute) -> list[Policy]:
    calls = [one.call for one in route.dependant.dependencies]
    return [call.policy for call in calls if isinstance(call, Gate | PublicGate)]


def routes() -> list[APIRoute]:
    return [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]


def test_every_route_of_the_application_declares_one_policy(settings_alone: Settings) -> None:
    app = create_app(settings_alone)
    found = [context.original_route for context in iter_route_contexts(app.routes)]
    pages = {getattr(route, "path", route) for route in found if not isinstance(route, APIRoute)}
    assert pages == DOCUMENT_PAGES, "a route that is no APIRoute has no gate"
    declared = [route for route in found if isinstance(route, APIRoute)]
    assert declared == routes()
    for route in declared:
        assert len(gates(route)) == 1, f"{route.path} declares {len(gates(route))} policies"
        assert gates(route)[0] in GRID


def test_the_gate_is_asked_before_anything_else() -> None:
    for route in routes():
        first = route.dependant.dependencies[0].call
        assert isinstance(first, Gate | PublicGate), f"{route.path} does something before it knows who calls"


def test_the_grid_is_the_one_written_here() -> None:
    grid = {}
    for route in routes():
        policy = gates(route)[0]
        allowed = "".join(
            letter for letter, role in LETTERS.items() if policy(Caller(key="key:0", name="x", role=role))
        )
        for method in route.methods:
            grid[f"{method} {route.path}"] = "*" if policy.public else allowed
    assert grid == EXPECTED


@pytest.fixture(scope="module")
def shared(module_winnow: Winnow) -> Winnow:
    make_project(module_winnow)
    return module_winnow


@pytest.mark.parametrize("line", EXPECTED)
def test_each_role_is_let_in_or_not(shared: Winnow, line: str) -> None:
    method, _, template = line.partition(" ")
    path = template.format(
        slug="no-such-project", user_id=999, key_id=999, category_id=999, import_id=999, item_id=999, decision_id=999,
        webhook_id=999, delivery_id=999, change_id=999,
        number=9, a=8, b=9, job_id="0" * 32, prediction_id="0" * 32, code="invalid",
    )  # fmt: skip
    allowed = EXPECTED[line]
    if allowed == "*":
        assert shared.http.request(method, path).status_code not in {401, 403}
        return
    nobody = shared.http.request(method, path)
    assert nobody.status_code == 401
    takes_basic = path.startswith("/label-studio/")
    assert nobody.headers["WWW-Authenticate"] == ('Basic realm="Winnow", Bearer' if takes_basic else "Bearer")
    assert shared.http.request(method, path, headers={"X-API-Key": "wnw_wrong"}).status_code == 401
    for letter, role in LETTERS.items():
        status = shared.call(method, path, role).status_code
        if letter in allowed:
            assert status not in {401, 403, 405, 500}, (role, status)
        else:
            assert status == 403, (role, status)


def test_every_permission_is_a_sentence_and_is_used() -> None:
    used = {gates(route)[0].name for route in routes()}
    assert used == {policy.name for policy in GRID}
    for policy in GRID:
        assert policy.sentence.endswith(".")
        assert getattr(policies, policy.name) is policy


def test_reviewers_and_programs_stand_side_by_side() -> None:
    reviewer, program, manager = (Caller(key="key:1", name="x", role=LETTERS[one]) for one in "RPM")
    assert not policies.may_predict(reviewer)
    assert not policies.may_review(program)
    assert policies.may_predict(manager)
    assert policies.may_review(manager)
    assert policies.may_follow_job(program, "key:1")
    assert not policies.may_follow_job(program, "key:2")
    assert policies.may_follow_job(manager, "key:2")
