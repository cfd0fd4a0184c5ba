"""An example for every body that the OpenAPI document describes, made of its own schemas, so that none can be stale."""

from typing import Any

_DEPTH = 12
_TELLING: dict[str, Any] = {
    "username": "ada",
    "password": "correct horse battery",
    "slug": "support-tickets",
    "name": "Support tickets",
    "description": "invoices, charges, refunds",
    "category": "Billing",
    "categories": ["Billing"],
    "text": "I was charged twice",
    "external_id": "T-1",
    "filename": "tickets.csv",
    "confidence": 0.93,
    "url": "https://example.com/winnow",
    "reviewer": "ada",
    "decided_by": "ada",
    "note": "as the customer said",
    "reason": "uncertain",
    "encoder": "all-MiniLM-L6-v2",
    "model_version": 7,
    "version": 7,
    "scopes": ["predict", "give_feedback"],
    "secret": "shown once, and never again",
    "access_token": "eyJhbGciOi…",
    "refresh_token": "JlIROiqh3…",
    "token_type": "bearer",
    "job_id": "0f8fad5bd9cb469fa16570867728950e",
    "prediction_id": "7c9e6679f7ee4ab3a0f4a6e2a1b3c5d7",
    "detail": "Nothing of it was stored.",
}
_USUAL = {"integer": 3, "number": 0.5}
_TIME = "2026-11-22T20:00:00Z"


def add_to(document: dict[str, Any]) -> None:
    """Give each JSON body of the document an example, where it has none."""
    schemas = document["components"]["schemas"]
    for path in document["paths"].values():
        for operation in path.values():
            bodies = [operation.get("requestBody", {}), *operation.get("responses", {}).values()]
            for kind, content in ((k, c) for body in bodies for k, c in body.get("content", {}).items()):
                if kind.endswith("json") and "example" not in content and "examples" not in content:
                    content["example"] = example_of(content.get("schema", {}), schemas)


def example_of(schema: dict[str, Any], schemas: dict[str, Any], name: str = "", depth: int = 0) -> Any:
    """A value that a schema allows, telling where its name is known."""
    if "$ref" in schema:
        target = schemas.get(schema["$ref"].rpartition("/")[2], {})
        return example_of(target, schemas, name, depth + 1)
    for word in ("examples", "enum"):
        if schema.get(word):
            return schema[word][0]
    if "const" in schema:
        return schema["const"]
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        real = [one for one in choices if one.get("type") != "null"]
        return example_of((real or choices)[0], schemas, name, depth) if depth < _DEPTH or not real else None
    return _plain(schema, schemas, name, depth)


def _plain(schema: dict[str, Any], schemas: dict[str, Any], name: str, depth: int) -> Any:
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object" or "properties" in schema:
        return _object(schema, schemas, depth)
    told = _TELLING.get(name)
    if kind == "array":
        inner = schema.get("items", {})
        several = [example_of(inner, schemas, name, depth + 1)] if depth < _DEPTH else []
        return told if isinstance(told, list) and inner.get("type") == "string" else several
    if kind == "string":
        return _string(schema, name, told)
    if kind in _USUAL:
        return _within(schema, told if isinstance(told, int | float) else _USUAL[kind])
    return True if kind == "boolean" else {}


def _object(schema: dict[str, Any], schemas: dict[str, Any], depth: int) -> dict[str, Any]:
    if depth >= _DEPTH:
        return {}
    made = {name: example_of(one, schemas, name, depth + 1) for name, one in schema.get("properties", {}).items()}
    more = schema.get("additionalProperties")
    if not made and isinstance(more, dict):
        made["Billing"] = example_of(more, schemas, "", depth + 1)
    return made


def _string(schema: dict[str, Any], name: str, told: Any) -> str:
    if schema.get("format") == "date-time" or name.endswith(("_at", "_until", "since", "deadline")):
        return _TIME
    if isinstance(told, str):
        return told[: schema.get("maxLength", len(told))]
    if name == "id" or name.endswith("_id"):
        return "17"
    return (
        "x" * schema["minLength"] if schema.get("minLength", 0) > len("text") else "text"[: schema.get("maxLength", 4)]
    )


def _within(schema: dict[str, Any], value: float) -> float:
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    if low is not None and value < low:
        value = low
    return high if high is not None and value > high else value
