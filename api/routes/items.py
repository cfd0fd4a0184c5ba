"""Items: records on their way to a category."""

from typing import Annotated

from fastapi import APIRouter, Depends

from api import policies
from api.deps import Charge, GatedRoute, Read, TheRuntime, TheSettings, Write, allow
from api.filters import ItemFilters
from api.idempotency import Keyed
from api.paging import Listing, Ordered, RowId, Slug, cursor_at
from api.schemas.items import DecisionOut, ItemDetail, ItemOut, ItemsIn, ItemsOut, SaidOut, text_of
from api.throttle import RouteClass
from models.errors import Missing
from models.steps import browse, ingest, projects, serve
from models.steps.accounts import Caller
from models.steps.items import NewItem
from models.store.queries.decisions import names_of
from models.store.queries.history import history_of, sent_by
from models.store.queries.projects import categories_of

router = APIRouter(prefix="/v1/projects/{slug}/items", tags=["Items"], route_class=GatedRoute)

Sender = Annotated[Caller, allow(policies.may_bring_in)]
Browser = Annotated[Caller, allow(policies.may_browse, RouteClass.READ)]
Viewer = Annotated[Caller, allow(policies.may_see_item, RouteClass.READ)]
Eraser = Annotated[Caller, allow(policies.may_erase_items)]


@router.get("")
def list_items(
    caller: Browser,
    slug: Slug,
    filters: Annotated[ItemFilters, Depends()],
    window: Ordered,
    session: Read,
    runtime: TheRuntime,
) -> Listing[ItemOut]:
    """List items, newest first unless sorted otherwise, with what the machine says about them."""
    project = projects.find_project(session, caller, slug)
    wanted = filters.wanted(session, project)
    rows, following = browse.browse(runtime, session, project, wanted, after=window.after, limit=window.limit)
    items = [
        ItemOut.of(row.item, row.categories, None if row.prediction is None else SaidOut.of(row.prediction))
        for row in rows
    ]
    return Listing(items=items, next_cursor=cursor_at(following))


@router.post("", status_code=201)
def add_items(
    caller: Sender, slug: Slug, body: ItemsIn, charge: Charge, session: Write, once: Keyed, settings: TheSettings
) -> ItemsOut:
    """Store records. One whose id or text the project already has is a duplicate, and is not stored twice."""
    charge(len(body.items))

    def add() -> ItemsOut:
        project = projects.find_project(session, caller, slug)
        new = [
            NewItem(text_of(given, project, place, settings.max_text_chars), given.fields, given.id, given.category)
            for place, given in enumerate(body.items)
        ]
        return ItemsOut.of(ingest.add_items(session, caller, project, new))

    return once(ItemsOut, session, add)


@router.get("/{item_id}")
def show_item(caller: Viewer, slug: Slug, item_id: RowId, session: Read, runtime: TheRuntime) -> ItemDetail:
    """Show an item with its history and the machine's reasons.

    A program sees what it sent itself, also where that turned out to be an item that others had brought in: its own
    words and fields, not theirs, and of the decisions its own and the one that counts.
    """
    project = projects.find_project(session, caller, slug)
    item = ingest.find_item(session, project, item_id)
    sent = None
    if not policies.may_see_all_items(caller):
        sent = sent_by(session, item.id, caller.key)
        if sent is None:
            raise Missing("The project has no such item.")
    history = [
        row
        for row in history_of(session, item.id, caller.key)
        if sent is None or row.actor == caller.key or row.id == item.decision_id
    ]
    names = names_of(session, [row.id for row in history])
    categories = {row.id: row.name for row in categories_of(session, project.id)}
    return ItemDetail.about(
        item,
        names.get(item.decision_id or 0, []),
        serve.why(runtime, session, project, item),
        [DecisionOut.of(row, names[row.id], categories) for row in history],
        sent,
    )


@router.delete("/{item_id}", status_code=204)
def erase_item(caller: Eraser, slug: Slug, item_id: RowId, session: Write) -> None:
    """Erase an item everywhere; only the audit log keeps that it happened."""
    ingest.erase_item(session, caller, projects.find_project(session, caller, slug), item_id)
