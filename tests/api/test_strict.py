"""Bodies are read as JSON has them: no text is a number, and no number a truth value."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

import api.app
from api.schemas.base import Schema
from models.project_settings import ProjectSettings
from tests.api.conftest import Winnow, make_project

OTHERS = {"boolean": (1, 0, 1.0, "true", "1"), "integer": ("3", True), "number": ("0.5", True)}


def bodies(base: type[BaseModel] = Schema) -> Iterator[type[BaseModel]]:
    for one in base.__subclasses__():
        yield from (one, *bodies(one))


def fields(model: type[BaseModel]) -> Iterator[tuple[str, Any]]:
    """Those that hold a number or a truth value, each with what is none."""
    for name, told in model.model_json_schema().get("properties", {}).items():
        types = {one.get("type") for one in told.get("anyOf", [told])} - {"null"}
        if types <= OTHERS.keys():
            yield from ((name, given) for kind in types for given in OTHERS[kind])


FIELDS = [(model, *field) for model in (*bodies(), ProjectSettings) for field in fields(model)]


def test_every_body_of_the_application_is_looked_at() -> None:
    assert api.app
    known = {(model.__name__, name) for model, name, _ in FIELDS}
    assert {("PredictIn", "top_k"), ("LeaseIn", "count"), ("ProjectSettings", "members_only")} <= known


@pytest.mark.parametrize(("model", "name", "given"), FIELDS)
def test_nothing_else_is_taken_for_it(model: type[BaseModel], name: str, given: Any) -> None:
    with pytest.raises(ValidationError) as found:
        model.model_validate({name: given})
    assert (name,) in {fault["loc"] for fault in found.value.errors()}


def test_what_is_wrong_is_named_and_what_json_does_not_tell_apart_is_taken(winnow: Winnow) -> None:
    path = f"/v1/projects/{make_project(winnow)}"
    asked = {"items": [{"text": "I was charged twice"}]}
    for body in ({"top_k": "2"}, {"top_k": True}, {"explain": 1}):
        (name,) = body
        refused = winnow.post(f"{path}/predict", json={**asked, **body})
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["loc"] == ["body", name]
    assert winnow.post(f"{path}/predict", json={**asked, "top_k": 2.0}).status_code == 200
    assert winnow.get(f"{path}/items?limit=2").status_code == 200
    settings = winnow.call("PATCH", path, json={"settings": {"retrain_every": "5"}})
    assert settings.json()["errors"][0]["loc"] == ["body", "settings", "retrain_every"]
