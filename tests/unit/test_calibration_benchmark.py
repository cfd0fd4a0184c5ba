"""What `benchmarks.calibration` makes of simulated projects."""

from dataclasses import replace

import numpy as np
from scipy.special import expit

from benchmarks._curves import WINNOW
from benchmarks._simulation import Curve
from benchmarks.calibration import ARMS, errors, least, page
from models.learn.calibration import calibration_error


def test_the_best_slope_and_offset_undo_what_is_wrong_with_both():
    rng = np.random.default_rng(0)
    odds = 2 * rng.standard_normal(20_000)
    right = rng.random(20_000) < expit(odds)
    curve = Curve("made up", WINNOW, 0, confidence=expit(3 * odds + 1).astype(np.float32), correct=right)
    found = least([curve])
    assert calibration_error(expit(3 * odds + 1), right) > 0.1
    assert found["best"] < 0.015
    assert found["chance"] < 0.01
    assert least([replace(curve, confidence=None)]) == {}


def test_errors_are_read_at_the_stops_that_are_told():
    curves = [
        Curve("made up", WINNOW, seed, decisions=[0, 100, 300], calibration_error=[0.5, 0.1, error])
        for seed, error in ((0, 0.02), (1, 0.04))
    ]
    found = errors(curves)
    assert found.keys() == {"100", "300"}
    assert found["100"] == {"mean": 0.1, "deviation": 0.0}
    assert np.isclose(found["300"]["mean"], 0.03)


def test_the_page_has_a_line_for_each_collection_also_where_it_ended_early():
    one = {"errors": {arm: {"100": {"mean": 0.0123, "deviation": 0.004}} for arm in ARMS}, "least": {}}
    told = {"machine": "M", "python": "3", "load_at_start": 1, "minutes": 2, "encoder": "E", "seeds": [0, 1]}
    text = page({**told, "sets": {"made up": one}})
    assert text.count("| made up | 0.012 ± 0.004 |  |  |") == len(ARMS)
    assert "--seed 0 --seeds 2" in text
