"""The application: routes, errors and what surrounds them, put together."""

import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any

from anyio import CapacityLimiter
from fastapi import FastAPI, Request, Response
from fastapi.routing import APIRoute
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware

from api import __doc__ as summary
from api import conditional, errors, examples, reference
from api.conditional import NotModified
from api.context import GATES, KNOWN, SLOTS, Context
from api.deprecation import DEPRECATED
from api.direct import WORTH_PACKING, Direct
from api.fairness import FairSlots
from api.hands import Hands
from api.lookout import Lookout
from api.metrics import Metrics
from api.middleware import BodyLimit, Envelope, Heads, Metered, Traced
from api.routes import (
    accountability,
    api_keys,
    auth,
    categories,
    decisions,
    disputes,
    exports,
    findings,
    groups,
    health,
    imports,
    insight,
    items,
    jobs,
    label_studio,
    limits,
    members,
    outcomes,
    predictions,
    problems,
    projects,
    queue,
    shadow,
    users,
    versions,
    webhooks,
)
from api.throttle import Throttle
from models.bounded import Bounded
from models.doorbell import Doorbell
from models.learn.encoders import Encoder
from models.learn.sharing import SharedEncoder
from models.outside.vouching import Provider
from models.runtime import Runtime
from models.settings import Settings
from models.store.session import Database

ROUTERS = (
    predictions.router,  # asked most, so looked for first
    auth.router,
    users.router,
    api_keys.router,
    limits.router,
    projects.router,
    categories.router,
    categories.history,
    members.router,
    imports.router,
    items.router,
    outcomes.router,
    queue.router,
    decisions.router,
    disputes.router,
    groups.router,
    versions.router,
    shadow.router,
    insight.router,
    findings.router,
    accountability.router,
    exports.router,
    webhooks.router,
    jobs.router,
    health.router,
    problems.router,
    label_studio.router,
)


_pack = partial(GZipMiddleware, minimum_size=WORTH_PACKING, compresslevel=5)
_SENT = ("Idempotency-Key", "If-Match", "If-None-Match")
_TOLD = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")


def create_app(
    settings: Settings | None = None, *, encoder: Encoder | None = None, quick: Encoder | None = None
) -> FastAPI:
    """The API.

    Args:
        settings: the operator's choices; read from the environment where none are given.
        encoder, quick: loaded already, to be used instead of the settings' own; see `models.encoders.Encoders`.
    """
    chosen = settings or Settings()
    metrics, leaving = Metrics(), threading.Event()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with _context(chosen, metrics, (encoder, quick), leaving) as context:
            app.state.context = context
            yield

    app = _Api(
        title="Winnow",
        version="1.0.0",
        summary=summary,
        lifespan=lifespan,
        separate_input_output_schemas=False,
        generate_unique_id_function=_operation_id,
        docs_url=None,  # `api.reference` has a page that loads nothing from elsewhere
        redoc_url=None,
        redirect_slashes=False,  # `api.errors` does it, without naming a host
    )
    for router in ROUTERS:
        app.include_router(router, responses=errors.DOCUMENTED)
    reference.add_to(app)
    errors.install(app)
    app.add_exception_handler(NotModified, _not_modified)
    app.add_middleware(BodyLimit, max_bytes=chosen.max_body_mb * 2**20)
    app.add_middleware(_pack)
    app.add_middleware(Heads)
    app.add_middleware(Direct, route=_asked_most(), handlers=dict(app.exception_handlers), pack=_pack)
    app.add_middleware(Metered, metrics=metrics)
    if chosen.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=chosen.cors_origins,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "X-API-Key", "X-Request-ID", *_SENT],
            expose_headers=[*_TOLD, "ETag", "Location", "Retry-After", "X-Request-ID", "Deprecation", "Sunset"],
            max_age=600,
        )
    app.add_middleware(Traced)
    app.add_middleware(Envelope, leaving=leaving)
    app.state.leaving = leaving
    return app


class _Api(FastAPI):
    """FastAPI, with the shape of errors, examples and farewells in its document."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document, made once."""
        if self.openapi_schema is None:
            document = super().openapi()
            document["components"]["schemas"]["Problem"] = errors.SCHEMA
            examples.add_to(document)
            conditional.document(document)
            for method, path in DEPRECATED:
                document["paths"][path][method.lower()]["deprecated"] = True
        return super().openapi()


async def _not_modified(_: Request, found: Exception) -> Response:
    """The caller has it already."""
    return Response(status_code=304, headers={"ETag": str(found)})


@contextmanager
def _context(
    settings: Settings, metrics: Metrics, given: tuple[Encoder | None, Encoder | None], leaving: threading.Event
) -> Iterator[Context]:
    """Open what requests share; close it when the process is told to end and the last request is answered."""
    doorbell = Doorbell(settings.redis_url)
    database = Database(settings.database, on_commit=doorbell.ring, statement_seconds=settings.statement_seconds)
    metrics.shared.watch_database(database)
    throttle = Throttle(settings, metrics.uncounted.inc)

    def shared(loaded: Encoder) -> Encoder:
        watched = metrics.shared.watch_encoder(loaded)
        return SharedEncoder(watched, settings.vectors_kept, metrics.repeated.inc, settings.encode_seconds)

    lookout = Lookout(settings, database, doorbell)
    lookout.start()
    hands = Hands()
    try:
        yield Context(
            settings=settings,
            database=database,
            doorbell=doorbell,
            runtime=Runtime(settings, database, given[0], quick=given[1], watch=shared),
            throttle=throttle,
            metrics=metrics,
            gates=CapacityLimiter(GATES),
            hands=hands,
            known=Bounded(KNOWN),
            provider=Provider(settings) if settings.oidc_issuer else None,
            slots=FairSlots(SLOTS, settings.wait_seconds),
            turns=FairSlots(1 if database.is_sqlite else SLOTS, settings.wait_seconds),
            leaving=leaving,
        )
    finally:
        lookout.stop()
        hands.close()
        throttle.close()
        metrics.catch_up()
        doorbell.close()
        database.close()


def _asked_most() -> APIRoute:
    routes = (one for one in predictions.router.routes if isinstance(one, APIRoute))
    return next(one for one in routes if one.name == predictions.predict.__name__)


def _operation_id(route: APIRoute) -> str:
    return route.name
