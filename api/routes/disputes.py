"""Disputes: what reviewers answered differently, what they flagged, and how a manager settles it."""

from typing import Annotated

from fastapi import APIRouter

from api import policies
from api.deps import GatedRoute, Read, TheRuntime, TheSettings, Write, allow
from api.idempotency import Keyed
from api.paging import Listing, Paged, RowId, Slug, cursor_after
from api.schemas.disputes import DisputeOut, SettlementIn
from api.schemas.review import DecidedOut
from api.throttle import RouteClass
from models.steps import disputes, projects
from models.steps.accounts import Caller
from models.vocabulary import ItemState

router = APIRouter(prefix="/v1/projects/{slug}", tags=["Review"], route_class=GatedRoute)

Looker = Annotated[Caller, allow(policies.may_adjudicate, RouteClass.READ)]
Judge = Annotated[Caller, allow(policies.may_adjudicate)]


@router.get("/disputes")
def list_disputes(caller: Looker, slug: Slug, window: Paged, session: Read, runtime: TheRuntime) -> Listing[DisputeOut]:
    """List items that people answered differently, newest first, with every answer."""
    project = projects.find_project(session, caller, slug)
    found, following = disputes.waiting(
        runtime, session, project, ItemState.DISPUTED, after=window.after, limit=window.limit
    )
    return Listing(items=[DisputeOut.of(one) for one in found], next_cursor=cursor_after(following))


@router.get("/flagged")
def list_flagged(caller: Looker, slug: Slug, window: Paged, session: Read, runtime: TheRuntime) -> Listing[DisputeOut]:
    """List flagged items, newest first, with the notes of those who flagged them."""
    project = projects.find_project(session, caller, slug)
    found, following = disputes.waiting(
        runtime, session, project, ItemState.FLAGGED, after=window.after, limit=window.limit
    )
    return Listing(items=[DisputeOut.of(one) for one in found], next_cursor=cursor_after(following))


@router.post("/disputes/{item_id}", status_code=201)
def settle_dispute(
    caller: Judge, slug: Slug, item_id: RowId, body: SettlementIn, session: Write, once: Keyed, settings: TheSettings
) -> DecidedOut:
    """Settle a disputed or flagged item by a decision that stands above the answers; it can be taken back."""

    def settle() -> DecidedOut:
        project = projects.find_project(session, caller, slug)
        return DecidedOut.of(
            disputes.settle(session, caller, project, item_id, body.categories, settings, note=body.note)
        )

    return once(DecidedOut, session, settle)
