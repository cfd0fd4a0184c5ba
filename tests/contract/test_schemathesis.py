"""A net under the boundary tests: requests made from the OpenAPI document, as every role, and one after another.

No answer may be a 5xx, have a status that the document does not name, or differ from what it describes.
"""

import json
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, assume, settings
from jsonschema_rs import Draft202012Validator

from api.openapi import FILE
from models.vocabulary import Role
from tests.api.conftest import Winnow

DOCUMENT = json.loads(FILE.read_text())
# Its project is what the other cases need.
whole = schemathesis.openapi.from_path(FILE).exclude(method="DELETE", path="/v1/projects/{slug}")
quick = schemathesis.openapi.from_path(FILE).exclude(method="DELETE", path="/v1/projects/{slug}")
quick.config.phases.coverage.enabled = False  # what is odd was tried as an administrator, who gets furthest
SLUG = {"slug": "support-tickets"}
_REQUEST = {"method", "url", "headers", "files", "data", "params", "cookies", "json"}
_LONGEST_ADDRESS = 65_536  # the client sends no longer ones
_ANY_FILE = {"application/octet-stream", "text/csv", "text/plain"}
_BOUNDED = {
    "deadline": None,
    "derandomize": True,
    "database": None,
    "suppress_health_check": list(HealthCheck),
}


def ask(winnow: Winnow, case: schemathesis.Case, role: Role) -> Any:
    """Send the case as somebody of this role, to the project that is there."""
    if "slug" in case.path_parameters:
        case.path_parameters.update(SLUG)
    made = case.as_transport_kwargs(base_url="http://testserver")
    request = requests.Request(**{name: value for name, value in made.items() if name in _REQUEST}).prepare()
    assume(len(request.url or "") <= _LONGEST_ADDRESS)
    headers = {**request.headers, **winnow.as_(role)}
    return winnow.http.request(request.method, request.url, content=request.body, headers=headers)


def check(case: schemathesis.Case, answer: Any) -> None:
    """Hold an answer against the document."""
    assert answer.status_code < 500 or case.path == "/readyz", answer.text
    operation = DOCUMENT["paths"][case.path].get(case.method.lower())
    if operation is None:  # a method that the path has not
        assert 400 <= answer.status_code < 500, answer.text
        return
    documented = operation["responses"]
    assert str(answer.status_code) in documented, f"{answer.status_code} is not documented: {answer.text[:300]}"
    content = documented[str(answer.status_code)].get("content")
    kind = answer.headers.get("content-type", "").partition(";")[0]
    if answer.status_code in {204, 304} or not content:
        assert answer.content == b""
        return
    assert kind in content or (kind in _ANY_FILE and not set(content) <= {"application/json"}), kind
    if kind.endswith("json") and content.get(kind, {}).get("schema"):
        told = {**content[kind]["schema"], "components": DOCUMENT["components"]}
        faults = [fault.message for fault in Draft202012Validator(told).iter_errors(answer.json())]
        assert faults == [], answer.text[:500]


@pytest.mark.parametrize("role", [Role.ADMIN])  # without it all would bear one name, and side by side only one runs
@whole.parametrize()
@settings(max_examples=3, **_BOUNDED)
def test_no_request_breaks_the_server(module_winnow: Winnow, case: schemathesis.Case, role: Role) -> None:
    check(case, ask(module_winnow, case, role))


@pytest.mark.parametrize("role", [Role.MANAGER, Role.REVIEWER, Role.PROGRAM])
@quick.parametrize()
@settings(max_examples=2, **_BOUNDED)
def test_nor_does_one_of_another_role(module_winnow: Winnow, case: schemathesis.Case, role: Role) -> None:
    check(case, ask(module_winnow, case, role))


def test_nor_does_one_after_another(module_winnow: Winnow) -> None:
    """What one answer gives, the next request uses."""

    class Machine(quick.as_state_machine()):  # type: ignore[misc]
        def call(self, case: schemathesis.Case, **_: Any) -> Any:
            answer = ask(module_winnow, case, Role.ADMIN)
            check(case, answer)
            return schemathesis.Response.from_any(_as_requests(answer))

        def validate_response(self, *_: Any, **__: Any) -> None:
            pass

    Machine.run(settings=settings(max_examples=10, stateful_step_count=6, **_BOUNDED))


def _as_requests(answer: Any) -> requests.Response:
    made = requests.Response()
    made.status_code, made._content, made.url = answer.status_code, answer.content, str(answer.request.url)
    made.headers.update(answer.headers)
    made.request = requests.Request(answer.request.method, str(answer.request.url)).prepare()
    return made
