"""The queue of questions."""

from typing import Annotated

from fastapi import APIRouter

from api import policies
from api.deps import GatedRoute, TheRuntime, Write, allow
from api.paging import Slug
from api.schemas.review import LeaseIn, ReleaseIn, ReleaseOut, TaskOut, TasksOut
from models.steps import projects, queue
from models.steps.accounts import Caller

router = APIRouter(prefix="/v1/projects/{slug}/queue", tags=["Review"], route_class=GatedRoute)

Reviewer = Annotated[Caller, allow(policies.may_review)]


@router.post("/lease")
def lease(caller: Reviewer, slug: Slug, body: LeaseIn, session: Write, runtime: TheRuntime) -> TasksOut:
    """Take tasks. Each is nobody else's until its lease ends."""
    project = projects.find_project(session, caller, slug)
    leased = queue.lease(runtime, session, caller, project, body.count)
    return TasksOut(tasks=[TaskOut.of(one) for one in leased])


@router.post("/release")
def release(caller: Reviewer, slug: Slug, body: ReleaseIn, session: Write) -> ReleaseOut:
    """Give tasks back before their lease ends; those that are not the caller's are left alone."""
    project = projects.find_project(session, caller, slug)
    return ReleaseOut(released=queue.release(session, caller, project, body.task_ids))
