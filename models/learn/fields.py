"""What a record holds beside its text, as columns that stand behind its vector: numbers and short categories.

Everything that was learnt is plain numbers and words, so that a bundle can hold it and nothing in it runs. How it is
learnt stands in `models.learn.field_finding`.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.learn.names import clearly_better
from models.learn.text import normalise

FARTHEST: Final = 4.0
"""A number counts as at most so many standard deviations from the middle."""

MARGIN: Final = 2.0
"""Standard errors by which fields must win."""

LEAST_GAIN: Final = 0.01
"""In nats: where texts are nearly always right, fields may win surely and by nothing."""

LONGEST_VALUE: Final = 60
LARGEST: Final = 1e100
MOST_COLUMNS: Final = 128

_EMPTY: Final = frozenset({"", "na", "n/a", "nan", "null", "none", "-"})
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_THOUSANDS: Final = re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?")
_DECIMAL_COMMA: Final = re.compile(r"[+-]?[0-9]+,[0-9]+")
_UNITS: Final = "$€£¥% \t\n\r"

Floats = NDArray[np.float32]
Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Number:
    """A field of numbers.

    Attributes:
        low, high: beyond these a value counts as these.
        typical: what stands for a missing one.
        mean, spread: of the values; a column holds how many spreads a value is above the mean.
        missing: mean and spread of whether it is missing; None where it never was.
    """

    name: str
    low: float
    high: float
    typical: float
    mean: float
    spread: float
    missing: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Choice:
    """A field of few different short values.

    Attributes:
        values: those with a column of their own, as `choice` gives them.
        shares: of the records, for each column; with rare values it has one more column, which stands for all of them
            and for any that was never seen.
    """

    name: str
    values: tuple[str, ...]
    shares: tuple[float, ...]


class FieldFeatures:
    """Records to columns. The columns' size is that of a vector, however many fields there are.

    Args:
        numbers, choices: what each field holds.
    """

    def __init__(self, numbers: Sequence[Number], choices: Sequence[Choice]) -> None:
        self.numbers = tuple(numbers)
        self.choices = tuple(choices)
        self.names = (*(one.name for one in self.numbers), *(one.name for one in self.choices))
        lacking = [place for place, one in enumerate(self.numbers) if one.missing is not None]
        each = [
            np.repeat(len(self.numbers) + place, len(one.shares)).tolist() for place, one in enumerate(self.choices)
        ]
        self.owners: NDArray[np.int64] = np.asarray(
            [*range(len(self.numbers)), *lacking, *(owner for owners in each for owner in owners)], np.int64
        )
        """Which of `names` each column belongs to, shape (m,)."""

    @property
    def width(self) -> int:
        """How many columns there are."""
        return len(self.owners)

    @cached_property
    def key(self) -> str:
        """A name that two have in common only if they make the same columns of every record."""
        return sha256(json.dumps(self.told(), sort_keys=True).encode()).hexdigest()[:16]

    def transform(self, records: Sequence[Record]) -> Floats:
        """Columns (n, m). 0 is what is usual; what a record lacks, and what was never seen, says little or nothing."""
        values = np.asarray(
            [[number(record.get(one.name)) for one in self.numbers] for record in records], np.float64
        ).reshape(len(records), len(self.numbers))
        lacks = np.isnan(values)
        parts = [
            _scaled(
                np.where(lacks[:, place], one.typical, values[:, place]).clip(one.low, one.high), one.mean, one.spread
            )
            for place, one in enumerate(self.numbers)
        ]
        parts += [
            _scaled(lacks[:, place].astype(np.float64), *one.missing)
            for place, one in enumerate(self.numbers)
            if one.missing is not None
        ]
        hot = [_hot(one, [choice(record.get(one.name)) for record in records]) for one in self.choices]
        columns = np.concatenate([np.zeros((len(records), 0)), *(part[:, None] for part in parts), *hot], axis=1)
        return (columns / math.sqrt(max(len(self.names), 1))).astype(np.float32)

    def told(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {"numbers": [asdict(one) for one in self.numbers], "choices": [asdict(one) for one in self.choices]}

    @classmethod
    def of(cls, told: Any) -> "FieldFeatures":
        """From what `told` gave.

        Raises:
            ValueError: it is something else.
        """
        try:
            numbers = [_number_of(dict(one)) for one in told["numbers"]]
            choices = [_choice_of(dict(one)) for one in told["choices"]]
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ValueError("these are no fields") from error
        made = cls(numbers, choices)
        if len(set(made.names)) < len(made.names) or not 0 < made.width <= MOST_COLUMNS:
            raise ValueError("these are no fields")
        return made


def gained(surprise: NDArray[np.float64], without: NDArray[np.float64]) -> tuple[float, bool]:
    """How much less surprised answers with fields are by decisions that were held out, and whether that is clear.

    Args:
        surprise: log loss of each row, shape (n,).
        without: of the same rows, answered without fields.
    """
    gain = float((without - surprise).mean())
    return round(gain, 4), gain >= LEAST_GAIN and clearly_better(surprise, without, MARGIN)


def joined(x: Floats, columns: Floats | None) -> Floats:
    """Vectors (n, d) with columns (n, m) behind them; the vectors themselves where there are none."""
    return x if columns is None else np.hstack([x, columns])


def widened(words: Floats, width: int) -> Floats:
    """Vectors of categories' words (k, d), which say nothing of fields, as (k, width)."""
    return np.pad(words, ((0, 0), (0, width - words.shape[1])))


def number(value: Any) -> float:
    """A value as a number; NaN where it is none, or too large to count with."""
    if isinstance(value, str):
        return _bounded(_read(value.strip(_UNITS)))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    try:
        return _bounded(float(value))
    except OverflowError:
        return math.nan


def choice(value: Any) -> str:
    """A value as one of a few; empty where it is missing, no single value, or too long to be one of a few."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        value = str(value)
    if not isinstance(value, str) or len(value) > 2 * LONGEST_VALUE:
        return ""
    plain = normalise(value)
    return "" if plain in _EMPTY or len(plain) > LONGEST_VALUE else plain


def missing(value: Any) -> bool:
    """Whether a field holds nothing."""
    return value is None or (isinstance(value, str) and len(value) <= LONGEST_VALUE and normalise(value) in _EMPTY)


def _read(plain: str) -> float:
    if len(plain) > LONGEST_VALUE:
        return math.nan
    if _THOUSANDS.fullmatch(plain):
        plain = plain.replace(",", "")
    elif _DECIMAL_COMMA.fullmatch(plain):
        plain = plain.replace(",", ".")
    return float(plain) if _NUMBER.fullmatch(plain) else math.nan


def _bounded(value: float) -> float:
    return value if abs(value) <= LARGEST else math.nan


def _scaled(values: NDArray[np.float64], mean: float, spread: float) -> NDArray[np.float64]:
    scaled: NDArray[np.float64] = ((values - mean) / spread).clip(-FARTHEST, FARTHEST)
    return scaled


def _hot(one: Choice, values: Sequence[str]) -> NDArray[np.float64]:
    """A column for each value, and where there is one more share than values, one for all others."""
    place_of = {value: place for place, value in enumerate(one.values)}
    places = np.asarray([place_of.get(value, len(one.values)) for value in values], np.int64)
    own = (places[:, None] == np.arange(len(one.shares))).astype(np.float64)
    centred: NDArray[np.float64] = own - np.asarray(one.shares, np.float64)
    return centred


def _number_of(told: dict[str, Any]) -> Number:
    lacks = told.pop("missing")
    lacks = None if lacks is None else (_finite(lacks[0]), _positive(lacks[1]))
    name, spread = _word(told.pop("name")), _positive(told.pop("spread"))
    return Number(name=name, spread=spread, missing=lacks, **{key: _finite(value) for key, value in told.items()})


def _choice_of(told: dict[str, Any]) -> Choice:
    values, shares = tuple(map(_word, told["values"])), tuple(map(_finite, told["shares"]))
    if len(shares) - len(values) not in {0, 1}:
        raise ValueError
    return Choice(_word(told["name"]), values, shares)


def _word(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _finite(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError
    return float(value)


def _positive(value: Any) -> float:
    if _finite(value) <= 0:
        raise ValueError
    return float(value)
