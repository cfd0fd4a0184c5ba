"""The Python client's calls about changes of categories, against the real application."""

import pytest

from tests.api.conftest import Winnow, make_project
from winnow import Client, Conflict


def test_changes(winnow: Winnow) -> None:
    client = Client(api_key=next(iter(winnow.as_("manager").values())), http=winnow.http)
    names = [{"name": "Billing"}, {"name": "Login"}, {"name": "Shipping"}]
    slug = make_project(winnow, name="Redrawn", categories=names)
    client.add_items(slug, [{"text": "I was charged twice", "category": "Billing"}])
    winnow.work()
    by_name = {one.name: one for one in client.categories(slug)}
    looked = client.change_category(slug, by_name["Billing"].id, "merge", dry_run=True, into_id=by_name["Login"].id)
    assert looked.id is None
    assert looked.effect.says
    made = client.change_category(slug, by_name["Billing"].id, "merge", into_id=by_name["Login"].id)
    assert made.id is not None
    assert next(one for one in client.categories(slug) if one.name == "Billing").merged_into_id == by_name["Login"].id
    assert client.guideline(slug, by_name["Login"].id).decided == 1
    client.undo_category_change(slug, made.id)
    with pytest.raises(Conflict):
        client.undo_category_change(slug, made.id)
    assert [one.undone_by for one in client.category_changes(slug)] == ["manager"]
    assert [one.text for one in client.guideline(slug, by_name["Billing"].id).typical] == ["I was charged twice"]
