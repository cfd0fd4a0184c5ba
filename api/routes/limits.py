"""How often callers may ask, and who has asked how often. For administrators."""

from typing import Annotated

from fastapi import APIRouter

from api import policies
from api.deps import GatedRoute, Here, Read, allow
from api.schemas.accounts import CallerUse, LimitsOut
from api.throttle import WINDOW_SECONDS, RouteClass
from models.steps.accounts import Caller
from models.store.queries.accounts import api_keys_page, users_page

router = APIRouter(prefix="/v1/limits", tags=["Users and keys"], route_class=GatedRoute)

_MOST = 1_000  # people, and keys, that are looked at


@router.get("")
def show_limits(
    _: Annotated[Caller, allow(policies.may_manage_keys, RouteClass.READ)], session: Read, context: Here
) -> LimitsOut:
    """How many requests and items each caller may send in a minute, and what was used of the present one."""
    names = {f"user:{row.id}": row.username for row in users_page(session, after=None, limit=_MOST).rows}
    names |= {f"key:{row.id}": row.name for row in api_keys_page(session, after=None, limit=_MOST).rows}
    uses = context.throttle.uses(list(names))
    return LimitsOut(
        window_seconds=WINDOW_SECONDS,
        limits=context.throttle.limits(),
        callers=[CallerUse(caller=caller, name=names[caller], used=used) for caller, used in uses.items()],
    )
