"""Groups, the map and the calls of those who answer for the results: the client against the real application."""

import io
import zipfile

import pytest

from tests.api.conftest import Winnow
from tests.api.test_findings import filled
from winnow import Client


@pytest.fixture
def client(winnow: Winnow) -> Client:
    return Client(api_key=next(iter(winnow.as_("admin").values())), http=winnow.http)


def test_groups_are_settled_and_taken_back(winnow: Winnow, client: Client) -> None:
    slug = filled(winnow, "To be settled together")
    winnow.post(
        f"/v1/projects/{slug}/items", json={"items": [{"text": f"order {n} was paid twice"} for n in range(40)]}
    )
    winnow.work()
    group = client.groups(slug, min_confidence=0.1, limit=1, size=10)[0]
    assert 3 <= len(group.items) <= 10
    assert group.model_version == 1
    ids = [item.item_id for item in group.items]
    assert sorted(item.item_id for one in client.group_items(slug, ids) for item in one.items) == sorted(ids)
    results = client.decide_many(
        slug,
        [
            {
                "item_id": item.item_id,
                "action": "accept",
                "categories": group.categories,
                "shown": {"category": group.category, "confidence": item.confidence, "model_version": 1},
                "if_undecided": True,
            }
            for item in group.items
        ],
    )
    assert {one.status for one in results} == {"created"}
    made = next(client.decisions(slug, source="review"))
    assert made.said is not None
    assert made.said.category == group.category
    assert {one.status for one in client.undo_many(slug, [one.id for one in results])} == {"undone"}
    assert client.group_items(slug, []) == []
    drawn = client.map(slug, limit=5)
    assert (drawn.total, len(drawn.items)) == (100, 5)


def test_what_those_who_answer_for_it_ask(winnow: Winnow, client: Client) -> None:
    slug = filled(winnow, "To be answered for")
    assert client.throughput(slug, days=7).days == []
    assert [one.decisions for one in client.lineage(slug, 1).decided_by] == [60]
    assert client.audited(slug, 1) == []
    assert b"".join(client.download_bundle(slug, 1)) == client.bundle(slug, 1)
    with zipfile.ZipFile(io.BytesIO(client.bundle(slug, 1))) as archive:
        assert "bundle.json" in archive.namelist()
    item = next(client.items(slug))
    client.delete_item(slug, item.id)
    [gone] = client.erasures(slug)
    assert gone.item_id == item.id
    assert next(client.audit_log(action="item.")).subject == f"{slug}/{item.id}"


def test_items_are_found_by_reviewer(winnow: Winnow, client: Client) -> None:
    slug = filled(winnow, "Decided by")
    assert len(list(client.items(slug, reviewer="admin"))) == 60
    assert list(client.items(slug, reviewer="nobody")) == []
