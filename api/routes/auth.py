"""Signing in and out, and who one is."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.security import OAuth2PasswordRequestForm

from api import policies
from api.deps import GatedRoute, Here, TheDatabase, TheSettings, Write, address_of, allow, allow_anyone
from api.schemas.accounts import MeOut, RefreshIn, TokensOut
from api.throttle import RouteClass
from models.errors import Unauthenticated
from models.steps import accounts, tokens
from models.steps.accounts import Caller

router = APIRouter(prefix="/v1", tags=["Who is calling"], route_class=GatedRoute)

Anyone = Annotated[Caller, allow_anyone(RouteClass.SIGN_IN)]
Known = Annotated[Caller, allow(policies.may_know_itself, RouteClass.READ)]


@router.post("/auth/token")
def sign_in(
    _: Anyone,
    request: Request,
    form: Annotated[OAuth2PasswordRequestForm, Depends()],
    database: TheDatabase,
    context: Here,
) -> TokensOut:
    """Give an access token and a refresh token for a user name and a password."""
    account, address = form.username.strip().lower()[:100], address_of(request)
    context.throttle.refuse_guessing(account, address)
    try:
        with database.read() as session:
            user = accounts.check_password(session, form.username, form.password)
    except Unauthenticated:
        context.throttle.note_failure(account, address)
        raise
    with database.transaction() as session:
        return TokensOut.of(tokens.start(session, user, context.settings))


@router.post("/auth/refresh")
def refresh(_: Anyone, body: RefreshIn, database: TheDatabase, settings: TheSettings) -> TokensOut:
    """Give new tokens for a refresh token, which works no longer. Using one twice ends the sign-in."""
    with database.transaction() as session:
        made = tokens.renew(session, body.refresh_token, settings)
    if made is None:  # raised only now: the end of a stolen family has to be committed
        raise Unauthenticated("The refresh token is not valid any more: sign in again.")
    return TokensOut.of(made)


@router.post("/auth/logout", status_code=204)
def sign_out(_: Anyone, body: RefreshIn, session: Write) -> None:
    """End a sign-in: its refresh token and its access tokens work no longer."""
    tokens.end(session, body.refresh_token)


@router.get("/me")
def me(caller: Known) -> MeOut:
    """Say who is calling."""
    return MeOut(id=caller.key.partition(":")[2], username=caller.name, role=caller.role)
