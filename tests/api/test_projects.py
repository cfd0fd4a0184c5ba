"""Projects, categories and members; what exists for whom."""

from typing import Any

import pytest
from sqlalchemy import event

from models.project_settings import ProjectSettings
from models.store.tables import ProjectRow
from models.vocabulary import Role
from tests.api.conftest import PASSWORD, Winnow, make_project


def person(winnow: Winnow, name: str, role: str) -> tuple[str, dict[str, str]]:
    """A user's id and headers."""
    made = winnow.post("/v1/users", json={"username": name, "password": PASSWORD, "role": role}).json()
    token = winnow.sign_in(name).json()["access_token"]
    return made["id"], {"Authorization": f"Bearer {token}"}


def test_a_project_needs_a_name_only(winnow: Winnow) -> None:
    made = winnow.post("/v1/projects", "manager", json={"name": "Été à la plage"}).json()
    assert (made["slug"], made["task"], made["categories"]) == ("ete-a-la-plage", "single", [])
    assert made["settings"] == ProjectSettings().model_dump(mode="json")
    assert made["settings"].items() >= {
        "retrain_every": 20, "audit_rate": 0.1, "target_accuracy": 0.95, "reviews_per_item": 1,
        "promotion": "automatic", "members_only": False,
    }.items()  # fmt: skip
    assert made["created_at"].endswith("Z")
    assert winnow.get("/v1/projects/ete-a-la-plage").json() == made


def test_names_that_leave_the_same_address_are_numbered(winnow: Winnow) -> None:
    def made(name: str, **more: str) -> Any:
        return winnow.post("/v1/projects", json={"name": name, **more})

    assert [made(name).json()["slug"] for name in ("日本語", "中文", "한국어")] == ["project", "project-2", "project-3"]
    assert [made(name).json()["slug"] for name in ("C++", "C#", "C 2")] == ["c", "c-2", "c-2-2"]
    long = ["x" * 60 + end for end in ("", "!", "?")]
    assert [made(name).json()["slug"] for name in long] == ["x" * 60, "x" * 54 + "-2", "x" * 54 + "-3"]
    for twin in (made("中文"), made("Another", slug="project")):
        assert (twin.status_code, twin.json()["code"]) == (409, "already-exists")


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"name": "   "}, ["body", "name"]),
        ({"name": "A", "slug": "Not One"}, ["body", "slug"]),
        ({"name": "A", "categories": [{"name": "a"}, {"name": "b", "parent_id": "1"}]},
         ["body", "categories", 1, "parent_id"]),
    ],
)  # fmt: skip
def test_what_a_new_project_cannot_have_is_refused_at_its_place(
    winnow: Winnow, body: dict[str, Any], place: list[str | int]
) -> None:
    answer = winnow.post("/v1/projects", json=body)
    assert (answer.status_code, [one["loc"] for one in answer.json()["errors"]]) == (422, [place])


def test_a_new_project_s_categories_name_their_parents(winnow: Winnow) -> None:
    given = [{"name": "a", "parent_id": None}, {"name": "b", "parent": "A"}]
    made = winnow.post("/v1/projects", json={"name": "Nested", "categories": given}).json()
    above = made["categories"][0]["id"]
    assert [one["parent_id"] for one in made["categories"]] == [None, above]


def test_settings_are_changed_one_by_one(winnow: Winnow, project: str) -> None:
    path = f"/v1/projects/{project}"
    changed = winnow.call("PATCH", path, json={"settings": {"retrain_every": 5}}).json()
    assert (changed["settings"]["retrain_every"], changed["settings"]["audit_rate"]) == (5, 0.1)
    changed = winnow.call("PATCH", path, json={"name": "New", "text_fields": ["body"]}).json()
    assert (changed["name"], changed["text_fields"], changed["slug"]) == ("New", ["body"], project)
    assert changed["settings"]["retrain_every"] == 5


def test_every_setting_can_be_chosen(winnow: Winnow, project: str) -> None:
    for name, value in ProjectSettings().model_dump(mode="json").items():
        changed = winnow.call("PATCH", f"/v1/projects/{project}", json={"settings": {name: value}})
        assert changed.status_code == 200, changed.text
        assert changed.json()["settings"][name] == value
        nothing = winnow.call("PATCH", f"/v1/projects/{project}", json={"settings": {name: None}})
        assert nothing.status_code == 422


def test_a_setting_of_a_later_release_is_left_alone(winnow: Winnow, project: str) -> None:
    with winnow.database.transaction() as session:
        row = session.query(ProjectRow).one()
        row.settings = {**row.settings, "of_tomorrow": 3}
    shown = winnow.get(f"/v1/projects/{project}")
    assert shown.status_code == 200
    assert "of_tomorrow" not in shown.json()["settings"]
    changed = winnow.call("PATCH", f"/v1/projects/{project}", json={"settings": {"retrain_every": 5}})
    assert changed.json()["settings"]["retrain_every"] == 5
    with winnow.database.read() as session:
        assert session.query(ProjectRow).one().settings["of_tomorrow"] == 3
    refused = winnow.call("PATCH", f"/v1/projects/{project}", json={"settings": {"of_tomorrow": 4}})
    assert refused.status_code == 422


def test_categories_are_added_changed_nested_and_removed(winnow: Winnow, project: str) -> None:
    path = f"/v1/projects/{project}/categories"
    made = winnow.post(path, json={"name": "Refunds", "parent_id": "1", "shortcut": "r"}).json()
    assert (made["parent_id"], made["shortcut"], made["archived"]) == ("1", "r", False)
    taken = winnow.post(path, json={"name": "REFUNDS"})
    assert (taken.status_code, taken.json()["code"]) == (409, "already-exists")
    changed = winnow.call("PATCH", f"{path}/{made['id']}", json={"parent_id": None, "description": "money back"}).json()
    assert (changed["parent_id"], changed["description"], changed["name"]) == (None, "money back", "Refunds")
    loop = winnow.call("PATCH", f"{path}/1", json={"parent_id": "1"})
    assert loop.status_code == 422
    assert winnow.call("DELETE", f"{path}/{made['id']}").status_code == 204
    assert [one["name"] for one in winnow.get(path).json()["items"]] == ["Billing", "Login"]


def walked(winnow: Winnow, path: str, limit: int) -> list[dict[str, Any]]:
    """A list, page by page."""
    found: list[dict[str, Any]] = []
    params: dict[str, Any] = {"limit": limit}
    while True:
        page = winnow.get(path, params=params).json()
        assert 0 < len(page["items"]) <= limit
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        params["cursor"] = page["next_cursor"]


def test_short_lists_are_paged_too_and_whole_without_a_limit(winnow: Winnow) -> None:
    categories = [{"name": f"C{number}"} for number in range(60)]
    path = f"/v1/projects/{make_project(winnow, categories=categories)}"
    for name in ("nora", "abel", "mia"):
        assert winnow.call("PUT", f"{path}/members/{person(winnow, name, 'reviewer')[0]}").status_code == 204
    for each, key, expected in (
        ("categories", "name", [one["name"] for one in categories]),
        ("members", "username", ["abel", "mia", "nora"]),
    ):
        whole = winnow.get(f"{path}/{each}").json()
        assert whole["next_cursor"] is None
        assert [one[key] for one in whole["items"]] == expected
        for limit in (1, len(expected) - 1, len(expected)):
            assert walked(winnow, f"{path}/{each}", limit) == whole["items"]


@pytest.mark.parametrize("path", ["/v1/projects/{}/categories", "/v1/projects/{}/members", "/v1/alerts"])
@pytest.mark.parametrize("asked", [{"limit": "abc"}, {"limit": 0}, {"limit": 1001}, {"cursor": "zzz"}])
def test_a_page_that_no_list_has_is_refused(winnow: Winnow, project: str, path: str, asked: dict[str, Any]) -> None:
    answer = winnow.get(path.format(project), params=asked)
    assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (422, ["query", *asked])


def test_a_category_with_decisions_is_archived_not_erased(winnow: Winnow, project: str) -> None:
    winnow.post(f"/v1/projects/{project}/items", json={"items": [{"text": "x", "category": "billing"}]})
    assert winnow.call("DELETE", f"/v1/projects/{project}/categories/1").status_code == 204
    listed = winnow.get(f"/v1/projects/{project}/categories").json()["items"]
    assert [(one["name"], one["archived"]) for one in listed] == [("Billing", True), ("Login", False)]


def test_a_project_for_members_only_is_not_there_for_others(winnow: Winnow) -> None:
    grace_id, grace = person(winnow, "grace", "reviewer")
    slug = make_project(winnow, settings={"members_only": True})
    assert winnow.post(f"/v1/projects/{slug}/items", json={"items": [{"text": "secret"}]}).status_code == 201

    def status(headers: dict[str, str], path: str = "") -> int:
        return winnow.http.get(f"/v1/projects/{slug}{path}", headers=headers).status_code

    program = winnow.as_(Role.PROGRAM)
    for path in ("", "/stats", "/items", "/items/1", "/decisions", "/categories"):
        assert status(grace, path) == 404
    assert status(program) == 404
    assert winnow.http.get("/v1/projects", headers=grace).json()["items"] == []
    for _ in range(2):
        assert winnow.call("PUT", f"/v1/projects/{slug}/members/{grace_id}").status_code == 204
    assert status(grace) == status(grace, "/items") == 200
    assert [one["slug"] for one in winnow.http.get("/v1/projects", headers=grace).json()["items"]] == [slug]
    assert "grace" in [one["username"] for one in winnow.get(f"/v1/projects/{slug}/members").json()["items"]]
    assert winnow.call("DELETE", f"/v1/projects/{slug}/members/{grace_id}").status_code == 204
    assert status(grace) == 404
    assert winnow.call("DELETE", f"/v1/projects/{slug}/members/{grace_id}").status_code == 404


def test_nobody_makes_a_project_vanish_for_themselves(winnow: Winnow) -> None:
    _, grace = person(winnow, "grace", "manager")
    closed, key = {"members_only": True}, winnow.as_(Role.MANAGER)
    mine = winnow.http.post("/v1/projects", json={"name": "Mine", "settings": closed}, headers=grace)
    assert mine.status_code == 201
    assert winnow.http.get("/v1/projects/mine", headers=grace).status_code == 200
    slug = make_project(winnow)
    path = f"/v1/projects/{slug}"
    refused = [
        winnow.http.post("/v1/projects", json={"name": "Keyed", "settings": closed}, headers=key),
        winnow.http.patch(path, json={"settings": closed}, headers=key),
    ]
    assert [answer.status_code for answer in refused] == [403, 403]
    assert all("cannot be a member" in answer.json()["detail"] for answer in refused)
    assert winnow.get("/v1/projects/keyed").status_code == 404, "nothing was made"
    assert winnow.http.get(path, headers=key).json()["settings"]["members_only"] is False
    assert winnow.http.patch(path, json={"settings": closed}, headers=grace).status_code == 200
    assert winnow.http.get(path, headers=grace).status_code == 200, "she is a member now"
    assert winnow.http.patch(path, json={"name": "Renamed", "settings": closed}, headers=grace).status_code == 200
    assert winnow.http.get(path, headers=key).status_code == 404


def test_ids_of_another_project_are_not_there(winnow: Winnow) -> None:
    """Every read by id: a row of another project is as absent as one that never was."""
    own, other = make_project(winnow), make_project(winnow, name="Other")
    item = winnow.post(f"/v1/projects/{other}/items", json={"items": [{"text": "theirs", "category": "Login"}]}).json()
    item_id = item["items"][0]["id"]
    started = winnow.post(f"/v1/projects/{other}/imports", files={"file": ("x.txt", b"a line\n")}).json()
    decision = winnow.get(f"/v1/projects/{other}/decisions").json()["items"][0]["id"]
    category = winnow.get(f"/v1/projects/{other}/categories").json()["items"][0]["id"]
    for method, path, body in (
        ("GET", f"items/{item_id}", None),
        ("DELETE", f"items/{item_id}", None),
        ("GET", f"imports/{started['id']}", None),
        ("GET", f"imports/{started['id']}/rejects", None),
        ("DELETE", f"decisions/{decision}", None),
        ("PATCH", f"categories/{category}", {"name": "Mine"}),
        ("DELETE", f"categories/{category}", None),
        ("POST", "decisions", {"item_id": item_id, "action": "correct", "categories": ["Login"]}),
        ("POST", "feedback", {"item_id": item_id, "category": "Login"}),
    ):
        answer = winnow.call(method, f"/v1/projects/{own}/{path}", json=body)
        assert answer.status_code == 404, (method, path, answer.text)
    for path in ("items", f"items?like={item_id}", "imports", "decisions", "models"):
        assert winnow.get(f"/v1/projects/{own}/{path}").json()["items"] == []
    assert winnow.get(f"/v1/projects/{own}/export").text.count("\n") == 1


def test_a_deleted_project_is_gone_with_everything(winnow: Winnow, project: str) -> None:
    winnow.post(f"/v1/projects/{project}/items", json={"items": [{"text": "x", "category": "Login"}]})
    winnow.post(f"/v1/projects/{project}/predict", json={"items": [{"text": "y"}], "review": "always"})
    assert winnow.call("DELETE", f"/v1/projects/{project}").status_code == 204
    assert winnow.get(f"/v1/projects/{project}").status_code == 404
    assert make_project(winnow) == project


def test_a_list_asks_as_often_for_fifty_rows_as_for_one(winnow: Winnow) -> None:
    asked: list[str] = []
    event.listen(winnow.database.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))

    def queries(path: str) -> int:
        winnow.get(path)
        asked.clear()
        assert winnow.get(path).status_code == 200
        return len(asked)

    slug = make_project(winnow)

    def fill(start: int, count: int) -> None:
        items = [{"text": f"text number {start + n}", "category": "Login"} for n in range(count)]
        winnow.post(f"/v1/projects/{slug}/items", json={"items": items})
        for n in range(count):
            make_project(winnow, name=f"Project {start + n}")
            if n < 3:
                winnow.post("/v1/users", json={"username": f"u{start + n}", "password": PASSWORD})
            winnow.post("/v1/api-keys", json={"name": f"k{start + n}"})
            winnow.post(f"/v1/projects/{slug}/imports", files={"file": ("x.txt", b"a\n")})

    paths = ["/v1/projects", "/v1/users", "/v1/api-keys"]
    paths += [f"/v1/projects/{slug}/{name}" for name in ("items", "decisions", "imports", "models", "categories")]
    fill(0, 1)
    few = {path: queries(path) for path in paths}
    fill(1, 20)
    assert {path: queries(path) for path in paths} == few


def test_pages_give_every_row_once(winnow: Winnow, project: str) -> None:
    items = [{"text": f"text number {n}"} for n in range(25)]
    winnow.post(f"/v1/projects/{project}/items", json={"items": items})
    seen, cursor, pages = [], None, 0
    while True:
        params = {"limit": 10} | ({"cursor": cursor} if cursor else {})
        page = winnow.get(f"/v1/projects/{project}/items", params=params).json()
        seen += [one["id"] for one in page["items"]]
        pages, cursor = pages + 1, page["next_cursor"]
        if cursor is None:
            break
    assert (pages, len(seen), len(set(seen))) == (3, 25, 25)
