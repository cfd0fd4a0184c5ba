"""What `benchmarks.calibration` makes of simulated projects."""

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
from scipy.special import expit

from models.learn.calibration import calibration_error


@pytest.fixture
def calibration() -> ModuleType:
    # With it come scikit-learn and PyTorch, which each process that collects tests would load.
    from benchmarks import calibration

    return calibration


def test_the_best_slope_and_offset_undo_what_is_wrong_with_both(calibration: ModuleType):
    rng = np.random.default_rng(0)
    odds = 2 * rng.standard_normal(20_000)
    right = rng.random(20_000) < expit(odds)
    curve = calibration.Curve(
        "made up", calibration.WINNOW, 0, confidence=expit(3 * odds + 1).astype(np.float32), correct=right
    )
    found = calibration.least([curve])
    assert calibration_error(expit(3 * odds + 1), right) > 0.1
    assert found["best"] < 0.015
    assert found["chance"] < 0.01
    assert calibration.least([replace(curve, confidence=None)]) == {}


def test_errors_are_read_at_the_stops_that_are_told(calibration: ModuleType):
    curves = [
        calibration.Curve(
            "made up", calibration.WINNOW, seed, decisions=[0, 100, 300], calibration_error=[0.5, 0.1, error]
        )
        for seed, error in ((0, 0.02), (1, 0.04))
    ]
    found = calibration.errors(curves)
    assert found.keys() == {"100", "300"}
    assert found["100"] == {"mean": 0.1, "deviation": 0.0}
    assert np.isclose(found["300"]["mean"], 0.03)


def test_the_page_has_a_line_for_each_collection_also_where_it_ended_early(calibration: ModuleType):
    one = {"errors": {arm: {"100": {"mean": 0.0123, "deviation": 0.004}} for arm in calibration.ARMS}, "least": {}}
    told = {"machine": "M", "python": "3", "load_at_start": 1, "minutes": 2, "encoder": "E", "seeds": [0, 1]}
    text = calibration.page({**told, "sets": {"made up": one}})
    assert text.count("| made up | 0.012 ± 0.004 |  |  |") == len(calibration.ARMS)
    assert "--seed 0 --seeds 2" in text
