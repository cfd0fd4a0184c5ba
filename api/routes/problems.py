"""What the `type` of a problem leads to."""

from typing import Annotated

from fastapi import APIRouter, Path

from api.deps import GatedRoute, allow_anyone
from api.problems import pages
from api.schemas.base import Output
from models.errors import Missing
from models.steps.accounts import Caller

router = APIRouter(prefix="/problems", tags=["Operations"], route_class=GatedRoute)

Anyone = Annotated[Caller, allow_anyone()]
Code = Annotated[str, Path(max_length=100, examples=["rate-limited"])]


class ProblemOut(Output):
    """What a code means."""

    code: str
    status: int
    title: str
    meaning: str
    documentation: str


@router.get("/{code}")
def show_problem(_: Anyone, code: Code) -> ProblemOut:
    """Say what the code of a problem means: the page behind its `type`."""
    page = pages().get(code)
    if page is None:
        raise Missing("There is no such code.")
    return ProblemOut(
        code=code,
        status=page.status,
        title=code.replace("-", " ").capitalize(),
        meaning=page.meaning,
        documentation=f"docs/errors.md#{code}",
    )
