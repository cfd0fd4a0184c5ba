"""Step 6: from decisions to a candidate version. The same decisions give the same bundle, byte for byte."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from models import jobs
from models.errors import TooLittleToLearn, Unavailable
from models.learn.automation import accepted_share, automation_threshold, by_category
from models.learn.bundle import save
from models.learn.evaluation import Evaluation
from models.learn.fields import FieldFeatures
from models.learn.multi import MultiFit, fit_multi
from models.learn.text import compose
from models.learn.training import FitResult, fit_head
from models.pool.inputs import Inputs
from models.pool.scores import score_pool
from models.runtime import Runtime
from models.steps.accounts import Caller, record
from models.steps.decisions import since_last_version
from models.steps.examine import examine
from models.steps.fields import told
from models.steps.projects import settings_of
from models.steps.snapshot import Known, Lesson, bystanders, lesson, taken
from models.steps.unanswered import Unanswered
from models.steps.vectors import encoder_row
from models.store.queries.decisions import Labels, high_water, labels_as_of
from models.store.tables import ItemRow, JobRow, ProjectRow, VectorRow, VersionRow
from models.store.types import utc_now
from models.vocabulary import ItemState, Job, TaskKind, VersionStatus
from models.work import Work

HOLD_OUT = 400
"""So many of the newest blind audits are never trained on; older ones are."""

_FEWEST_CATEGORIES = 2
_WAIT_FOR_VECTORS = timedelta(seconds=1)


def request_training(session: Session, caller: Caller, project: ProjectRow) -> JobRow:
    """Have a new version trained from all decisions so far.

    Raises:
        TooLittleToLearn: fewer than two categories have a decision that may be learnt from.
    """
    labels = labels_as_of(session, project.id)
    _check_enough(labels.where(~_held_out(labels)))
    record(session, caller, "version.train", project.slug)
    job = jobs.enqueue(session, Job.TRAIN, key=f"train:{project.id}", project_id=project.id, actor=caller.key)
    job.payload = {}  # one that waited for enough decisions is now wanted whatever came
    return job


def run_train(work: Work) -> None:
    """Snapshot, fit, calibrate, evaluate, save; then leave the candidate to be registered."""
    runtime = work.runtime
    with runtime.database.read() as session:
        too_early = _vectors_are_coming(runtime, session, work.project_id)
    if too_early:
        with work.putting_off(utc_now() + _WAIT_FOR_VECTORS):
            return
    try:
        version = _begin(work)
    except TooLittleToLearn as error:
        with work.completing({"version": None, "reason": error.detail}):
            return
    if version is None:
        with work.completing({"version": None}):
            return
    with runtime.database.read() as session:
        project = session.get_one(ProjectRow, work.project_id)
        given = lesson(runtime, session, project, version)
    result = learn(given, project.task)
    folder = f"bundles/{project.id}/{version.number}-{work.claim.token}"
    runtime.artifacts.remove(folder)
    features = features_of(given, result)
    try:
        sha256 = save(result.head, manifest(given, version, result), runtime.artifacts.making(folder), features)
        runtime.artifacts.publish(folder)
    except BaseException:  # the disk may be full: half a bundle is no use to anybody
        runtime.artifacts.remove(folder)
        raise
    name = f"{version.number}-{sha256[:16]}"
    with runtime.database.read() as session:
        inputs = Inputs(given.pool, session, features)
        evaluation, automation = _examine(inputs, given.held_out, result, project, name)
        beside = Unanswered.since(session, project.id, version.audit_high_water)
    with work.completing({"version": version.number}) as session:
        now = session.get_one(ProjectRow, project.id, with_for_update={"key_share": True}, populate_existing=True)
        if now.erasures != project.erasures:
            runtime.artifacts.remove(folder)
            raise Unavailable("an item was erased while the version was trained: it is trained again without it")
        row = session.get_one(VersionRow, version.id)
        row.status = VersionStatus.CANDIDATE
        row.trained_decisions = len(np.unique(given.learnt.decision))
        row.trained_categories = len(np.unique(given.learnt.category))
        row.bundle, row.sha256 = folder, sha256
        row.snapshot = {**(row.snapshot or {}), "erasures": project.erasures}
        row.metrics, row.report = (
            _metrics(evaluation, told(given.fields, result.gate), beside),
            _report(evaluation, given.categories),
        )
        row.automation = automation
        row.finished_at = utc_now()
        jobs.enqueue(
            session,
            Job.REGISTER,
            key=f"register:{project.id}:{version.number}",
            project_id=project.id,
            payload={"number": version.number},
        )


def training_failed(session: Session, job_id: str, error: str) -> None:
    """Mark the version of a training job that will not be tried again."""
    row = session.scalar(select(VersionRow).where(VersionRow.job_id == job_id))
    if row is not None and row.status is VersionStatus.TRAINING:
        row.status, row.error, row.finished_at = VersionStatus.FAILED, error, utc_now()
        jobs.enqueue(session, Job.ALERTS, key="alerts")  # whoever waits for alerts hears of it at once


def _vectors_are_coming(runtime: Runtime, session: Session, project_id: int) -> bool:
    """Whether decided items wait for the vectors that a version would learn on, and a job is there that makes them."""
    project = session.get_one(ProjectRow, project_id)
    decided = select(ItemRow.id).where(ItemRow.project_id == project_id, ItemRow.state == ItemState.DECIDED)
    if runtime.encoders.now(session, project) is runtime.encoder:
        lacking = decided.where(ItemRow.encoder_id.is_(None))
    else:
        given = VectorRow.item_id == ItemRow.id, VectorRow.encoder_id == project.quick_encoder_id
        lacking = decided.where(~exists().where(*given))
    waits = session.scalar(lacking.limit(1))
    return waits is not None and any(job.kind is Job.EMBED for job in jobs.unfinished(session, project_id))


def _begin(work: Work) -> VersionRow | None:
    """The version's row: found again when an earlier attempt at the same job had made it.

    Returns:
        None where the training before this one, which had begun when it was asked for, has learnt the decisions.
    """
    with work.advancing(0, 1) as session:
        row = session.scalar(select(VersionRow).where(VersionRow.job_id == work.claim.id))
        if row is not None:
            return row
        project = session.get_one(ProjectRow, work.project_id, with_for_update=True)
        if since_last_version(session, project.id) < work.claim.payload.get("when_enough", 0):
            return None
        mark = high_water(session, project.id)
        labels = labels_as_of(session, project.id, mark)
        held_out = _held_out(labels)
        _check_enough(labels.where(~held_out))
        encoder_id = encoder_row(session, work.runtime.encoders.now(session, project)).id
        row = VersionRow(
            project_id=project.id,
            number=project.next_number,
            status=VersionStatus.TRAINING,
            parent=project.serving_number,
            encoder_id=encoder_id,
            job_id=work.claim.id,
            decision_high_water=mark,
            audit_high_water=_audit_high_water(labels),
            snapshot=taken(session, project, encoder_id),
        )
        project.next_number += 1
        session.add(row)
        session.flush()
        return row


def _audit_high_water(labels: Labels) -> int:
    audits = np.unique(labels.blind[labels.audit])  # an item may have several categories: each of its rows has it
    return int(audits[-HOLD_OUT - 1]) if len(audits) > HOLD_OUT else 0


def _held_out(labels: Labels) -> NDArray[np.bool_]:
    held_out: NDArray[np.bool_] = labels.blind > _audit_high_water(labels)
    return held_out


def _check_enough(labels: Labels) -> None:
    seen = len(np.unique(labels.category))
    if seen < _FEWEST_CATEGORIES:
        raise TooLittleToLearn(
            f"there are {len(labels)} decisions to learn from, in {seen} of the categories; "
            f"decisions in at least {_FEWEST_CATEGORIES} categories are needed (blind audits do not count)"
        )


def learn(given: Lesson, task: TaskKind) -> FitResult | MultiFit:
    """Fit and calibrate. The same lesson gives the same head."""
    prototypes = given.encoder.encode([compose(one.name, one.description) for one in given.categories])
    classes = np.asarray([one.id for one in given.categories], np.int64)
    pool, labels = given.pool, given.learnt
    seen = given.fields
    if task is TaskKind.MULTI:
        items, member, _ = labels.members(classes)
        columns = None if seen is None else seen.of(items)
        return fit_multi(pool.rows(pool.places(items)), member, prototypes, classes, fields=columns, seed=0)
    return fit_head(
        pool.rows(pool.places(labels.item)),
        labels.category,
        prototypes,
        classes,
        pool=bystanders(given),
        fields=None if seen is None else (seen.of(labels.item), seen.of(given.beside)),
        uniform=labels.audit,
        asked=given.asked,
        seed=0,
    )


def features_of(given: Lesson, result: FitResult | MultiFit) -> FieldFeatures | None:
    """What makes the columns that the head wants; None where fields did not clearly help."""
    return given.fields.features if given.fields is not None and result.fields else None


def manifest(given: Lesson, version: VersionRow, result: FitResult | MultiFit) -> dict[str, Any]:
    """What stands in a bundle beside the head."""
    return {
        "project": given.slug,
        "version": version.number,
        "encoder": given.encoder.id,
        "decision_high_water": version.decision_high_water,
        "audit_high_water": version.audit_high_water,
        "categories": {str(one.id): one.name for one in given.categories},
        "calibration": result.calibration,
        "gate": told(given.fields, result.gate),
    }


def _examine(
    inputs: Inputs, audits: Labels, result: FitResult | MultiFit, project: ProjectRow, name: str
) -> tuple[Evaluation | None, dict[str, Any]]:
    """Measure on blind audits that the version has never seen, and find the automation threshold."""
    target = settings_of(project).target_accuracy
    scores = score_pool(inputs, result.head, name)
    there = inputs.pool.item_ids > 0
    said, sure = scores.category[there], scores.confidence[there]
    seen = examine(result.head, inputs, audits, project.task)
    whole = automation_threshold(seen.confidence, seen.correct, sure, target)
    if project.task is TaskKind.MULTI:
        return seen.evaluation, {**asdict(whole), "target": target}
    answers = (seen.answered, seen.confidence, seen.correct)
    apart = by_category(answers, (said, sure), result.head.classes_.tolist(), target)
    return seen.evaluation, {
        **asdict(whole),
        "target": target,
        "by_category": {str(one): asdict(allowed) for one, allowed in apart.items()},
        "share_by_category": accepted_share(apart, (said, sure)),
    }


def _metrics(evaluation: Evaluation | None, gate: dict[str, Any], beside: Unanswered) -> dict[str, Any]:
    fields = {"fields": gate["fields"]} if "fields" in gate else {}
    if evaluation is None:
        return {"measured_on": {"kind": "blind audits", "items": 0}, **fields}
    return {
        **fields,
        "accuracy": evaluation.accuracy,
        "accuracy_low": evaluation.accuracy_low,
        "accuracy_high": evaluation.accuracy_high,
        "macro_f1": evaluation.macro_f1,
        "log_loss": evaluation.log_loss,
        "calibration_error": evaluation.calibration_error,
        "measured_on": {"kind": "blind audits", "items": evaluation.n, "passed_over": beside.passed_over},
    }


def _report(evaluation: Evaluation | None, categories: Sequence[Known]) -> dict[str, Any] | None:
    if evaluation is None:
        return None
    names = {one.id: one.name for one in categories}
    return {
        "per_category": [
            {**asdict(one), "category": names.get(one.category, str(one.category))} for one in evaluation.per_category
        ],
        "confusion": [
            {"true": names.get(true, str(true)), "answered": names.get(answered, str(answered)), "count": count}
            for true, answered, count in evaluation.confusion
        ],
        "reliability": [asdict(one) for one in evaluation.reliability],
    }
