"""Step 7: who serves. Only an alias moves, and each move is remembered; so each can be taken back."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import jobs
from models.errors import Conflict, NoVersion
from models.learn.static_encoder import is_static, static_id
from models.steps.accounts import SYSTEM, Caller, record
from models.steps.comparison import Comparison, compare
from models.steps.projects import settings_of
from models.steps.webhooks import publish
from models.store.queries.versions import find_version
from models.store.tables import EncoderRow, ItemRow, ProjectRow, PromotionRow, VersionRow
from models.store.types import utc_now
from models.vocabulary import Event, Job, Promotion, VersionStatus
from models.work import Work


def run_register(work: Work) -> None:
    """Compare a candidate with the serving version; let it serve unless it is worse or people are to decide."""
    runtime, number = work.runtime, int(work.claim.payload["number"])
    with runtime.database.read() as session:
        project = session.get_one(ProjectRow, work.project_id)
        version = find_version(session, project, number)
        serving = project.serving_number
        comparison = compare(runtime, session, project, serving, number) if serving != number else None
    summary = _summary(comparison) if comparison is not None else "It serves."
    automatic = settings_of(project).promotion is Promotion.AUTOMATIC
    promoted = automatic and not (comparison is not None and comparison.b_is_worse)
    with work.completing({"version": number, "promoted": promoted, "summary": summary}) as session:
        project = session.get_one(ProjectRow, work.project_id, with_for_update=True)
        version = session.get_one(VersionRow, version.id)
        if version.status is not VersionStatus.CANDIDATE:
            return
        version.summary = summary
        if project.serving_number != serving:  # this comparison is void: another one is made with what serves now
            _leave_registering(session, project.id, number)
        elif promoted and number > serving:
            _move(session, SYSTEM, project, version.number, reason=f"not worse than version {serving}")
        elif settings_of(project).shadow_candidates and number > serving:
            project.shadow_number, project.shadow_since = number, utc_now()


def promote(
    session: Session, caller: Caller, project: ProjectRow, number: int, reason: str | None = None
) -> VersionRow | None:
    """Let a version serve from now on. Returns its row; None for version 0, the categories' names.

    Raises:
        Missing: there is no such version.
        NoVersion: it is in training or failed.
    """
    session.refresh(project, with_for_update=True)
    row = None if number == 0 else find_version(session, project, number)
    if row is not None and row.sha256 is None:
        raise NoVersion(f"version {number} is {row.status}: it cannot serve")
    check_encoder(session, project, row)
    if project.serving_number != number:
        _move(session, caller, project, number, reason=reason)
    return row


def rollback(session: Session, caller: Caller, project: ProjectRow, reason: str | None = None) -> VersionRow | None:
    """Let the version serve again that served before this one. Raises Conflict where there was none."""
    session.refresh(project, with_for_update=True)
    before: list[int] = []  # who served, oldest first; each rollback takes the newest away
    for move in session.scalars(
        select(PromotionRow).where(PromotionRow.project_id == project.id).order_by(PromotionRow.id)
    ):
        if not move.is_rollback:
            before.append(move.from_number)
        elif before:
            before.pop()
    if not before:
        raise Conflict("no version served before this one")
    number = before[-1]
    row = None if number == 0 else find_version(session, project, number)
    check_encoder(session, project, row)
    _move(session, caller, project, number, reason=reason or "rollback", is_rollback=True)
    return row


def check_encoder(session: Session, project: ProjectRow, row: VersionRow | None) -> None:
    """Refuse a version whose encoder is not the one that the project's items have vectors of."""
    if row is None:
        return
    embedded = select(ItemRow.id).where(ItemRow.project_id == project.id)
    own = session.scalar(embedded.where(ItemRow.encoder_id == row.encoder_id).limit(1))
    if own is None and session.scalar(embedded.limit(1)) is not None and not _is_quick(session, project, row):
        raise NoVersion(f"version {row.number} was trained with another encoder: train a new one")


def _is_quick(session: Session, project: ProjectRow, row: VersionRow) -> bool:
    """Whether a version was made on the quick vectors that go with the project's own, or come before them."""
    if row.encoder_id == project.quick_encoder_id:
        return True
    full = select(EncoderRow.name).join(ItemRow, ItemRow.encoder_id == EncoderRow.id)
    own = session.scalar(full.where(ItemRow.project_id == project.id).limit(1))
    return own is not None and session.get_one(EncoderRow, row.encoder_id).name == static_id(own)


def _leave_registering(session: Session, project_id: int, number: int) -> None:
    key = f"register:{project_id}:{number}"
    jobs.enqueue(session, Job.REGISTER, key=key, project_id=project_id, payload={"number": number})


def _move(
    session: Session,
    caller: Caller,
    project: ProjectRow,
    number: int,
    *,
    reason: str | None,
    is_rollback: bool = False,
) -> None:
    session.add(
        PromotionRow(
            project_id=project.id,
            from_number=project.serving_number,
            to_number=number,
            actor=caller.key,
            reason=reason,
            is_rollback=is_rollback,
        )
    )
    for row in session.scalars(
        select(VersionRow).where(
            VersionRow.project_id == project.id, VersionRow.number.in_([project.serving_number, number])
        )
    ):
        row.status = VersionStatus.SERVING if row.number == number else VersionStatus.RETIRED
        if row.number == number and is_static(session.get_one(EncoderRow, row.encoder_id).name):
            # What came since quick vectors were last made has none, and this version knows no others.
            jobs.enqueue(session, Job.EMBED, key=f"embed:{project.id}", project_id=project.id)
    record(
        session,
        caller,
        "version.rollback" if is_rollback else "version.promote",
        project.slug,
        {"from": project.serving_number, "to": number},
    )
    moved = {
        "version": number,
        "previous_version": project.serving_number,
        "rollback": is_rollback,
        "by": caller.name,
        "reason": reason,
    }
    project.serving_number = number
    if project.shadow_number == number:  # it is heard from now on
        project.shadow_number = project.shadow_since = None
    session.flush()
    publish(session, project.id, Event.MODEL_PROMOTED, lambda: moved)
    jobs.enqueue(session, Job.SCORE, key=f"score:{project.id}", project_id=project.id)


def _summary(found: Comparison) -> str:
    """What a person wants to know of a new version, in a sentence that claims no more than was measured."""
    share = f"It answers {found.changed:,} of {found.pool:,} items differently from version {found.a}"
    if found.metrics_b is None or found.metrics_a is None:
        return f"{share}; there is no blind check yet to tell which is better."
    right_a = round(found.metrics_a.accuracy * found.audits)
    right_b = round(found.metrics_b.accuracy * found.audits)
    checks = "the one blind check" if found.audits == 1 else f"{found.audits} blind checks"
    return f"{share}. It gets {right_b} of {checks} right, version {found.a} gets {right_a} of them{_gains(found)}."


def _gains(found: Comparison) -> str:
    fixed: dict[str, int] = {}
    for flip in found.flips:
        if flip.truth is not None and flip.b == flip.truth:
            fixed[flip.truth] = fixed.get(flip.truth, 0) + 1
    if not fixed:
        return ""
    best = sorted(fixed.items(), key=lambda pair: (-pair[1], pair[0]))[:3]
    return "; it got better at " + ", ".join(name for name, _ in best)
