"""Whether what comes in now still looks like the collection that the serving version was made for.

The yardstick is every item that had come in when the version was trained, not the items it learnt from: those were
chosen because they are hard, and anything would differ from them.
"""

from bisect import bisect_left
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import NoVersion, TooFewCategories
from models.heads import Columns, probabilities
from models.learn.drift import Drift, confidence_shift, drift, stability_index
from models.learn.shift import LEVEL, NOTABLE, Judged, ShiftTest, judge, shift_test
from models.pool.inputs import Inputs
from models.pool.vectors import Pool
from models.runtime import Runtime
from models.steps.score import pool_of
from models.store.queries.projects import categories_of
from models.store.tables import CategoryRow, ItemRow, PredictionRow, ProjectRow, VersionRow
from models.store.types import utc_now
from models.vocabulary import TaskKind

_SAMPLE = 2_000
_FEWEST = 20


@dataclass(frozen=True, slots=True)
class Mix:
    """The share of answers that name a category, before and now."""

    category: str
    reference: float
    recent: float


@dataclass(frozen=True, slots=True)
class Requests:
    """What programs asked the serving version lately, against the items that were there when it was trained.

    The log of predictions keeps answers and no vectors, so the mix and the confidence are all that is compared.

    Attributes:
        recent: requests compared; the newest 2,000 at most.
        categories: population stability index of the answered categories.
        p_value: how likely chance alone would make it.
        confidence: the same index for the confidence of the answers; None where an item may have several categories.
        mix: by category, the largest change first.
        shifted: whether the mix is more than chance and large enough to matter.
    """

    recent: int
    categories: float
    p_value: float
    confidence: float | None
    mix: list[Mix]
    shifted: bool


@dataclass(frozen=True, slots=True)
class Drifted:
    """Recent items against those that were there when the serving version was trained.

    Attributes:
        number: of the version that answered for both.
        since: recent items came in from then on.
        until: the others had come in before.
        shift: how large it is.
        test: how likely chance alone would make it.
        mix: by category, the largest change first.
        shifted: whether it is more than chance and large enough to matter.
        advice: what it comes to, in a sentence.
        requests: the same of what programs ask; None where too few asked.
    """

    number: int
    since: datetime
    until: datetime
    shift: Drift
    test: ShiftTest
    mix: list[Mix]
    shifted: bool
    advice: str
    requests: Requests | None = None

    @property
    def anything(self) -> bool:
        """Whether items or requests have shifted."""
        return self.shifted or (self.requests is not None and self.requests.shifted)


def drifted(runtime: Runtime, session: Session, project: ProjectRow, days: int) -> Drifted:
    """Compare what came in within the last days, and after the serving version was trained, with what was there then.

    Args:
        days: how far back "recent" goes.
    """
    begin = utc_now() - timedelta(days=days)
    trained = session.scalar(
        select(VersionRow.created_at).where(
            VersionRow.project_id == project.id, VersionRow.number == project.serving_number
        )
    )
    since = begin if trained is None else max(begin, trained)
    until = since if trained is None else trained
    pool = pool_of(runtime, session, project)
    before, after = _samples(session, project, pool, until, since)
    few = f"{_arrived(before, after)}; at least {_FEWEST} are needed on either side to tell a shift from chance."
    if pool is None or len(before) < _FEWEST:
        return _calm(project, since, until, len(before), len(after), few)
    categories = categories_of(session, project.id, archived=False)
    try:
        served = runtime.heads.get(session, project)
        inputs = Inputs(pool, session, served.features).rows(np.concatenate([before, after]))
        shares, columns = probabilities(served, inputs, categories)
    except (NoVersion, TooFewCategories) as error:
        return _calm(project, since, until, len(before), len(after), f"Nothing can answer yet: {error.detail}.")
    asked = _requests(session, project, served.number, since, columns, shares[: len(before)])
    if len(after) < _FEWEST:
        return replace(_calm(project, since, until, len(before), len(after), few), requests=asked)
    x = pool.rows(before), pool.rows(after)
    shift = drift(x[0], shares[: len(before)], x[1], shares[len(before) :])
    said = shares.argmax(axis=1)
    test = shift_test(x[0], said[: len(before)], x[1], said[len(before) :])
    judged = judge(shift, test)
    mix = _mix(columns.categories, said[: len(before)], said[len(before) :])
    return Drifted(served.number, since, until, shift, test, mix, judged.shifted, _advice(test, mix, judged), asked)


def _requests(
    session: Session, project: ProjectRow, number: int, since: datetime, columns: Columns, before: NDArray[np.float32]
) -> Requests | None:
    """What programs asked this version since then. Shape of `before` (n, k), columns as in `columns`."""
    mine = PredictionRow.project_id == project.id, PredictionRow.number == number, PredictionRow.created_at >= since
    rows = session.execute(
        select(PredictionRow.category_id, PredictionRow.confidence)
        .where(*mine, PredictionRow.category_id.in_(columns.ids.tolist()))
        .order_by(PredictionRow.created_at.desc())
        .limit(_SAMPLE)
    ).all()
    if len(rows) < _FEWEST:
        return None
    place = {category_id: column for column, category_id in enumerate(columns.ids.tolist())}
    said, now = before.argmax(axis=1), np.asarray([place[row.category_id] for row in rows], np.int64)
    size = stability_index(*(np.bincount(one, minlength=len(place)) for one in (said, now)))
    blank = np.zeros((len(said), 1), np.float32), np.zeros((len(now), 1), np.float32)
    test = shift_test(blank[0], said, blank[1], now)
    confidence = None
    if project.task is not TaskKind.MULTI:
        confidence = confidence_shift(before.max(axis=1), np.asarray([row.confidence for row in rows]))
    mix = _mix(columns.categories, said, now)
    return Requests(len(rows), size, test.categories, confidence, mix, test.categories <= LEVEL and size >= NOTABLE)


def _samples(
    session: Session, project: ProjectRow, pool: Pool | None, until: datetime, since: datetime
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places of items that came before `until` and of those that came from `since` on, at most 2,000 of each."""
    if pool is None:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    there = np.flatnonzero(pool.item_ids > 0)
    by_id = there[np.argsort(pool.item_ids[there])]
    ids = pool.item_ids[by_id].tolist()

    def came(item_id: int) -> datetime:
        return session.scalars(select(ItemRow.created_at).where(ItemRow.id == item_id)).one()

    # Ids rise with time: a few looks find the first item of a time among millions.
    first_after, last_before = bisect_left(ids, since, key=came), bisect_left(ids, until, key=came)
    rng = np.random.default_rng(project.id)
    return _some(by_id[:last_before], rng), _some(by_id[first_after:], rng)


def _some(places: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    return places if len(places) <= _SAMPLE else np.sort(rng.choice(places, _SAMPLE, replace=False))


def _mix(columns: list[CategoryRow], before: NDArray[np.int64], after: NDArray[np.int64]) -> list[Mix]:
    first = np.bincount(before, minlength=len(columns)) / len(before)
    second = np.bincount(after, minlength=len(columns)) / len(after)
    mixes = [Mix(row.name, float(one), float(two)) for row, one, two in zip(columns, first, second, strict=True)]
    return sorted(mixes, key=lambda one: (-abs(one.recent - one.reference), one.category))


def _calm(project: ProjectRow, since: datetime, until: datetime, reference: int, recent: int, advice: str) -> Drifted:
    nothing = Drift(0.0, 0.0, 0.0, reference, recent)
    return Drifted(project.serving_number, since, until, nothing, ShiftTest(1.0, 1.0), [], shifted=False, advice=advice)


def _arrived(before: NDArray[np.int64], after: NDArray[np.int64]) -> str:
    return f"{len(after):,} recent items stand against {len(before):,} that were there before"


def _advice(test: ShiftTest, mix: list[Mix], judged: Judged) -> str:
    if judged.mixed:
        most = mix[0]
        return (
            f"The mix has changed: {most.category} was {most.reference:.0%} of answers and is {most.recent:.0%} now. "
            "Decide some of the new items, and watch the accuracy of the coming audits."
        )
    if judged.meant:
        return (
            "The texts themselves have changed, though the mix of answers has not much. "
            "Look at the items that fit nothing known, and decide some of the new ones."
        )
    if test.either <= LEVEL:
        return "There is a shift that chance would hardly make, but it is too small to matter."
    return "What comes in looks like what was there before."
