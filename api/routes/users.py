"""People. For administrators."""

from typing import Annotated

from fastapi import APIRouter, Response

from api import policies
from api.conditional import If, tagged
from api.deps import GatedRoute, Read, Write, allow
from api.idempotency import Keyed
from api.paging import Listing, Paged, RowId, cursor_after
from api.schemas.accounts import NewUser, UserChanges, UserOut
from api.throttle import RouteClass
from models.steps import accounts
from models.steps.accounts import Caller
from models.store.queries.accounts import users_page

router = APIRouter(prefix="/v1/users", tags=["Users and keys"], route_class=GatedRoute)

Reader = Annotated[Caller, allow(policies.may_manage_users, RouteClass.READ)]
Admin = Annotated[Caller, allow(policies.may_manage_users)]


@router.get("")
def list_users(_: Reader, session: Read, window: Paged) -> Listing[UserOut]:
    """List everybody."""
    page = users_page(session, after=window.after, limit=window.limit)
    return Listing(items=[UserOut.of(row) for row in page.rows], next_cursor=cursor_after(page.next_after))


@router.get("/{user_id}")
def show_user(_: Reader, user_id: RowId, session: Read, condition: If) -> UserOut:
    """Show a person."""
    return condition.tag(UserOut.of(accounts.find_user(session, user_id)))


@router.post("", status_code=201)
def create_user(caller: Admin, body: NewUser, session: Write, once: Keyed, response: Response) -> UserOut:
    """Add a person."""
    made = once(UserOut, session, lambda: UserOut.of(accounts.create_user(session, caller, **body.model_dump())))
    return tagged(response, made)


@router.patch("/{user_id}")
def change_user(caller: Admin, user_id: RowId, body: UserChanges, session: Write, condition: If) -> UserOut:
    """Change a person's name, password or role, or switch the person off or on."""
    condition.check(UserOut.of(accounts.find_user(session, user_id, lock=True)))
    return condition.tag(UserOut.of(accounts.update_user(session, caller, user_id, **body.model_dump())))
