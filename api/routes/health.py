"""Whether Winnow lives, and whether it is ready."""

import logging
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Response
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from api.context import Context
from api.deps import GatedRoute, Here, allow_anyone
from api.schemas.base import Output
from models.errors import WinnowError
from models.steps.accounts import Caller
from models.steps.conditions import workers_seen
from models.store.schema import head, revision_of, serves

if TYPE_CHECKING:
    from collections.abc import Callable

router = APIRouter(tags=["Operations"], route_class=GatedRoute)

Anyone = Annotated[Caller, allow_anyone()]
_LOG = logging.getLogger(__name__)


class HealthOut(Output):
    """The process lives."""

    status: str


class PartOut(Output):
    """One part that is needed; `detail` says what is wrong with it."""

    ok: bool
    count: int | None = None
    detail: str | None = None


class ReadinessOut(Output):
    """Whether all that is needed is there."""

    status: str
    parts: dict[str, PartOut]


@router.get("/healthz")
def healthz(_: Anyone) -> HealthOut:
    """Say that the process lives."""
    return HealthOut(status="alive")


@router.get("/readyz", responses={503: {"model": ReadinessOut, "description": "Some part is away."}})
def readyz(_: Anyone, context: Here, response: Response) -> ReadinessOut:
    """Say whether database, schema, Redis and encoder are there; how many workers is for information.

    A process that was told to end is not ready, and says so as the part `process`.
    """
    if context.leaving.is_set():
        response.status_code = 503
        return ReadinessOut(status="unready", parts={"process": PartOut(ok=False, detail="it was told to end")})
    checks: dict[str, Callable[[Context], str | None]] = {
        "database": _database,
        "redis": _redis,
        "encoder": _encoder,
        "schema": _schema,
    }
    faults = {name: check(context) for name, check in checks.items()}
    parts = {name: PartOut(ok=fault is None, detail=fault) for name, fault in faults.items()}
    parts["workers"] = _workers(context)
    ready = all(fault is None for fault in faults.values())
    response.status_code = 200 if ready else 503
    return ReadinessOut(status="ready" if ready else "unready", parts=parts)


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def metrics(_: Anyone, context: Here) -> Response:
    """Give the numbers that Prometheus reads."""
    return Response(
        context.metrics.exposition(context.runtime),
        media_type="text/plain; version=0.0.4; charset=utf-8",
    )


def _database(context: Context) -> str | None:
    try:
        with context.database.read() as session:
            session.execute(text("SELECT 1"))
    except SQLAlchemyError:
        _LOG.exception("the database does not answer")
        return "the database does not answer"
    return None


def _schema(context: Context) -> str | None:
    try:
        there = revision_of(context.database)
    except SQLAlchemyError:
        return "unknown while the database does not answer"
    return None if serves(there) else f"the database is at revision {there}, this code needs {head()}"


def _redis(context: Context) -> str | None:
    try:
        context.doorbell.redis.ping()
    except RedisError:
        return "Redis does not answer"
    return None


def _encoder(context: Context) -> str | None:
    try:
        return None if context.runtime.encoder.dimensions > 0 else "the encoder has no dimensions"
    except WinnowError as error:
        return error.detail


def _workers(context: Context) -> PartOut:
    try:
        with context.database.read() as session:
            count = workers_seen(session)
    except SQLAlchemyError:
        return PartOut(ok=False, count=0)
    return PartOut(ok=count > 0, count=count)
