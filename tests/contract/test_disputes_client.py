"""The Python client's calls about disputes, against the real application."""

import pytest

from tests.api.conftest import Winnow, make_project
from winnow import Client, Conflict


def test_disputes(winnow: Winnow) -> None:
    client = Client(api_key=next(iter(winnow.as_("manager").values())), http=winnow.http)
    other = Client(api_key=next(iter(winnow.as_("reviewer").values())), http=winnow.http)
    slug = make_project(winnow, name="Of two minds", settings={"reviews_per_item": 2, "audit_rate": 0.0})
    client.add_items(slug, ["I was charged twice", "I cannot sign in"])
    winnow.work()
    for one, name in ((client, "Billing"), (other, "Login")):
        task = next(task for task in one.lease(slug) if task.item.text == "I was charged twice")
        one.decide(slug, task_id=task.task_id, action="correct", categories=[name])
        if one is client:
            client.release(slug, [held.task_id for held in client.lease(slug)])
    (found,) = client.disputes(slug)
    assert [answer.categories for answer in found.answers] == [["Billing"], ["Login"]]
    assert found.state == "disputed"
    assert client.settle(slug, found.item_id, ["Billing"], note="it is about money").categories == ["Billing"]
    with pytest.raises(Conflict):
        client.settle(slug, found.item_id, ["Billing"])
    assert list(client.flagged(slug)) == []
    assert client.stats(slug).items.disputed == 0
