"""What endpoints ask for: the caller, a session, the parts of the process.

The caller is found in a short read of its own, before any session of the request opens. A session opens, works and is
committed in the endpoint's own thread (`api.whole`), before the answer leaves. Who waits for what is told in
`api.context`; what is waited for is given back before the answer leaves too, which `scope="function"` sees to.
"""

import base64
import binascii
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Annotated, Any

from anyio import to_thread
from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from fastapi.security import APIKeyHeader, HTTPBasic, OAuth2PasswordBearer
from sqlalchemy.orm import Session

from api.context import Context, context_of
from api.errors import TooManyRequests
from api.policies import Policy, anyone
from api.throttle import RouteClass
from api.whole import Promised, whole
from models.at_hand import State
from models.errors import Forbidden, Unauthenticated
from models.outside.vouching import Vouched
from models.runtime import Runtime
from models.settings import Settings
from models.steps import accounts, tokens
from models.steps.accounts import Caller
from models.steps.ready import program_at
from models.store.session import Database
from models.vocabulary import Role

_BEARER = OAuth2PasswordBearer(tokenUrl="/v1/auth/token", auto_error=False, description="An access token of a person.")
_BASIC = HTTPBasic(auto_error=False, description="Any user name, and an API key as the password.")
_API_KEY = APIKeyHeader(name="X-API-Key", auto_error=False, description="A program's key.")


async def _here(request: Request) -> Context:
    return context_of(request)


Here = Annotated[Context, Depends(_here)]
"""Like all that only hands over what is there, not a plain function: those are given a thread of their own."""


async def _slot(context: Here, request: Request) -> AsyncIterator[None]:
    async with context.slots.taken_by(request.state.caller.key):
        yield


async def _turn(context: Here, request: Request) -> AsyncIterator[None]:
    async with context.turns.taken_by(request.state.caller.key):
        yield


Slot = Annotated[None, Depends(_slot, scope="function")]
Turn = Annotated[None, Depends(_turn, scope="function")]


async def the_database(context: Here, _: Slot) -> Database:
    """The database, for the few routes that need more than one transaction."""
    return context.database


async def the_settings(context: Here) -> Settings:
    """The operator's choices."""
    return context.settings


async def the_runtime(context: Here) -> Runtime:
    """The process's encoder, heads and pools."""
    return context.runtime


async def read_session(context: Here, _: Slot) -> Promised:
    """A session that sees one consistent state."""
    return Promised(context.database.read)


async def write_session(context: Here, _turn: Turn, _slot: Slot) -> Promised:
    """A session that is committed before the answer leaves, or undone when the endpoint raises."""
    return Promised(context.database.transaction)


Read = Annotated[Session, Depends(read_session, scope="function")]
Write = Annotated[Session, Depends(write_session, scope="function")]
TheDatabase = Annotated[Database, Depends(the_database, scope="function")]
TheSettings = Annotated[Settings, Depends(the_settings)]
TheRuntime = Annotated[Runtime, Depends(the_runtime)]


class Gate:
    """Lets a request in: who calls, may they, and how often already.

    Attributes:
        policy: the permission that the route declares.
        route_class: what it is counted as.
        challenge: how a caller may say who it is, for whom nobody knows (RFC 9110, 11.6.1).
    """

    challenge = "Bearer"

    def __init__(self, policy: Policy, route_class: RouteClass) -> None:
        self.policy = policy
        self.route_class = route_class

    async def open(self, request: Request) -> None:
        """Let the caller in who may.

        Raises:
            Unauthenticated: nobody knows who calls.
            Forbidden: the role does not reach.
            TooManyRequests: the caller's share of this minute is used up.
        """
        context = context_of(request)
        request.state.challenge = self.challenge
        bearer, api_key = await self._credentials(request)
        await to_thread.run_sync(self.enter, context, request, bearer, api_key, limiter=context.gates)

    def enter(self, context: Context, request: Request, bearer: str | None, api_key: str | None) -> Caller:
        """Let in whoever has this credential; called in a thread. Raises as `open` does."""
        return self.let_in(context, request, _identify(context, bearer, api_key))

    def let_in(self, context: Context, request: Request, caller: Caller) -> Caller:
        """Let in whoever may. Raises Forbidden, TooManyRequests."""
        _count(context, request, caller.key, self.route_class)
        if not self.policy(caller):
            scoped = "" if caller.scopes is None else " with the key's scopes"
            raise Forbidden(f"The role {caller.role.value!r}{scoped} does not reach: {self.policy.sentence}")
        request.state.caller = caller
        return caller

    async def _credentials(self, request: Request) -> tuple[str | None, str | None]:
        return await _BEARER(request), await _API_KEY(request)


class TokenGate(Gate):
    """The usual gate: an access token, or an API key in its own header."""

    async def __call__(
        self,
        request: Request,
        _bearer: Annotated[str | None, Depends(_BEARER)],
        _api_key: Annotated[str | None, Depends(_API_KEY)],
    ) -> Caller:
        """The caller, whom `open` has let in."""
        caller: Caller = request.state.caller
        return caller


class BasicGate(Gate):
    """A gate for programs that know user names and passwords only: an API key is the password, of any user name."""

    challenge = 'Basic realm="Winnow", Bearer'

    async def __call__(self, request: Request, _basic: Annotated[object, Depends(_BASIC)]) -> Caller:
        """The caller, whom `open` has let in."""
        caller: Caller = request.state.caller
        return caller

    async def _credentials(self, request: Request) -> tuple[str | None, str | None]:
        kind, _, given = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "basic":
            return await super()._credentials(request)
        try:
            _, _, password = base64.b64decode(given, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None, None
        return None, password or None


class PublicGate:
    """Lets anybody in, counted by address; the routes for signing in and for health."""

    def __init__(self, route_class: RouteClass | None) -> None:
        self.policy = anyone
        self.route_class = route_class

    async def __call__(self, request: Request) -> Caller:
        """Nobody in particular."""
        caller: Caller = request.state.caller
        return caller

    async def open(self, request: Request) -> None:
        """Let anybody in. Raises TooManyRequests as `Gate` does."""
        route_class, context = self.route_class, context_of(request)
        nobody = Caller(key=f"address:{address_of(request)}", name="nobody", role=Role.PROGRAM)
        if route_class is not None:
            await to_thread.run_sync(_count, context, request, nobody.key, route_class, limiter=context.gates)
        request.state.caller = nobody


class GatedRoute(APIRoute):
    """A route whose gate is asked before a byte of the body is read, and whose endpoint has one thread for all."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **more: Any) -> None:
        super().__init__(path, whole(endpoint), **more)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What answers, behind the gate."""
        handle = super().get_route_handler()
        gates = [one.call for one in self.dependant.dependencies if isinstance(one.call, Gate | PublicGate)]

        async def gated(request: Request) -> Response:
            if not hasattr(request.state, "caller"):  # else let in already, on the short way (`api.direct`)
                for gate in gates:
                    await gate.open(request)
            return await handle(request)

        return gated


def allow(policy: Policy, route_class: RouteClass = RouteClass.WRITE) -> object:
    """The gate of a route: stands in the annotation of its caller, and names the permission."""
    return Depends(TokenGate(policy, route_class))


def allow_basic(policy: Policy, route_class: RouteClass = RouteClass.WRITE) -> object:
    """The gate of a route that takes an API key as the password of Basic authentication too."""
    return Depends(BasicGate(policy, route_class))


def allow_anyone(route_class: RouteClass | None = None) -> object:
    """Declare that a route is public."""
    return Depends(PublicGate(route_class))


def address_of(request: Request) -> str:
    """The address a request came from."""
    return request.client.host if request.client is not None else "unknown"


def _identify(context: Context, bearer: str | None, api_key: str | None) -> Caller:
    if api_key is None and bearer is None:
        raise Unauthenticated("Sign in for an access token, or send an API key in X-API-Key.")
    if api_key is None:
        if context.provider is not None and context.provider.issued(bearer or ""):
            return _vouched(context, context.provider.check(bearer or ""))
        with context.database.read() as session:
            return tokens.check(session, bearer or "", context.settings)
    return caller_of_key(context, accounts.digest_of_key(api_key))


def caller_of_key(context: Context, digest: bytes) -> Caller:
    """The program that bears a key, whose use is noted now and then. Raises Unauthenticated."""
    caller, stale = accounts.check_api_key(context.database, digest)
    if stale:
        _note_use(context, caller)
    return caller


def caller_and_project(context: Context, digest: bytes, slug: str) -> tuple[Caller, State | None]:
    """As `caller_of_key`, with what the database says of a project, if there is one."""
    caller, stale, seen = program_at(context.database, digest, slug)
    if stale:
        _note_use(context, caller)
    return caller, seen


def _note_use(context: Context, caller: Caller) -> None:
    with context.database.transaction(durable=False) as session:
        accounts.touch_api_key(session, caller)


def _vouched(context: Context, vouched: Vouched) -> Caller:
    """The person whom the outside provider vouches for; written down at the first visit and when the role changed."""
    with context.database.read() as session:
        user = accounts.find_vouched(session, vouched)
    if user is None:
        with context.database.transaction() as session:
            user = accounts.welcome_vouched(session, vouched)
    return accounts.user_caller(user)


def _count(context: Context, request: Request, key: str, route_class: RouteClass) -> None:
    standing = context.throttle.count(key, route_class)
    request.state.standing = standing
    if standing.remaining < 0:
        detail = f"More than {standing.limit} {route_class} requests within a minute: wait."
        raise TooManyRequests(detail, standing)


class Cost:
    """What a request costs beyond being one: the items in it, known once its body is read."""

    def __init__(self, request: Request) -> None:
        self._request = request

    def __call__(self, items: int) -> None:
        """Count the items. Raises TooManyRequests where the caller has not so many left; none are taken then."""
        state = self._request.state
        standing = context_of(self._request).throttle.charge(state.caller.key, items)
        if standing.remaining < 0:
            detail = f"More than {standing.limit} items within a minute: wait, or send fewer at once."
            raise TooManyRequests(detail, standing)
        state.standing = min(state.standing, standing, key=lambda one: one.remaining / one.limit)


async def _unseen() -> None:
    """On the long way nothing is known of a project before it is asked for."""


Seen = Annotated[State | None, Depends(_unseen)]
"""What the short way (`api.direct`) was told of the project when it asked for the caller."""


async def _cost(request: Request) -> Cost:
    return Cost(request)


Charge = Annotated[Cost, Depends(_cost)]
"""For routes that take items: `charge(len(body.items))` before anything is done for them."""
