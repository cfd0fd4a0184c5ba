"""Changes of categories and guidelines over HTTP."""

from typing import Any

import pytest
from sqlalchemy import update

from models.store.tables import CategoryRow
from tests.api.conftest import Winnow, make_project


@pytest.fixture
def slug(winnow: Winnow) -> str:
    made = make_project(
        winnow,
        categories=[
            {"name": "Billing", "description": "invoices, charges, refunds"},
            {"name": "Login", "description": "passwords and signing in"},
            {"name": "Shipping", "description": "parcels and delivery"},
        ],
    )
    texts = {
        "Billing": "I was charged twice for order {}",
        "Login": "error {} when I sign in",
        "Shipping": "parcel {} is late",
    }
    items = [{"text": text.format(n), "category": name} for name, text in texts.items() for n in range(5)]
    assert winnow.post(f"/v1/projects/{made}/items", json={"items": items}).status_code == 201
    winnow.work()
    return made


def ids(winnow: Winnow, slug: str) -> dict[str, str]:
    listed = winnow.get(f"/v1/projects/{slug}/categories").json()["items"]
    return {one["name"]: one["id"] for one in listed}


def change(winnow: Winnow, slug: str, name: str, /, *, look: bool = False, **body: Any) -> Any:
    path = f"/v1/projects/{slug}/categories/{ids(winnow, slug)[name]}/changes{'?dry_run=true' if look else ''}"
    return winnow.post(path, "manager", json=body)


def test_looked_at_made_listed_and_taken_back(winnow: Winnow, slug: str) -> None:
    base, known = f"/v1/projects/{slug}", ids(winnow, slug)
    looked = change(winnow, slug, "Login", look=True, kind="merge", into_id=known["Billing"])
    assert looked.status_code == 200, looked.text
    assert looked.json()["id"] is None
    assert looked.json()["effect"]["decisions"] == 5
    assert winnow.get(f"{base}/category-changes").json()["items"] == []

    made = change(winnow, slug, "Login", kind="merge", into_id=known["Billing"]).json()
    assert made["effect"] == looked.json()["effect"]
    assert winnow.get(f"{base}/stats").json()["decisions"]["by_category"] == {"Billing": 10, "Shipping": 5}
    merged = next(one for one in winnow.get(f"{base}/categories").json()["items"] if one["name"] == "Login")
    assert (merged["archived"], merged["merged_into_id"]) == (True, known["Billing"])
    told = winnow.post(f"{base}/feedback", json={"text": "no access", "category": "Login"})
    assert told.status_code == 201

    (listed,) = winnow.get(f"{base}/category-changes").json()["items"]
    assert (listed["id"], listed["kind"], listed["by"], listed["undone_at"]) == (made["id"], "merge", "manager", None)
    assert listed["says"] == made["effect"]["says"]
    assert winnow.call("DELETE", f"{base}/category-changes/{made['id']}", "manager").status_code == 204
    assert winnow.get(f"{base}/stats").json()["decisions"]["by_category"]["Login"] == 5
    (listed,) = winnow.get(f"{base}/category-changes").json()["items"]
    assert listed["undone_by"] == "manager"
    assert winnow.call("DELETE", f"{base}/category-changes/{made['id']}", "manager").status_code == 409


def test_a_split_names_its_new_category_and_every_fault(winnow: Winnow, slug: str) -> None:
    base = f"/v1/projects/{slug}"
    picked = [one["id"] for one in winnow.get(f"{base}/items?category=Login").json()["items"]][:2]
    made = change(winnow, slug, "Login", kind="split", name="Errors", item_ids=picked, ask=2)
    assert made.status_code == 200, made.text
    assert made.json()["new_id"] == ids(winnow, slug)["Errors"]
    assert (made.json()["effect"]["moved"], made.json()["effect"]["asked"]) == (2, 2)
    assert winnow.get(f"{base}/items/{picked[0]}").json()["category"] == "Errors"
    for body, status in (
        ({"kind": "split", "name": "More"}, 422),
        ({"kind": "merge"}, 422),
        ({"kind": "merge", "into_id": ids(winnow, slug)["Login"]}, 422),
        ({"kind": "edit", "into_id": "1"}, 422),
        ({"kind": "split", "name": "Errors", "item_ids": picked}, 422),
        ({"kind": "grow"}, 422),
    ):
        assert change(winnow, slug, "Login", **body).status_code == status, body


def test_patch_and_edit_are_one_history(winnow: Winnow, slug: str) -> None:
    base, known = f"/v1/projects/{slug}", ids(winnow, slug)
    patched = winnow.call("PATCH", f"{base}/categories/{known['Login']}", "manager", json={"name": "Access"})
    assert patched.json()["name"] == "Access"
    same = change(winnow, slug, "Access", kind="edit", name="Access")
    assert (same.status_code, same.json()["id"]) == (200, None)
    moved = change(winnow, slug, "Access", kind="edit", parent_id=known["Billing"]).json()
    listed = winnow.get(f"{base}/category-changes").json()["items"]
    assert [one["after"] for one in listed] == [{"parent_id": int(known["Billing"])}, {"name": "Access"}]
    winnow.call("DELETE", f"{base}/category-changes/{moved['id']}", "manager")
    winnow.call("DELETE", f"{base}/category-changes/{listed[1]['id']}", "manager")
    assert ids(winnow, slug) == known


def test_a_key_is_that_of_one_category(winnow: Winnow, slug: str) -> None:
    path, known = f"/v1/projects/{slug}/categories", ids(winnow, slug)

    def edit(name: str, /, **body: Any) -> int:
        return winnow.call("PATCH", f"{path}/{known[name]}", "manager", json=body).status_code

    assert edit("Login", shortcut="l") == 200
    taken = winnow.post(path, "manager", json={"name": "Lost", "shortcut": "L"})
    assert (taken.status_code, taken.json()["code"]) == (409, "already-exists")
    assert "Login" in taken.json()["detail"]
    assert edit("Billing", shortcut="l") == 409
    assert change(winnow, slug, "Billing", kind="edit", shortcut="l").status_code == 409
    both = [{"name": "A", "shortcut": "x"}, {"name": "B", "shortcut": "X"}]
    refused = winnow.post("/v1/projects", json={"name": "Both", "categories": both})
    assert refused.status_code == 409
    assert edit("Login", shortcut="l", name="Sign in") == 200  # its own

    merged = change(winnow, slug, "Sign in", kind="merge", into_id=known["Billing"]).json()
    assert edit("Shipping", shortcut="l") == 200  # nobody presses it for what is merged
    undo = f"/v1/projects/{slug}/category-changes/{merged['id']}"
    stands = winnow.call("DELETE", undo, "manager")
    assert (stands.status_code, stands.json()["code"]) == (409, "already-exists")
    assert edit("Shipping", archived=True) == 200
    assert winnow.call("DELETE", undo, "manager").status_code == 204
    assert edit("Shipping", archived=False) == 409
    assert edit("Shipping", archived=False, shortcut="s") == 200


def test_two_that_had_one_key_before_go_on(winnow: Winnow, slug: str) -> None:
    with winnow.database.transaction() as session:
        session.execute(update(CategoryRow).values(shortcut="k"))
    path, known = f"/v1/projects/{slug}/categories", ids(winnow, slug)
    for body in ({"name": "Sign in", "shortcut": "k"}, {"archived": True}, {"shortcut": "n", "archived": False}):
        changed = winnow.call("PATCH", f"{path}/{known['Login']}", "manager", json=body)
        assert changed.status_code == 200, changed.text
    assert winnow.post(path, "manager", json={"name": "New"}).status_code == 201


def test_another_projects_changes_are_not_there(winnow: Winnow, slug: str) -> None:
    made = change(winnow, slug, "Login", kind="edit", archived=True).json()
    other = make_project(winnow, name="Another")
    assert winnow.get(f"/v1/projects/{other}/category-changes").json()["items"] == []
    assert winnow.call("DELETE", f"/v1/projects/{other}/category-changes/{made['id']}").status_code == 404
    assert winnow.get(f"/v1/projects/{other}/categories/{made['category_id']}/guideline").status_code == 404
    into = {"kind": "merge", "into_id": made["category_id"]}
    assert change(winnow, other, "Login", **into).status_code == 422


def test_a_reviewer_reads_the_guideline(winnow: Winnow, slug: str) -> None:
    found = winnow.get(f"/v1/projects/{slug}/categories/{ids(winnow, slug)['Login']}/guideline", "reviewer").json()
    assert (found["category"]["name"], found["decided"], found["above"], found["questions"]) == ("Login", 5, [], [])
    assert found["typical"]
    assert all(one["categories"] == ["Login"] for one in found["typical"])
