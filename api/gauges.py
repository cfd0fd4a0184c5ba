"""What the database says at the moment of the scrape: the queue, the jobs, and how each project does."""

from collections.abc import Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from models.runtime import Runtime
from models.steps.conditions import workers_seen
from models.steps.measured import Accuracies, Drifts
from models.steps.projects import settings_of
from models.steps.suspension import suspended_now, terms_of
from models.store.queries.backups import backup_age
from models.store.queries.figures import figures
from models.store.queries.project_figures import ProjectFigures, audits_of, project_figures
from models.store.tables import ProjectRow
from models.store.types import utc_now
from models.vocabulary import Job, JobStatus, VersionStatus

Rows = Iterable[tuple[tuple[str, ...], float]]


def label_of(project: ProjectRow) -> str:
    """What a project is called in numbers: its slug, unless it exists for its members alone."""
    return f"project-{project.id}" if project.settings.get("members_only") else project.slug


class Kept(Collector):
    """The numbers of the database, from one consistent read.

    Args:
        runtime: the process's tools.
        accuracies, drifts: what was measured at earlier scrapes.
    """

    def __init__(self, runtime: Runtime, accuracies: Accuracies, drifts: Drifts) -> None:
        self._runtime = runtime
        self._accuracies = accuracies
        self._drifts = drifts

    def describe(self) -> list[Metric]:
        """Nothing in advance: registering must not ask the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The families; only `winnow_database_up` while the database is away."""
        try:
            with self._runtime.database.read() as session:
                families = [*self._whole(session), *self._projects(session)]
        except SQLAlchemyError:
            yield _gauge("winnow_database_up", "Whether the database answered this scrape.", (), [((), 0)])
            return
        yield _gauge("winnow_database_up", "Whether the database answered this scrape.", (), [((), 1)])
        yield from families

    def _whole(self, session: Session) -> Iterator[Metric]:
        now = figures(session)
        # None of a kind is a number too: a rule that looks for what is new must see what there was before.
        jobs = {(kind.value, status.value): 0 for kind in Job for status in JobStatus} | now.jobs
        yield _gauge("winnow_jobs", "Jobs by kind and status.", ("kind", "status"), jobs.items())
        broken = [((kind.value,), now.broken.get(kind.value, 0)) for kind in Job]
        yield _gauge("winnow_jobs_broken", "Failed jobs that were given nothing wrong.", ("kind",), broken)
        deadly = [((kind.value,), now.deadly.get(kind.value, 0)) for kind in Job]
        yield _gauge("winnow_jobs_deadly", "Jobs given up because every worker that took them died.", ("kind",), deadly)
        yield _gauge("winnow_job_wait_seconds", "Wait of the oldest due job.", (), [((), now.oldest_due_seconds)])
        yield _gauge("winnow_workers", "Workers seen within 30 seconds.", (), [((), workers_seen(session))])
        yield _gauge("winnow_projects", "Projects.", (), [((), now.projects)])
        yield from self._backups(session)

    def _backups(self, session: Session) -> Iterator[Metric]:
        settings = self._runtime.settings
        age = backup_age(session, expected=settings.backup_expected) if settings.backup_hours else None
        if age is not None:
            limit = settings.backup_hours * 3600.0
            yield _gauge("winnow_backup_age_seconds", "Age of the newest backup.", (), [((), age)])
            yield _gauge("winnow_backup_limit_seconds", "How old the newest backup may be.", (), [((), limit)])

    def _projects(self, session: Session) -> Iterator[Metric]:
        each = [(label_of(one.row), one) for one in project_figures(session)]
        yield from _queue(each)
        yield from _history(each)
        yield from _versions(each)
        yield from self._quality(session, each)
        yield from self._changes(session, each)

    def _quality(self, session: Session, each: list[tuple[str, ProjectFigures]]) -> Iterator[Metric]:
        told = [(name, self._accuracies.of(self._runtime, session, one)) for name, one in each]
        known = [(name, found) for name, found in told if found is not None]
        bounds = (("estimate", "accuracy"), ("low", "low"), ("high", "high"))
        yield _gauge(
            "winnow_accuracy_ratio",
            "Right answers of the serving version among blind audits it was not trained on, with the 95 % bounds.",
            ("project", "bound"),
            [((name, bound), found[key]) for name, found in known for bound, key in bounds],
        )
        audits = [((name,), found["audited"] if found else 0) for name, found in told]
        yield _gauge("winnow_accuracy_audits", "Blind audits that the accuracy rests on.", ("project",), audits)
        targets = [((name,), settings_of(one.row).target_accuracy) for name, one in each]
        yield _gauge("winnow_accuracy_target_ratio", "Accuracy that a project wants.", ("project",), targets)

    def _changes(self, session: Session, each: list[tuple[str, ProjectFigures]]) -> Iterator[Metric]:
        suspended = {name: suspended_now(session, one.row) is not None for name, one in each}
        shares = {name: terms_of(one.row, one.serving[1] if one.serving else None).share or 0.0 for name, one in each}
        yield _gauge(
            "winnow_automation_share_ratio",
            "Share of the pool that the serving version may answer without a person; 0: everything is reviewed.",
            ("project",),
            [((name,), 0.0 if suspended[name] else shares[name]) for name, _ in each],
        )
        yield _gauge(
            "winnow_automation_suspended",
            "Whether audits contradict what the serving version promises, so that people review everything again.",
            ("project",),
            [((name,), float(suspended[name])) for name, _ in each],
        )
        drifts = self._drifts.known(self._runtime, session, [one.row for _, one in each])
        yield _gauge(
            "winnow_drift_detected",
            "Whether the items of the last 7 days differ from what the serving version was made for.",
            ("project",),
            [((name,), float(drifts[one.row.id])) for name, one in each if one.row.id in drifts],
        )


def _queue(each: list[tuple[str, ProjectFigures]]) -> Iterator[Metric]:
    now = utc_now()
    holders = ("nobody", "reviewer")
    yield _gauge(
        "winnow_tasks_open",
        "Open questions, by who holds them.",
        ("project", "holder"),
        [((name, holder), one.tasks.get(holder, 0)) for name, one in each for holder in holders],
    )
    yield _gauge(
        "winnow_task_oldest_seconds",
        "Age of the oldest open question.",
        ("project",),
        [((name,), (now - one.oldest_task).total_seconds() if one.oldest_task else 0.0) for name, one in each],
    )
    states = ("undecided", "decided", "flagged")
    yield _gauge(
        "winnow_items",
        "Items by state.",
        ("project", "state"),
        [((name, state), one.items.get(state, 0)) for name, one in each for state in states],
    )


def _history(each: list[tuple[str, ProjectFigures]]) -> Iterator[Metric]:
    yield _counter(
        "winnow_decisions",
        "Decisions by source, reason of the question, and action; an undo is one too.",
        ("project", "source", "reason", "action"),
        [((name, *key), count) for name, one in each for key, count in one.decisions.items()],
    )
    kinds = ("promotion", "rollback")
    yield _counter(
        "winnow_promotions",
        "Moves of the serving version.",
        ("project", "kind"),
        [((name, kind), one.promotions.get(kind, 0)) for name, one in each for kind in kinds],
    )


def _versions(each: list[tuple[str, ProjectFigures]]) -> Iterator[Metric]:
    metrics = [(name, one.serving[0]) for name, one in each if one.serving is not None]
    yield _gauge(
        "winnow_versions",
        "Trained versions by status.",
        ("project", "status"),
        [((name, status), one.versions.get(status.value, 0)) for name, one in each for status in VersionStatus],
    )
    yield _gauge(
        "winnow_serving_version",
        "Number of the version that serves; 0: the categories' names and descriptions.",
        ("project",),
        [((name,), one.row.serving_number) for name, one in each],
    )
    yield _gauge(
        "winnow_calibration_error_ratio",
        "Calibration error of the serving version on the audits held out when it was trained.",
        ("project",),
        [((name,), m["calibration_error"]) for name, m in metrics if m.get("calibration_error") is not None],
    )
    yield _gauge(
        "winnow_calibration_audits",
        "Blind audits that the calibration error was measured on.",
        ("project",),
        [((name,), audits_of(m)) for name, m in metrics],
    )


def _gauge(name: str, text: str, labels: tuple[str, ...], rows: Rows) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for key, value in rows:
        family.add_metric(list(key), value)
    return family


def _counter(name: str, text: str, labels: tuple[str, ...], rows: Rows) -> Metric:
    family = CounterMetricFamily(name, text, labels=labels)
    for key, value in rows:
        family.add_metric(list(key), value)
    return family
