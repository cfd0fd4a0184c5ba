"""Whatever records hold: what was learnt of them survives its bundle, and columns are finite and bounded."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.learn.bundle import load, save
from models.learn.field_finding import Known, find_fields
from models.learn.fields import FARTHEST, MOST_COLUMNS
from models.learn.heads import LinearHead

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**6), 10**6),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["red", "Red ", "blue", "", "12,5", "$3", "n/a"]),
    st.text(max_size=90),
    st.lists(st.text(max_size=3), max_size=2),
)
RECORDS = st.dictionaries(st.sampled_from(["a", "b", "c", "d e", "\u00e9"]), VALUES, max_size=5)


@settings(max_examples=60)
@given(st.lists(RECORDS, min_size=10, max_size=40), st.lists(RECORDS, max_size=5))
def test_what_was_learnt_survives_its_bundle(known: list[dict], asked: list[dict]) -> None:
    features = find_fields([Known("", record) for record in known])
    if features is None:
        return
    assert 0 < features.width <= MOST_COLUMNS
    columns = features.transform([*known, *asked])
    assert np.isfinite(columns).all()
    assert np.abs(columns).max(initial=0) <= FARTHEST
    x = np.hstack([np.ones((len(known), 2), np.float32), columns[: len(known)]])
    head = LinearHead().fit(x, np.arange(len(known)) % 2, prototypes=None, classes=np.arange(2))
    with TemporaryDirectory() as folder:
        sealed = save(head, {}, Path(folder), features)
        again = load(Path(folder), sealed)
        assert save(head, {}, Path(folder), again.features) == sealed
    assert again.features is not None
    assert again.features.key == features.key
    assert (again.features.transform([*known, *asked]) == columns).all()
