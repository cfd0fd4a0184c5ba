"""Keys for programs. For administrators."""

from typing import Annotated

from fastapi import APIRouter

from api import policies
from api.deps import GatedRoute, Read, Write, allow
from api.idempotency import Keyed
from api.paging import Listing, Paged, RowId, cursor_after
from api.schemas.accounts import ApiKeyOut, NewApiKey, NewApiKeyOut
from api.throttle import RouteClass
from models.steps import accounts
from models.steps.accounts import Caller
from models.store.queries.accounts import api_keys_page

router = APIRouter(prefix="/v1/api-keys", tags=["Users and keys"], route_class=GatedRoute)

Reader = Annotated[Caller, allow(policies.may_manage_keys, RouteClass.READ)]
Admin = Annotated[Caller, allow(policies.may_manage_keys)]


@router.get("")
def list_keys(_: Reader, session: Read, window: Paged) -> Listing[ApiKeyOut]:
    """List the keys that work, without their secrets."""
    page = api_keys_page(session, after=window.after, limit=window.limit)
    return Listing(items=[ApiKeyOut.of(row) for row in page.rows], next_cursor=cursor_after(page.next_after))


@router.post("", status_code=201)
def create_key(caller: Admin, body: NewApiKey, session: Write, once: Keyed) -> NewApiKeyOut:
    """Make a key. Its secret is shown in this answer and never again."""

    def make() -> NewApiKeyOut:
        return NewApiKeyOut.made(
            *accounts.create_api_key(
                session, caller, name=body.name, role=body.role, expires_at=body.expires_at, scopes=body.scopes
            )
        )

    return once(NewApiKeyOut, session, make)


@router.delete("/{key_id}", status_code=204)
def revoke_key(caller: Admin, key_id: RowId, session: Write) -> None:
    """Revoke a key: it works no longer."""
    accounts.revoke_api_key(session, caller, key_id)
