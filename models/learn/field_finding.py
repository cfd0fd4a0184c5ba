"""Which fields of records can be learnt from, and what is usual in them. No category is looked at, but to find copies.

A `ColumnTransformer` learns; what it learnt is then taken out of it as plain numbers (`models.learn.fields`).
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from models.learn.fields import MOST_COLUMNS, Choice, FieldFeatures, Number, Record, choice, missing, number
from models.learn.text import normalise

if TYPE_CHECKING:
    from sklearn.compose import ColumnTransformer

LEAST_RECORDS: Final = 10
MOST_VALUES: Final = 20
_MOST_LOOKED_AT: Final = 256
_PRESENT: Final = 0.2  # of the records that must have a field
_NUMBERS: Final = 0.9  # of a field's values that must be numbers
_COPIED: Final = 0.8  # of the values that repeat the text, or the decided category
_OUTSIDE: Final = 0.01  # of the numbers, on either side, that count as the next one inside
_ORDERED: Final = 0.98
_SEEN: Final = 2  # records that must share a value before it has a column


@dataclass(frozen=True, slots=True)
class Known:
    """A record: what its text is, what its fields hold, and the names of the categories decided for it, if any."""

    text: str
    fields: Record
    categories: tuple[str, ...] = ()


def find_fields(records: Sequence[Known], never: Iterable[str] = ()) -> FieldFeatures | None:
    """Find the fields that may say something, and fit them.

    Left out are fields that few records have, long or ever different words, numbers that only count the records as they
    came, and copies of the text or of the decided category.

    Args:
        records: in the order in which they came.
        never: names of columns that hold an id or the answer.

    Returns:
        None where there is no such field.
    """
    if len(records) < LEAST_RECORDS:
        return None
    present = Counter(name for one in records for name, value in one.fields.items() if not missing(value))
    out = {normalise(name) for name in never}
    names = [
        name
        for name, count in sorted(present.items(), key=lambda pair: (-pair[1], pair[0]))[:_MOST_LOOKED_AT]
        if count >= _PRESENT * len(records) and normalise(name) not in out and not _answers(records, name)
    ]
    numbers, choices = [], []
    for name in names:
        values = np.asarray([number(one.fields.get(name)) for one in records])
        if np.isfinite(values).sum() >= _NUMBERS * present[name]:
            if _varies(values) and not _counts(values):
                numbers.append((name, values))
            continue
        words = [choice(one.fields.get(name)) for one in records]
        if _few(words, present[name]) and not _repeats(records, words):
            choices.append((name, words))
    return fitted(numbers, choices)


def fitted(
    numbers: Sequence[tuple[str, NDArray[np.float64]]], choices: Sequence[tuple[str, Sequence[str]]]
) -> FieldFeatures | None:
    """Fit fields by their values in the same records; None where nothing varies. At most 128 columns are kept."""
    bounds = [_bounds(values) for _, values in numbers]
    clipped = [values.clip(*bound) for (_, values), bound in zip(numbers, bounds, strict=True)]
    made = FieldFeatures(_numbers(numbers, bounds, clipped), _choices(choices))
    kept = np.bincount(made.owners, minlength=len(made.names)).cumsum() <= MOST_COLUMNS
    inside = len(made.numbers)
    made = FieldFeatures(
        [one for one, keep in zip(made.numbers, kept[:inside], strict=True) if keep],
        [one for one, keep in zip(made.choices, kept[inside:], strict=True) if keep],
    )
    return made if made.width else None


def column_transformer(numbers: int, choices: int) -> "ColumnTransformer":
    """What learns from rows whose first columns are numbers and whose last ones are words."""
    # Only here: no process that merely answers needs them, nor what they bring along.
    from sklearn.compose import ColumnTransformer  # noqa: PLC0415
    from sklearn.impute import SimpleImputer  # noqa: PLC0415
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415
    from sklearn.preprocessing import OneHotEncoder, StandardScaler  # noqa: PLC0415

    scaling = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    hot = OneHotEncoder(
        handle_unknown="infrequent_if_exist", min_frequency=_SEEN, max_categories=MOST_VALUES, sparse_output=False
    )
    centred = make_pipeline(hot, StandardScaler(with_std=False))
    return ColumnTransformer(
        [("numbers", scaling, list(range(numbers))), ("choices", centred, list(range(numbers, numbers + choices)))]
    )


def _numbers(
    numbers: Sequence[tuple[str, NDArray[np.float64]]],
    bounds: Sequence[tuple[float, float]],
    clipped: Sequence[NDArray[np.float64]],
) -> list[Number]:
    if not numbers:
        return []
    learnt = column_transformer(len(numbers), 0).fit(np.stack(clipped, axis=1)).named_transformers_["numbers"]
    imputer, scaler = learnt[0], learnt[1]
    lacking = [] if imputer.indicator_ is None else imputer.indicator_.features_.tolist()
    columns = {place: len(numbers) + at for at, place in enumerate(lacking)}
    return [
        Number(
            name,
            *bounds[place],
            float(imputer.statistics_[place]),
            float(scaler.mean_[place]),
            float(scaler.scale_[place]),
            (float(scaler.mean_[columns[place]]), float(scaler.scale_[columns[place]])) if place in columns else None,
        )
        for place, (name, _) in enumerate(numbers)
    ]


def _choices(choices: Sequence[tuple[str, Sequence[str]]]) -> list[Choice]:
    if not choices:
        return []
    rows = np.asarray([words for _, words in choices], dtype=object).T
    learnt = column_transformer(0, len(choices)).fit(rows).named_transformers_["choices"]
    hot, shares = learnt[0], learnt[1].mean_.tolist()
    found = []
    for (name, _), values, rare in zip(choices, hot.categories_, hot.infrequent_categories_, strict=True):
        own = [str(value) for value in values.tolist() if rare is None or value not in rare]
        width = len(own) + (rare is not None)
        found.append(Choice(name, tuple(own), tuple(shares[:width])))
        shares = shares[width:]
    return found


def _bounds(values: NDArray[np.float64]) -> tuple[float, float]:
    """A few wild numbers must not make all others look alike."""
    inside = values[np.isfinite(values)]
    low, high = np.quantile(inside, [_OUTSIDE, 1 - _OUTSIDE], method="closest_observation")
    return (float(low), float(high)) if low < high else (float(inside.min()), float(inside.max()))


def _varies(values: NDArray[np.float64]) -> bool:
    inside = values[np.isfinite(values)]
    return bool(inside.max() > inside.min())


def _counts(values: NDArray[np.float64]) -> bool:
    """Whether a number says no more than when its record came: a running number, a time stamp, a line of a file."""
    steps = np.diff(values[np.isfinite(values)])
    rises, falls = int((steps > 0).sum()), int((steps < 0).sum())
    return max(rises, falls) >= _ORDERED * (rises + falls)


def _few(words: Sequence[str], present: int) -> bool:
    """Whether short words come again and again."""
    seen = Counter(word for word in words if word)
    return len(seen) > 1 and seen.total() >= _NUMBERS * present and len(seen) <= seen.total() / 2


def _repeats(records: Sequence[Known], words: Sequence[str]) -> bool:
    """Whether the text says the same already, as a line of its own."""
    told = [(one.text, word) for one, word in zip(records, words, strict=True) if word]
    same = sum(word in {normalise(line) for line in text.split("\n")} for text, word in told)
    return same >= _COPIED * len(told)


def _answers(records: Sequence[Known], name: str) -> bool:
    """Whether the field names the category that was decided: a column of answers, which new records will not have."""
    decided = [one for one in records if one.categories and not missing(one.fields.get(name))]
    same = sum(_named(one.fields.get(name)) == {normalise(named) for named in one.categories} for one in decided)
    return bool(decided) and same >= _COPIED * len(decided)


def _named(value: Any) -> set[str]:
    parts = value if isinstance(value, list) else str(value).split("|")
    return {normalise(str(part)) for part in parts}
