"""Numbers of each project, for monitoring: from a handful of queries, however many projects there are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from models.store.queries.counters import item_counts_of_all
from models.store.tables import DecisionRow, ProjectRow, PromotionRow, TaskRow, VersionRow
from models.store.types import utc_now


@dataclass(slots=True)
class ProjectFigures:
    """A moment's numbers of one project.

    Attributes:
        row: the project.
        tasks: open questions by whether somebody holds them: `nobody` or `reviewer`.
        oldest_task: when the longest-waiting open question was asked first.
        items: by state.
        versions: by status.
        promotions: by `promotion` or `rollback`.
        decisions: by source and reason (`none` where no question was asked) and action.
        last_decision: the newest decision's id; 0 without one.
        serving: metrics and automation of the serving version; None where names and descriptions serve.
    """

    row: ProjectRow
    tasks: dict[str, int] = field(default_factory=dict)
    oldest_task: datetime | None = None
    items: dict[str, int] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    promotions: dict[str, int] = field(default_factory=dict)
    decisions: dict[tuple[str, str, str], int] = field(default_factory=dict)
    last_decision: int = 0
    serving: tuple[dict[str, Any], dict[str, Any]] | None = None


def audits_of(metrics: Mapping[str, Any]) -> int:
    """On how many audits a version's metrics were measured."""
    return int(metrics.get("measured_on", {}).get("items", 0))


def project_figures(session: Session, *, limit: int = 200) -> list[ProjectFigures]:
    """The numbers now of the first `limit` projects: more would be more series than monitoring bears."""
    rows = session.scalars(select(ProjectRow).order_by(ProjectRow.id).limit(limit)).all()
    found = {row.id: ProjectFigures(row) for row in rows}
    _tasks(session, found)
    _histories(session, found)
    for number in session.execute(
        select(VersionRow.project_id, VersionRow.metrics, VersionRow.automation)
        .join(ProjectRow, ProjectRow.id == VersionRow.project_id)
        .where(VersionRow.number == ProjectRow.serving_number)
    ):
        if number.project_id in found:
            found[number.project_id].serving = (number.metrics or {}, number.automation or {})
    return list(found.values())


def _tasks(session: Session, found: dict[int, ProjectFigures]) -> None:
    holder = case((TaskRow.lease_expires_at > utc_now(), "reviewer"), else_="nobody")
    for project_id, who, count, oldest in session.execute(
        select(TaskRow.project_id, holder, func.count(), func.min(TaskRow.created_at))
        .where(TaskRow.open.is_(True))
        .group_by(TaskRow.project_id, holder)
    ):
        if project_id in found:
            one = found[project_id]
            one.tasks[who] = count
            one.oldest_task = min(filter(None, (one.oldest_task, oldest)))


def _histories(session: Session, found: dict[int, ProjectFigures]) -> None:
    def counted(*columns: Any) -> list[Any]:
        query = select(*columns, func.count()).group_by(*columns)
        return [row for row in session.execute(query).tuples() if row[0] in found]

    for project_id, items in item_counts_of_all(session).items():
        if project_id in found:
            found[project_id].items = {state.value: count for state, count in items.by_state.items()}
    for project_id, status, count in counted(VersionRow.project_id, VersionRow.status):
        found[project_id].versions[status.value] = count
    for project_id, back, count in counted(PromotionRow.project_id, PromotionRow.is_rollback):
        found[project_id].promotions["rollback" if back else "promotion"] = count
    for project_id, source, reason, action, count in counted(
        DecisionRow.project_id, DecisionRow.source, DecisionRow.reason, DecisionRow.action
    ):
        key = (source.value, reason.value if reason is not None else "none", action.value)
        found[project_id].decisions[key] = count
    newest = select(DecisionRow.project_id, func.max(DecisionRow.id)).group_by(DecisionRow.project_id)
    for project_id, last in session.execute(newest).tuples():
        if project_id in found:
            found[project_id].last_decision = last
