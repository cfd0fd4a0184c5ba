"""What records hold beside their text, as a version that is trained sees it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.learn.field_finding import Known, find_fields
from models.learn.fields import FieldFeatures, Floats
from models.store.queries.decisions import Labels
from models.store.queries.items import records_of
from models.store.tables import ImportRow, ProjectRow

_FIRST = 300

_Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Seen:
    """Fields that may say something, and what they say of some items.

    Attributes:
        item_ids: ascending, shape (n,).
        columns: shape (n, m).
    """

    features: FieldFeatures
    item_ids: _Ids
    columns: Floats

    def of(self, item_ids: _Ids) -> Floats:
        """The columns of these items, in their order."""
        return self.columns[np.searchsorted(self.item_ids, item_ids)]


def never_learnt(session: Session, project: ProjectRow) -> list[str]:
    """Columns that a file's sender called an id or an answer."""
    told = session.scalars(select(ImportRow.options).where(ImportRow.project_id == project.id))
    named = {options.get(role) for options in told for role in ("id_field", "label_field")}
    return sorted(name for name in named if name)


def seen(session: Session, learnt: Labels, beside: _Ids, never: Sequence[str], names: Mapping[int, str]) -> Seen | None:
    """Find fields in the records of some items; None where there are none that could be learnt from.

    Args:
        learnt: decisions to be learnt from.
        beside: ids of items that are looked at without a category.
        never: see `never_learnt`.
        names: of the categories, by id.
    """
    item_ids = np.union1d(learnt.item, beside)
    first = item_ids[:: max(1, len(item_ids) // _FIRST)]
    if find_fields(_known(session, first, learnt, names), never) is None:
        return None  # most projects hold texts alone: a look at a few records tells
    known = _known(session, item_ids, learnt, names)
    features = find_fields(known, never)
    if features is None:
        return None
    return Seen(features, item_ids, features.transform([one.fields for one in known]))


def told(seen: Seen | None, gate: Mapping[str, Any]) -> dict[str, Any]:
    """What training found out, with the names of the fields that it tried."""
    if seen is None or "fields" not in gate:
        return dict(gate)
    return {**gate, "fields": {**gate["fields"], "names": list(seen.features.names)}}


def _known(session: Session, item_ids: _Ids, learnt: Labels, names: Mapping[int, str]) -> list[Known]:
    decided: dict[int, list[str]] = {}
    for item_id, category in zip(learnt.item.tolist(), learnt.category.tolist(), strict=True):
        decided.setdefault(item_id, []).append(names[category])
    there = records_of(session, item_ids.tolist())
    return [
        Known(*there[one], tuple(decided.get(one, ()))) if one in there else Known("", {}) for one in item_ids.tolist()
    ]
