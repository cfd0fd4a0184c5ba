"""Is the penalty of logistic regression worth tuning for each project?

Heads with different penalties (scikit-learn's `C`, the inverse), taught with the same random decisions and the
categories' names, on texts that they have not seen. What no penalty gains over the usual one need not be looked for.

    python -m benchmarks.penalty --data FOLDER --json penalty.json
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._collections import Collection, folder
from benchmarks._stack import about
from models.learn.encoders import load_encoder
from models.learn.heads import LinearHead

STRENGTHS = (1.0, 3.0, 10.0, 30.0, 100.0)
DECISIONS = (60, 300, 1_000)
DRAWS = 5


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with CSV files: text, label and maybe split")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--quick", action="store_true", help="smaller pools, one draw, 60 decisions")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--cache", type=Path, default=Path(".winnow/encoders"), help="exported encoders; vectors beside it"
    )
    options = parser.parse_args()
    encoder = load_encoder(cache_dir=options.cache, threads=2, progress=print)
    pool, test = (1_000, 500) if options.quick else (6_000, 2_000)
    found, _ = folder(options.data, encoder, options.cache.parent / "vectors", pool=pool, test=test, seed=options.seed)
    draws, stops = (1, DECISIONS[:1]) if options.quick else (DRAWS, DECISIONS)
    rows: list[dict[str, Any]] = [
        {"collection": one.name, "decisions": stop, "accuracy": accuracies(one, stop, draws, options.seed)}
        for one in found
        if not one.several
        for stop in stops
        if stop < len(one.x)
    ]
    report: dict[str, Any] = {**about(options.seed), "draws": draws, "rows": rows}
    print(f"{'collection':<16}{'decisions':>9}" + "".join(f"{f'C={one:g}':>9}" for one in STRENGTHS))
    for row in rows:
        told = "".join(f"{one:>9.3f}" for one in row["accuracy"].values())
        print(f"{row['collection']:<16}{row['decisions']:>9}{told}")
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")


def accuracies(data: Collection, decisions: int, draws: int, seed: int) -> dict[str, float]:
    """The mean accuracy by penalty; each draw asks the same texts of all."""
    said, truth = data.truth.argmax(axis=1), data.test_truth.argmax(axis=1)
    right = np.empty((draws, len(STRENGTHS)))
    for draw in range(draws):
        rows = np.random.default_rng([seed, draw]).permutation(len(data.x))[:decisions]
        for place, strength in enumerate(STRENGTHS):
            head = LinearHead(strength)
            head.fit(data.x[rows], said[rows], prototypes=data.prototypes, classes=data.classes)
            right[draw, place] = (head.predict(data.test) == truth).mean()
    return {f"{one:g}": round(float(mean), 4) for one, mean in zip(STRENGTHS, right.mean(axis=0), strict=True)}


if __name__ == "__main__":
    main()
