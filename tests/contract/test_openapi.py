"""The OpenAPI document in the repository is the one that the code gives, and says what it should."""

import json

from api.openapi import FILE, document


def test_the_committed_document_is_current() -> None:
    assert FILE.read_text() == document(), "write it anew: python -m api.openapi"


def test_operations_are_named_explained_and_guarded() -> None:
    operations = [
        (f"{method.upper()} {path}", operation)
        for path, methods in json.loads(FILE.read_text())["paths"].items()
        for method, operation in methods.items()
    ]
    names = [operation["operationId"] for _, operation in operations]
    assert len(set(names)) == len(names)
    public = {"POST /v1/auth/token", "POST /v1/auth/refresh", "POST /v1/auth/logout"}
    public |= {"GET /healthz", "GET /readyz", "GET /metrics", "GET /problems/{code}", "GET /label-studio/{slug}/health"}
    for where, operation in operations:
        assert operation["description"].endswith("."), where
        assert ("security" in operation) == (where not in public), where
        problem = operation["responses"]["422"]["content"]["application/problem+json"]["schema"]
        assert problem == {"$ref": "#/components/schemas/Problem"}, where


def test_the_main_bodies_have_examples() -> None:
    schemas = json.loads(FILE.read_text())["components"]["schemas"]
    for name in ("NewProject", "ItemsIn", "PredictIn", "FeedbackIn", "DecisionsIn", "NewUser", "NewApiKey"):
        assert schemas[name]["examples"], name
