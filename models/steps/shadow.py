"""A version in shadow: it answers beside the one that serves, its answers are kept, and nobody hears them.

So what would change with it is known, on what callers really send, before it serves. A shadow that cannot answer is
passed over: no prediction fails or waits because of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.errors import Conflict, EncoderBusy, Missing, NoVersion, WinnowError
from models.heads import Columns, Served, columns_of, shares_of
from models.learn.audit import exact_interval
from models.runtime import Runtime
from models.steps.accounts import Caller, record
from models.steps.items import Asked
from models.steps.predictions import Prediction, as_prediction
from models.steps.register import check_encoder
from models.store.queries.projects import categories_of
from models.store.queries.versions import find_version
from models.store.tables import CategoryRow, PredictionRow, ProjectRow
from models.store.types import utc_now

_EXAMPLES = 20


@dataclass(frozen=True, slots=True)
class Differing:
    """The answers of the serving version that name a category, and how often the shadow says something else.

    Attributes:
        instead: what it says then, by category, the most frequent first.
    """

    category: str
    predictions: int
    differing: int
    instead: list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Example:
    """A text that the two answer differently."""

    prediction_id: str
    at: datetime
    text: str
    serving: str
    serving_confidence: float
    shadow: str
    shadow_confidence: float


@dataclass(frozen=True, slots=True)
class Disagreement:
    """The version in shadow against the one that serves, on what callers sent since it stands there.

    Attributes:
        number: the version in shadow; None where there is none.
        serving: the version that serves.
        predictions: answers that both gave.
        differing: those in which they differ; `low` and `high` are the exact 95 % interval of their share.
        by_category: by the serving version's answer, the most differences first.
        examples: the newest.
        trouble: why the shadow cannot answer, if it cannot.
    """

    number: int | None
    serving: int
    since: datetime | None
    predictions: int
    differing: int
    low: float
    high: float
    by_category: list[Differing]
    examples: list[Example]
    trouble: str | None


def begin(session: Session, caller: Caller, project: ProjectRow, number: int) -> ProjectRow:
    """Put a version in shadow; the one that stood there steps back.

    Raises:
        Missing: there is no such version.
        NoVersion: it cannot answer.
        Conflict: it serves.
    """
    session.refresh(project, with_for_update=True)
    row = find_version(session, project, number)
    if row.sha256 is None:
        raise NoVersion(f"version {number} is {row.status}: it cannot answer")
    if project.serving_number == number:
        raise Conflict(f"version {number} serves: a shadow is another one beside it")
    check_encoder(session, project, row)
    project.shadow_number, project.shadow_since = number, utc_now()
    record(session, caller, "version.shadow", project.slug, {"version": number})
    session.flush()
    return project


def end(session: Session, caller: Caller, project: ProjectRow, number: int) -> None:
    """Take a version out of the shadow; what it has said is kept as long as the predictions. Raises Missing."""
    session.refresh(project, with_for_update=True)
    if project.shadow_number != number:
        raise Missing(f"version {number} is not in shadow")
    project.shadow_number = project.shadow_since = None
    record(session, caller, "version.shadow.end", project.slug, {"version": number})
    session.flush()


def beside(
    runtime: Runtime, session: Session, project: ProjectRow, categories: Sequence[CategoryRow]
) -> tuple[Served, Columns] | None:
    """The version in shadow and the categories it may answer with, where there is one that can answer."""
    if project.shadow_number is None or project.shadow_number == project.serving_number:
        return None
    try:
        served = runtime.heads.get(session, project, project.shadow_number)
        return served, columns_of(served, categories)
    except WinnowError:  # its shadow must not fall on the answer
        return None


def overheard(
    shadow: tuple[Served, Columns] | None, items: Sequence[Asked], encoded: Mapping[str, NDArray[np.float32]]
) -> Sequence[Prediction | None]:
    """What the shadow says of the same records; None for each where it says nothing.

    Args:
        encoded: the records' vectors by the encoder that made them, of those that are there already, shape (n, d).
    """
    silence: list[Prediction | None] = [None] * len(items)
    if shadow is None:
        return silence
    served, columns = shadow
    vectors = encoded.get(served.encoder.id)
    try:
        if vectors is None:
            vectors = served.encoder.encode([item.text for item in items])
        inputs = served.inputs(vectors, [item.fields for item in items])
        return [as_prediction(served, row, columns, 1) for row in shares_of(served, inputs, columns)]
    except (EncoderBusy, ValueError):  # no time for it, or vectors of another width than it knows
        return silence


def kept(said: Prediction, aside: Prediction | None) -> dict[str, object]:
    """The columns of `PredictionRow` that remember the shadow's answer beside the one that was given."""
    if aside is None:
        return dict.fromkeys(("shadow_number", "shadow_category_id", "shadow_confidence", "shadow_agrees"))
    return {
        "shadow_number": aside.number,
        "shadow_category_id": aside.category.id,
        "shadow_confidence": aside.confidence,
        "shadow_agrees": {one.id for one in aside.categories} == {one.id for one in said.categories},
    }


def disagreement(runtime: Runtime, session: Session, project: ProjectRow) -> Disagreement:
    """How far the shadow and the serving version differ on what they were both asked."""
    number, since = project.shadow_number, project.shadow_since
    if number is None or since is None:
        return Disagreement(None, project.serving_number, None, 0, 0, 0.0, 1.0, [], [], None)
    both = (
        PredictionRow.project_id == project.id,
        PredictionRow.created_at >= since,
        PredictionRow.number == project.serving_number,
        PredictionRow.shadow_number == number,
    )
    names = {row.id: row.name for row in categories_of(session, project.id)}
    counted = session.execute(
        select(PredictionRow.category_id, PredictionRow.shadow_category_id, PredictionRow.shadow_agrees, func.count())
        .where(*both)
        .group_by(PredictionRow.category_id, PredictionRow.shadow_category_id, PredictionRow.shadow_agrees)
    ).all()
    newest = session.scalars(
        select(PredictionRow)
        .where(*both, PredictionRow.shadow_agrees.is_(False))
        .order_by(PredictionRow.created_at.desc(), PredictionRow.id)
        .limit(_EXAMPLES)
    )
    by_category = _by_category([(names.get(a, "?"), names.get(b or 0, "?"), bool(c), n) for a, b, c, n in counted])
    predictions = sum(one.predictions for one in by_category)
    differing = sum(one.differing for one in by_category)
    return Disagreement(
        number,
        project.serving_number,
        since,
        predictions,
        differing,
        *exact_interval(differing, predictions),
        by_category,
        [
            Example(
                row.id,
                row.created_at,
                row.text,
                names.get(row.category_id, "?"),
                row.confidence,
                names.get(row.shadow_category_id or 0, "?"),
                row.shadow_confidence or 0.0,
            )
            for row in newest
        ],
        _trouble(runtime, session, project, number),
    )


def _by_category(counted: list[tuple[str, str, bool, int]]) -> list[Differing]:
    found: dict[str, tuple[int, dict[str, int]]] = {}
    for said, aside, agrees, count in counted:
        total, instead = found.get(said, (0, {}))
        if not agrees:
            instead[aside] = instead.get(aside, 0) + count
        found[said] = total + count, instead
    rows = [
        Differing(name, total, sum(instead.values()), sorted(instead.items(), key=lambda pair: (-pair[1], pair[0])))
        for name, (total, instead) in found.items()
    ]
    return sorted(rows, key=lambda row: (-row.differing, row.category))


def _trouble(runtime: Runtime, session: Session, project: ProjectRow, number: int) -> str | None:
    try:
        runtime.heads.get(session, project, number)
    except WinnowError as error:
        return error.detail
    return None
