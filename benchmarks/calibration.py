"""How far confidence is off after 100, 300 and 1,000 decisions, and how near to frequency it could be at best.

The same simulated projects as in `benchmarks.learning`, but with fewer stops and nothing else: minutes, not an hour.
Writes `docs/benchmarks/calibration.md`.

    python -m benchmarks.calibration --data FOLDER --json calibration.json
"""

import argparse
import itertools
import json
import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.special import logit
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from benchmarks._collections import Collection, folder
from benchmarks._curves import MISLED, WINNOW, WINNOW_ERR
from benchmarks._report import table
from benchmarks._simulation import Arm, Curve, run
from benchmarks._stack import about
from benchmarks.learning import DOCS, WHOLE
from models.learn.calibration import calibration_error
from models.learn.encoders import load_encoder

ARMS: Final = {"own names": WINNOW, "shuffled names": MISLED, "reviewers err in 5 %": WINNOW_ERR}
AT: Final = (100, 300, 1_000)
STOPS: Final = (0, 20, 40, 60, 100, 150, 200, 250, 300, 400, 550, 750, 1_000)
DRAWS: Final = 20
TINY: Final = 1e-6


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with CSV files: text, label and maybe split")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--seeds", type=int, default=WHOLE.seeds, help="how many from there on")
    parser.add_argument("--cache", type=Path, default=Path(".winnow/encoders"), help="exported encoders")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="processes that work at the same time")
    parser.add_argument("--docs", type=Path, default=DOCS, help="folder for the page")
    options = parser.parse_args()
    report = measure(options)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")
    options.docs.mkdir(parents=True, exist_ok=True)
    (options.docs / "calibration.md").write_text(page(report))


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All figures, as the JSON has them."""
    started = time.perf_counter()
    told = about(options.seed)
    encoder = load_encoder(cache_dir=options.cache, threads=options.threads, progress=print)
    vectors = options.cache.parent / "vectors"
    collections, _ = folder(options.data, encoder, vectors, pool=WHOLE.pool, test=WHOLE.test, seed=options.seed)
    seeds = range(options.seed, options.seed + options.seeds)
    with ProcessPoolExecutor(options.threads, get_context("spawn")) as work:
        jobs = {
            (one.name, name): [work.submit(_alone, one, arm, seed) for seed in seeds]
            for one, (name, arm) in itertools.product(collections, ARMS.items())
        }
        curves = {}
        for (name, arm), futures in jobs.items():
            curves[name, arm] = [future.result() for future in futures]
            print(name, arm, json.dumps(errors(curves[name, arm])), flush=True)
    return {
        **told,
        "seeds": list(seeds),
        "encoder": encoder.id,
        "sets": {
            one.name: {
                "errors": {arm: errors(curves[one.name, arm]) for arm in ARMS},
                "least": least(curves[one.name, "own names"]),
            }
            for one in collections
        },
        "minutes": round((time.perf_counter() - started) / 60, 1),
    }


def _alone(data: Collection, arm: Arm, seed: int) -> Curve:
    with threadpool_limits(limits=1):
        return run(data, arm, STOPS, 0.0, seed)


def errors(curves: Sequence[Curve]) -> dict[str, dict[str, float]]:
    """The calibration error after so many decisions: mean and standard deviation over the seeds."""
    found = {}
    for stop in AT:
        each = [curve.calibration_error[curve.decisions.index(stop)] for curve in curves if stop in curve.decisions]
        if each:
            deviation = float(np.std(each, ddof=1)) if len(each) > 1 else 0.0
            found[str(stop)] = {"mean": float(np.mean(each)), "deviation": deviation}
    return found


def least(curves: Sequence[Curve]) -> dict[str, float]:
    """What a better calibration could reach after 300 decisions, means over the seeds.

    Returns:
        `best`: the error with the slope and offset of the confidence's log odds that suit the measured answers
        themselves best, which nobody can know beforehand. `chance`: of a head whose confidence is exactly right.
    """
    best, chance = [], []
    for one in curves:
        if one.confidence is None or one.correct is None or one.correct.all():
            continue
        sure = np.clip(one.confidence.astype(np.float64), TINY, 1 - TINY)
        told = LogisticRegression(C=np.inf).fit(logit(sure)[:, None], one.correct)
        best.append(calibration_error(told.predict_proba(logit(sure)[:, None])[:, 1], one.correct))
        rng = np.random.default_rng([one.seed, 12])
        chance += [calibration_error(sure, rng.random(len(sure)) < sure) for _ in range(DRAWS)]
    return {"best": float(np.mean(best)), "chance": float(np.mean(chance))} if best else {}


def page(report: dict[str, Any]) -> str:
    """The page, in Markdown."""
    seeds = report["seeds"]
    parts = [
        "# How far confidence is off",
        f"    python -m benchmarks.calibration --data FOLDER --seed {seeds[0]} --seeds {len(seeds)}",
        _prose(f"""{report["machine"]}; Python {report["python"]}; load average {report["load_at_start"]} at the start;
            {report["minutes"]} minutes. Encoder `{report["encoder"]}`. Seeds {", ".join(map(str, seeds))}; every figure
            is the mean over them, ± their standard deviation. This page is written by the command."""),
        _prose("""Mean distance between the confidence served and the share of answers that are right, over ten bins of
            equally many texts that nobody was asked about. The projects are those of
            [learning](learning.md#confidence), trained at fewer stops, so that the questions are not quite the same.
            No audits take part."""),
    ]
    for arm in ARMS:
        rows = [
            [name, *(_with_deviation(one["errors"][arm].get(str(stop))) for stop in AT)]
            for name, one in report["sets"].items()
        ]
        parts += [f"## {arm.capitalize()}", table(["collection", *(f"{stop:,} decisions" for stop in AT)], rows)]
    parts += [
        "## What could be reached",
        _prose("""After 300 decisions, own names. *Best*: with the slope and offset of the log odds of confidence that
            suit these very answers best, which nobody can know beforehand. *Chance*: what a head would show whose
            confidence is exactly right, for of a bin's answers a few more or less than expected are right."""),
        table(
            ["collection", "served", "best", "chance"],
            [
                [
                    name,
                    _figure((one["errors"]["own names"].get("300") or {}).get("mean")),
                    *(_figure(one["least"].get(kind)) for kind in ("best", "chance")),
                ]
                for name, one in report["sets"].items()
            ],
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _prose(text: str) -> str:
    return " ".join(text.split())


def _with_deviation(found: dict[str, float] | None) -> str:
    return "" if found is None else f"{found['mean']:.3f} ± {found['deviation']:.3f}"


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


if __name__ == "__main__":
    main()
