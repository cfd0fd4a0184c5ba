"""What is kept at hand for answering is never out of date, also where another process changed it."""

from collections.abc import Callable, Iterator
from functools import partial

import pytest
from sqlalchemy import event

from models.errors import Missing, NoVersion, Unauthenticated
from models.learn.encoders import Encoder
from models.runtime import Runtime
from models.settings import Settings
from models.steps import projects, register, serve
from models.steps.accounts import Caller, check_api_key, create_api_key, digest_of_key, revoke_api_key
from models.steps.items import NewItem
from models.steps.ready import program_at, ready
from models.store.session import Database
from models.store.tables import ProjectRow
from models.vocabulary import Role
from tests.integration.conftest import Drain, put, texts

Change = Callable[..., object]
PROGRAM = Caller("key:1", "a program", Role.PROGRAM)


@pytest.fixture
def other(settings: Settings, encoder: Encoder) -> Iterator[Runtime]:
    """Another process."""
    database = Database(settings.database)
    yield Runtime(settings, database, encoder)
    database.close()


def change(runtime: Runtime, caller: Caller, slug: str, act: Change) -> None:
    with runtime.database.transaction() as session:
        act(session, caller, projects.find_project(session, caller, slug))


def said(runtime: Runtime, slug: str, text: str) -> str:
    return serve.predict(runtime, PROGRAM, slug, [NewItem(text)]).answers[0].prediction.category.name


def test_what_has_not_changed_is_not_read_again(runtime: Runtime, ann: Caller, project: ProjectRow) -> None:
    first = ready(runtime, ann, project.slug)
    asked: list[str] = []
    event.listen(runtime.database.engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    assert ready(runtime, ann, project.slug) is first
    assert not asked, "but for the one look that the driver takes by itself"


def test_a_key_and_a_project_are_looked_up_in_one_breath_as_each_alone(
    runtime: Runtime, ann: Caller, project: ProjectRow
) -> None:
    with runtime.database.transaction() as session:
        row, secret = create_api_key(session, ann, name="a program", role=Role.PROGRAM)
        spent, _ = create_api_key(session, ann, name="another", role=Role.PROGRAM)
        session.flush()
        revoke_api_key(session, ann, spent.id)
        digest, late = digest_of_key(secret), spent.key_hash
    alone = ready(runtime, ann, project.slug)
    caller, stale, seen = program_at(runtime.database, digest, project.slug)
    assert (caller, stale) == check_api_key(runtime.database, digest)
    assert (caller.key, caller.role) == (f"key:{row.id}", Role.PROGRAM)
    assert seen == alone.state
    assert ready(runtime, caller, project.slug, seen=seen) is alone
    assert program_at(runtime.database, digest, "no-such-project") == (caller, stale, None)
    for unknown in (late, digest_of_key("wnw_never-made")):
        with pytest.raises(Unauthenticated):
            program_at(runtime.database, unknown, project.slug)


def test_a_promotion_elsewhere_holds_from_the_next_request_on(
    runtime: Runtime, other: Runtime, ann: Caller, project: ProjectRow, drain: Drain
) -> None:
    put(runtime, ann, project, [NewItem(text, category=name) for text, name in texts(40)])
    drain()
    for number in (0, 1, 0):
        change(runtime, ann, project.slug, partial(promote, number=number))
        assert ready(other, PROGRAM, project.slug).served.number == number
    assert ready(other, PROGRAM, project.slug, 1).served.number == 1
    with pytest.raises(NoVersion):
        ready(other, PROGRAM, project.slug, 70)


def promote(session, caller, row, *, number: int) -> None:
    register.promote(session, caller, row, number)


def test_a_category_changed_elsewhere_is_answered_as_it_is_now(
    runtime: Runtime, other: Runtime, ann: Caller, project: ProjectRow
) -> None:
    text = "I cannot sign in, my password is wrong"
    assert said(other, project.slug, text) == "Login"
    with runtime.database.read() as session:
        login = next(row.id for row in projects.categories_of(session, project.id) if row.name == "Login")

    def rename(session, caller, row):
        projects.update_category(session, caller, row, login, {"name": "Access"})

    def archive(session, caller, row):
        projects.update_category(session, caller, row, login, {"archived": True})

    def add(session, caller, row):
        projects.add_category(session, caller, row, projects.NewCategory("Passwords", "signing in, forgotten"))

    change(runtime, ann, project.slug, rename)
    assert said(other, project.slug, text) == "Access"
    change(runtime, ann, project.slug, archive)
    assert said(other, project.slug, text) != "Access"
    change(runtime, ann, project.slug, add)
    assert said(other, project.slug, text) == "Passwords"


def test_of_a_project_for_members_alone_others_do_not_even_learn_what_it_lacks(
    runtime: Runtime, other: Runtime, ann: Caller, project: ProjectRow
) -> None:
    def close(session, caller, row):
        projects.update_project(session, caller, row, settings={"members_only": True})

    change(runtime, ann, project.slug, close)
    for caller, told in ((ann, NoVersion), (PROGRAM, Missing)):
        with pytest.raises(told):
            ready(other, caller, project.slug, 99)


def test_a_project_that_was_closed_or_deleted_elsewhere_is_gone(
    runtime: Runtime, other: Runtime, ann: Caller, project: ProjectRow
) -> None:
    assert ready(other, PROGRAM, project.slug).project.id == project.id

    def close(session, caller, row):
        projects.update_project(session, caller, row, settings={"members_only": True})

    change(runtime, ann, project.slug, close)
    with pytest.raises(Missing):
        ready(other, PROGRAM, project.slug)
    change(runtime, ann, project.slug, projects.delete_project)
    with pytest.raises(Missing):
        ready(other, ann, project.slug)
