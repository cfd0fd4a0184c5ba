"""Nobody overwrites unseen what somebody else changed: the Python client against the real application."""

from collections.abc import Callable

import pytest

from tests.api.conftest import PASSWORD, Winnow, make_project
from winnow import ChangedMeanwhile, Client
from winnow.schemas import Edited

Look = Callable[[], Edited]
Change = Callable[[str, str | None], Edited]


@pytest.fixture
def client(winnow: Winnow) -> Client:
    return Client(api_key=next(iter(winnow.as_("admin").values())), http=winnow.http)


@pytest.fixture(params=["project", "category", "user", "webhook"])
def thing(request: pytest.FixtureRequest, winnow: Winnow, client: Client) -> tuple[Look, Change]:
    """How to look at it, and how to change it to something new."""
    slug = make_project(winnow, name=f"Edited {request.param}")
    if request.param == "project":
        return (lambda: client.project(slug)), lambda name, tag: client.update_project(
            slug, name=f"Edited {name}", if_match=tag
        )
    if request.param == "category":
        one = client.categories(slug)[0].id
        return (
            lambda: client.category(slug, one),
            lambda name, tag: client.update_category(slug, one, description=name, if_match=tag),
        )
    if request.param == "user":
        roles = {"first": "manager", "second": "program"}
        one = client.create_user("grace", PASSWORD).id
        return (lambda: client.user(one)), lambda name, tag: client.update_user(one, role=roles[name], if_match=tag)
    one = client.create_webhook(slug, "https://example.com/hook", ["item.decided"]).id
    return (
        lambda: client.webhook(slug, one),
        lambda name, tag: client.update_webhook(slug, one, url=f"https://example.com/{name}", if_match=tag),
    )


def test_a_change_falls_only_on_what_was_seen(thing: tuple[Look, Change]) -> None:
    look, change = thing
    seen = look()
    assert seen.etag is not None
    assert "etag" not in seen.model_dump()
    made = change("first", seen.etag)
    assert made.etag == look().etag != seen.etag
    with pytest.raises(ChangedMeanwhile) as refused:
        change("second", seen.etag)
    assert (refused.value.status, refused.value.code) == (412, "precondition-failed")
    assert look().etag == made.etag, "nothing was changed"
    assert change("second", made.etag).etag != made.etag
    change("first", None)


def test_what_was_just_made_may_be_changed_on_the_condition_that_nobody_did(client: Client) -> None:
    project = client.create_project("Just made", categories=["Billing"])
    category = client.add_category(project.slug, "Login")
    user = client.create_user("hopper", PASSWORD)
    hook = client.create_webhook(project.slug, "https://example.com/hook", ["item.decided"])
    assert hook.secret is not None
    assert category.etag == client.category(project.slug, category.id).etag is not None
    assert user.etag == client.user(user.id).etag is not None
    assert hook.etag == client.webhook(project.slug, hook.id).etag is not None
    other = client.create_project("Another just made")
    assert other.etag == client.project(other.slug).etag is not None
    client.update_category(project.slug, category.id, description="passwords", if_match=category.etag)
    client.update_user(user.id, role="manager", if_match=user.etag)
    turned = client.update_webhook(project.slug, hook.id, rotate_secret=True, if_match=hook.etag)
    assert turned.secret is not None
    assert turned.etag == client.webhook(project.slug, hook.id).etag != hook.etag
    client.update_project(other.slug, name="Another name", if_match=other.etag)
    with pytest.raises(ChangedMeanwhile):
        client.update_project(other.slug, name="A third name", if_match=other.etag)


def test_nothing_is_deleted_that_somebody_changed(winnow: Winnow, client: Client) -> None:
    slug = make_project(winnow, name="Edited to be deleted")
    seen = client.project(slug)
    client.update_project(slug, name="Changed")
    with pytest.raises(ChangedMeanwhile):
        client.delete_project(slug, if_match=seen.etag)
    client.delete_project(slug, if_match=client.project(slug).etag)
    assert slug not in {one.slug for one in client.projects()}
