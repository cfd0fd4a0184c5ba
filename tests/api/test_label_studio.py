"""An existing Label Studio uses a project as its machine-learning backend: what it sends, and what it reads."""

import base64
from typing import Any

import pytest

from api.label_studio import layout_of
from models.errors import Invalid
from tests.api.conftest import Winnow, make_project

BACKEND = "/label-studio/support-tickets"
CONFIG = """<View>
  <Header value="What is it about?"/>
  <Text name="ticket" value="$text"/>
  <Choices name="topic" toName="ticket" choice="single" showInLine="true">
    <Choice value="billing"/><Choice value="Login" hotkey="l"></Choice>
  </Choices>
</View>"""
PROJECT = "7.1795691057"


def basic(winnow: Winnow, role: str = "manager") -> dict[str, str]:
    secret = base64.b64encode(f"label-studio:{winnow.keys[role]}".encode()).decode()
    return {"Authorization": f"Basic {secret}"}


def task(number: int, text: str) -> dict[str, Any]:
    return {"id": number, "data": {"text": text}, "meta": {}, "project": 7, "is_labeled": False, "predictions": []}


def predict(winnow: Winnow, tasks: list[dict[str, Any]], **more: Any):
    """As `MLApi.make_predictions` of Label Studio has it."""
    body = {
        "tasks": tasks, "model_version": "", "project": PROJECT, "label_config": CONFIG,
        "params": {"login": "", "password": "", "context": None}, **more,
    }  # fmt: skip
    return winnow.http.post(f"{BACKEND}/predict", json=body, headers=basic(winnow))


def annotated(action: str, text: str, choice: str, **more: Any) -> dict[str, Any]:
    region = {"id": "aB3", "from_name": "topic", "to_name": "ticket", "type": "choices", "origin": "manual",
              "value": {"choices": [choice]}}  # fmt: skip
    annotation = {"id": 12, "completed_by": 1, "result": [region], "was_cancelled": False, "lead_time": 3.2, **more}
    return {
        "action": action, "annotation": annotation, "task": task(3, text),
        "project": {"id": 7, "title": "Tickets", "label_config": CONFIG},
    }  # fmt: skip


@pytest.fixture(autouse=True)
def _project(winnow: Winnow) -> None:
    make_project(winnow, settings={"audit_rate": 0})


def tell(winnow: Winnow, body: dict[str, Any], role: str = "manager"):
    return winnow.http.post(f"{BACKEND}/webhook", json=body, headers=basic(winnow, role))


def test_it_is_found_and_set_up(winnow: Winnow) -> None:
    health = winnow.http.get(f"{BACKEND}/health")
    assert (health.status_code, health.json()["status"]) == (200, "UP")
    asked = {"project": PROJECT, "schema": CONFIG, "hostname": "http://localhost:8080", "access_token": "t0ken"}
    answer = winnow.http.post(f"{BACKEND}/setup", json=asked, headers=basic(winnow))
    assert (answer.status_code, answer.json()) == (200, {"model_version": "0"})


def test_tasks_are_answered_in_their_order(winnow: Winnow) -> None:
    tasks = [task(1, "I was charged twice"), task(2, "  "), task(3, "my password does not work when signing in")]
    answer = predict(winnow, tasks)
    assert answer.status_code == 200, answer.text
    first, empty, last = answer.json()["results"]
    assert first["result"] == [
        {"from_name": "topic", "to_name": "ticket", "type": "choices", "value": {"choices": ["billing"]}}
    ], "spelled as the configuration has it"
    assert 0 < first["score"] <= 1
    assert empty["result"] == []
    assert last["result"][0]["value"]["choices"] == ["Login"]
    assert answer.json()["model_version"] == first["model_version"] == "0"
    assert predict(winnow, []).json()["results"] == []


def test_an_annotation_becomes_a_decision_and_a_version_learns_from_it(winnow: Winnow) -> None:
    for number, (text, choice) in enumerate([("charged twice", "billing"), ("cannot sign in", "Login")]):
        answer = tell(winnow, annotated("ANNOTATION_CREATED", text, choice))
        assert (answer.status_code, answer.json()["taken"]) == (201, 1), number
    changed = tell(winnow, annotated("ANNOTATION_UPDATED", "charged twice", "Login"))
    assert changed.json()["taken"] == 1
    tell(winnow, annotated("ANNOTATION_UPDATED", "charged twice", "billing"))
    decisions = winnow.get("/v1/projects/support-tickets/decisions").json()["items"]
    assert [one["source"] for one in decisions] == ["feedback"] * 4
    started = tell(winnow, {"action": "START_TRAINING", "project": {"id": 7}})
    assert started.status_code == 201
    assert winnow.get(f"/v1/jobs/{started.json()['job']}").json()["kind"] == "train"
    winnow.work()
    assert predict(winnow, [task(1, "charged twice")]).json()["model_version"] == "1"


def test_the_button_for_training_sends_all_annotated_tasks(winnow: Winnow) -> None:
    one, two = (annotated("", text, choice) for text, choice in [("charged twice", "billing"), ("sign in", "Login")])
    tasks = [{**done["task"], "annotations": [done["annotation"]]} for done in (one, two)]
    body = {"annotations": tasks, "project": PROJECT, "label_config": CONFIG, "params": {"login": "", "password": ""}}
    answer = tell(winnow, body).json()
    assert answer["taken"] == 2
    assert answer["job"]


TWO_QUESTIONS = """<View>
  <Text name="ticket" value="$text"/>
  <Choices name="tone" toName="ticket"><Choice value="Angry"/><Choice value="Calm"/></Choices>
  <Choices name="topic" toName="ticket"><Choice value="Money" alias="Billing"/><Choice value="Login" alias="l"/></Choices>
</View>"""


def chose(control: str, *choices: Any) -> dict[str, Any]:
    return {"from_name": control, "to_name": "ticket", "type": "choices", "value": {"choices": list(choices)}}


def answered(text: str, *regions: dict[str, Any], config: str = TWO_QUESTIONS) -> dict[str, Any]:
    body = annotated("ANNOTATION_CREATED", text, "", result=list(regions))
    return {**body, "project": {"id": 7, "label_config": config}}


def decided(winnow: Winnow) -> dict[str, str]:
    winnow.work()
    items = winnow.get("/v1/projects/support-tickets/items?state=decided").json()["items"]
    return {item["text"]: item["category"] for item in items}


def test_of_several_questions_the_one_about_the_categories_counts(winnow: Winnow) -> None:
    answer = predict(winnow, [task(1, "my password does not work when signing in")], label_config=TWO_QUESTIONS)
    (region,) = answer.json()["results"][0]["result"]
    assert (region["from_name"], region["value"]) == ("topic", {"choices": ["l"]}), "as results have it: the alias"
    for text, regions in {
        "charged twice": [chose("tone", "Angry"), chose("topic", "Billing")],
        "cannot sign in": [chose("topic", ["Access", "l"]), chose("tone", "Calm")],
        "no topic": [chose("tone", "Calm")],
        "both": [chose("topic", "Billing", "l")],
    }.items():
        assert tell(winnow, answered(text, *regions)).status_code == 201, text
    assert decided(winnow) == {"charged twice": "Billing", "cannot sign in": "Login"}


def test_events_about_something_else_are_acknowledged_whatever_the_configuration(winnow: Winnow) -> None:
    body = {"action": "PROJECT_UPDATED", "project": {"id": 7, "label_config": "<View/>"}}
    assert tell(winnow, body).status_code == 201


def test_the_button_for_training_tells_again_only_what_is_new(winnow: Winnow) -> None:
    tasks = [
        {**task(1, "charged twice"), "annotations": [{"result": [chose("topic", "billing")]}]},
        {**task(2, "sign in"), "annotations": [
            {"result": [chose("topic", "Login")]}, {"result": [chose("topic", "billing")], "was_cancelled": True},
        ]},
        {**task(3, "strange"), "annotations": [{"result": [chose("topic", "Unheard of")]}]},
        task(4, "nobody looked"),
    ]  # fmt: skip
    body = {"annotations": tasks, "project": PROJECT, "label_config": CONFIG, "params": {}}
    first, second = tell(winnow, body), tell(winnow, body)
    assert (first.status_code, first.json()["taken"]) == (201, 2), first.text
    assert (second.status_code, second.json()["taken"]) == (201, 0), second.text
    assert decided(winnow) == {"charged twice": "Billing", "sign in": "Login"}
    assert len(winnow.get("/v1/projects/support-tickets/decisions").json()["items"]) == 2


@pytest.mark.parametrize(
    ("said", "category"),
    [
        ({"updated_at": "2020-01-01T00:00:00.000000Z"}, "Login"), ({"created_at": "2020-01-01T00:00:00Z"}, "Login"),
        ({"updated_at": "2999-01-01T00:00:00", "created_at": "2020-01-01T00:00:00Z"}, "Billing"),
        ({"updated_at": "soon", "created_at": 5}, "Billing"), ({}, "Billing"),
    ],
)  # fmt: skip
def test_the_button_for_training_takes_nothing_back_that_was_decided_since(
    winnow: Winnow, said: dict[str, Any], category: str
) -> None:
    winnow.post("/v1/projects/support-tickets/feedback", json={"text": "charged twice", "category": "Login"})
    done = {**task(1, "charged twice"), "annotations": [{"result": [chose("topic", "billing")], **said}]}
    assert tell(winnow, {"annotations": [done], "project": PROJECT, "label_config": CONFIG}).status_code == 201
    assert decided(winnow) == {"charged twice": category}


def test_what_says_nothing_changes_nothing(winnow: Winnow) -> None:
    quiet = [
        annotated("ANNOTATION_CREATED", "charged twice", "billing", was_cancelled=True),
        annotated("ANNOTATION_DELETED", "charged twice", "billing"),
        {"action": "ANNOTATIONS_DELETED", "annotations": [{"id": 12}], "project": {"id": 7}},
        {"action": "PROJECT_UPDATED", "project": {"id": 7, "label_config": CONFIG}},
        {"action": "TASKS_CREATED", "tasks": [{"id": 5}]},
    ]
    for body in quiet:
        answer = tell(winnow, body)
        assert (answer.status_code, answer.json()["taken"]) == (201, 0), body["action"]
    assert winnow.get("/v1/projects/support-tickets/decisions").json()["items"] == []


@pytest.mark.parametrize(
    "change",
    [
        {"result": 5}, {"result": "Billing"}, {"result": {"choices": ["Billing"]}}, {"result": [5, None, "x", []]},
        {"result": [{"type": "choices"}]}, {"result": [{"type": "choices", "value": ["Billing"]}]},
        {"result": [{"type": "choices", "value": {"choices": 5}}]},
        {"result": [{"type": "choices", "value": {"choices": "Billing"}}]},
        {"result": [{"type": "choices", "value": {"choices": [5, None, {}]}}]},
    ],
    ids=str,
)  # fmt: skip
def test_an_annotation_of_another_shape_chooses_nothing(winnow: Winnow, change: dict[str, Any]) -> None:
    answer = tell(winnow, annotated("ANNOTATION_CREATED", "charged twice", "billing", **change))
    assert (answer.status_code, answer.json()["taken"]) == (201, 0), answer.text


def test_a_text_that_is_too_long_is_cut_where_predict_cuts_it(winnow: Winnow) -> None:
    longest = winnow.settings.max_text_chars
    answer = tell(winnow, annotated("ANNOTATION_CREATED", "charged " * longest, "billing"))
    assert (answer.status_code, answer.json()["taken"]) == (201, 1)
    (item,) = winnow.get("/v1/projects/support-tickets/items").json()["items"]
    assert len(item["text"]) == longest


def test_a_program_may_tell_but_not_train(winnow: Winnow) -> None:
    assert tell(winnow, {"action": "START_TRAINING"}, "program").json()["job"] is None
    assert tell(winnow, annotated("ANNOTATION_CREATED", "x y", "billing"), "program").json()["taken"] == 1


def test_only_a_key_opens_it(winnow: Winnow) -> None:
    for header in (
        "",
        "Basic ",
        "Basic x",
        "Basic eDp5",
        "Basic ////",
        "Basic " + base64.b64encode(b"\xff:\xff").decode(),
    ):
        headers = {"Authorization": header} if header else {}
        assert winnow.http.post(f"{BACKEND}/setup", json={"schema": CONFIG}, headers=headers).status_code == 401, header
    assert winnow.http.post(f"{BACKEND}/setup", json={}, headers=basic(winnow, "reviewer")).status_code == 403
    assert winnow.http.get("/v1/me", headers=basic(winnow)).status_code == 401, "nowhere else"
    assert winnow.post(f"{BACKEND}/setup", json={"schema": CONFIG}).status_code == 200, "or in X-API-Key, as ever"


@pytest.mark.parametrize(
    "config",
    [
        "", "<View/>", "not xml <<<", "<![x[", "<![other]>", "<View><Text name='t' value='$text'/></View>",
        "<View><Choices name='c' toName='t'><Choice value='A'/></Choices></View>",
        '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><View>&b;</View>',
    ],
)  # fmt: skip
def test_a_configuration_without_choices_about_a_text_is_refused(winnow: Winnow, config: str) -> None:
    with pytest.raises(Invalid):
        layout_of(config)
    answer = predict(winnow, [task(1, "x")], label_config=config)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
