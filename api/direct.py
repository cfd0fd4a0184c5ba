"""The short way, for the route that programs ask most: in one thread from the question to the answer's bytes.

FastAPI reads a body, solves what an endpoint depends on and puts its answer into words in many small steps, and finding
the caller first takes a thread of its own. Beside an encoder that takes a few milliseconds all of this is felt. So a
short request of a key that was let in before is done in a single thread: who calls is asked anew, the request is
counted, the body is read, and the answer is made. Whatever is not in order goes the long way, which finds out why.
"""

import json
from collections.abc import Callable, Coroutine
from hashlib import blake2b
from inspect import unwrap
from typing import Any

from anyio import to_thread
from fastapi import Request, Response
from pydantic import BaseModel, ValidationError

from api.context import Context, context_of
from api.deps import Cost, GatedRoute, TokenGate
from api.paging import slug_of
from models.errors import Missing, Unauthenticated

_SHORT = 65_536
_PLAIN = frozenset({"application/json", "application/json; charset=utf-8"})


class DirectRoute(GatedRoute):
    """A route whose endpoint takes `caller`, `slug`, `body`, `charge`, `context` and works in one thread."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What answers: the short way, or where a request is not made for it, the long one."""
        gated, ungated = super().get_route_handler(), self.behind_the_gate()
        gate = next(one.call for one in self.dependant.dependencies if isinstance(one.call, TokenGate))
        endpoint = unwrap(self.endpoint)  # in the thread that is taken here it needs none of its own
        schema: type[BaseModel] = endpoint.__annotations__["body"]

        async def direct(request: Request) -> Response:
            context, secret = context_of(request), request.headers.get("x-api-key", "")
            mark = blake2b(secret.encode(), digest_size=16).digest()
            known = context.known.get(mark)
            if known is None or not _is_short(request):
                answer = await gated(request)
                if secret:
                    context.known.put(mark, request.state.caller.key)
                return answer
            content = await request.body()
            async with context.slots.taken_by(known):
                said = await to_thread.run_sync(work, context, request, secret, mark, content)
            if said is None:
                return await ungated(request)
            return Response(said, media_type="application/json")

        def work(context: Context, request: Request, secret: str, mark: bytes, content: bytes) -> bytes | None:
            try:
                caller = gate.enter(context, request, None, secret)
            except Unauthenticated:
                context.known.drop(mark)
                raise
            try:
                slug = slug_of(request.path_params["slug"])
                body = schema.model_validate(json.loads(content))
            except (Missing, ValidationError, ValueError, RecursionError):
                return None
            out: BaseModel = endpoint(caller=caller, slug=slug, body=body, charge=Cost(request), context=context)
            return out.model_dump_json().encode()

        return direct


def _is_short(request: Request) -> bool:
    announced = request.headers.get("content-length", "")
    plain = request.headers.get("content-type", "").lower() in _PLAIN
    return plain and announced.isdecimal() and int(announced[:9]) <= _SHORT
