"""Whether the numbers may be believed: accuracy, automation, likely errors, drift and novelty, with the truth known.

Projects are simulated on labelled files: a head asks, a reviewer who errs in 0 or 5 % of cases answers from the
labels, and 40 % of the texts are kept for audits. Then audits are drawn again and again, and what they say is held
against the truth.

    python -m benchmarks.honesty --data FOLDER --json honesty.json
"""

import argparse
import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._findings import drifts, label_errors, novelty
from benchmarks._projects import TARGETS, Project, accuracies, automations, train
from benchmarks._stack import about
from benchmarks._vectors import Labelled, read
from models.learn.encoders import Encoder, load_encoder

Rows = list[dict[str, Any]]
Find = Callable[[str], Labelled | None]


@dataclass(frozen=True)
class Size:
    """How much is done.

    Attributes:
        sets: of the data folder, with the numbers of decisions to look at.
        texts: of each set, at most.
        draws: of audits, of each project and size.
        runs: simulated projects for each target and rate of error.
        months: simulated for drift.
    """

    sets: dict[str, tuple[int, ...]]
    texts: int
    draws: int
    runs: int
    months: int


WHOLE = Size({"banking77": (150, 300, 600), "snips": (25, 50, 100), "sms_spam": (30, 100)}, 8_000, 25, 500, 10)
QUICK = Size({"snips": (25, 100)}, 2_500, 25, 100, 1)
OTHERWISE = (25, 100)
FEWEST_TEXTS = 300
AUDITS = (100, 200, 400)
ERRORS = (0.0, 0.05)


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with CSV files: text, label")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--quick", action="store_true", help="one set, fewer projects")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cache", type=Path, default=Path(".winnow/encoders"), help="exported encoders")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    encoder = load_encoder(cache_dir=options.cache, threads=options.threads, progress=print)
    found = measure(options.data, encoder, options.cache.parent / "vectors", quick=options.quick, seed=options.seed)
    report = about(options.seed) | {"encoder": encoder.id} | found
    show(report)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")


def measure(data: Path, encoder: Encoder, cache: Path, *, quick: bool = False, seed: int = 0) -> dict[str, Any]:
    """All of it: `audit`, `automation`, `label_errors`, `drift` and `novelty`, as JSON has them.

    Args:
        data: a folder of labelled files; what is not there is left out.
        cache: a folder for vectors.
    """
    size = QUICK if quick else WHOLE

    def find(name: str) -> Labelled | None:
        path = data / f"{name}.csv"
        return read(path, encoder, cache, most=size.texts, seed=seed) if path.exists() else None

    sets = {name: found for name in size.sets if (found := find(name)) is not None} or _others(data, find)
    projects = [
        train(sets[name], decisions, error, seed)
        for name in sets
        for decisions in size.sets.get(name, OTHERWISE)
        for error in ERRORS
    ]
    looked = [one for one in sets.values() if len(one.names) > 2]
    return {
        "projects": [_told(one) for one in projects],
        "audit": _audit(list(accuracies(projects, AUDITS, size.draws, seed))),
        "automation": {f"{target:g}": _automation(projects, size.runs, target, seed) for target in TARGETS},
        "label_errors": [label_errors(one, seed) for one in looked],
        "drift": _drift([row for one in looked for row in drifts(one, size.months, seed)]),
        "novelty": _novelty(find, seed),
    }


def _others(data: Path, find: Find) -> dict[str, Labelled]:
    """The first of a folder's other files that is large enough; of a small one, at most half the reserve is audited."""
    for path in sorted(data.glob("*.csv")):
        found = find(path.stem)
        if found is not None and len(found.names) > 1 and len(found.x) >= FEWEST_TEXTS:
            return {found.name: found}
    raise SystemExit(f"{data}: no CSV file in it has {FEWEST_TEXTS} texts in two categories.")


def _told(project: Project) -> dict[str, Any]:
    return {
        "set": project.name,
        "decisions": project.decisions,
        "reviewers_err": project.error,
        "accuracy": float(project.correct.mean()),
        "reserve": len(project.correct),
    }


def _audit(rows: Rows) -> dict[str, Any]:
    """`coverage` and `width_ratio` are of what is shown, over all sizes; the rest by way, size and rate of error."""
    shown, alone = _only(rows, way="assisted"), _only(rows, way="audit")
    return {
        "simulated": len(alone),
        "coverage": _mean(shown, "covers"),
        "width_ratio": _mean(shown, "width") / _mean(alone, "width"),
        "by_size": [
            {
                "audits": size,
                "reviewers_err": error,
                **{
                    f"{way}_{figure}": _mean(_only(rows, way=way, audits=size, error=error), figure)
                    for way in ("audit", "assisted")
                    for figure in ("bias", "width", "covers", "covers_truth")
                },
            }
            for size in AUDITS
            for error in ERRORS
        ],
        "naive": [
            {"way": way, **{figure: _mean(_only(rows, way=way), figure) for figure in ("bias", "width", "covers")}}
            for way in dict.fromkeys(row["way"] for row in rows)
            if way not in {"audit", "assisted"}
        ],
    }


def _automation(projects: Sequence[Project], runs: int, target: float, seed: int) -> dict[str, Any]:
    """With 200 audits of reviewers who never err; `err` with those who do, and `by_audits` with more of them."""
    exact = [one for one in projects if one.error == 0]
    erring = [one for one in projects if one.error > 0]
    found = _shares(automations(exact, 200, runs, target, seed))
    return {
        "simulated": runs,
        "audits": 200,
        **found,
        "err": _shares(automations(erring, 200, runs, target, seed)),
        "by_audits": {str(count): _shares(automations(exact, count, runs, target, seed)) for count in (100, 400, 800)},
    }


def _shares(rows: Iterable[dict[str, Any]]) -> dict[str, float]:
    told = list(rows)
    share, possible = _mean(told, "share"), _mean(told, "possible")
    return {
        "broken": _mean(told, "broken"),
        "share": share,
        "possible": possible,
        "of_possible": share / possible if possible else 1.0,
    }


def _drift(rows: Rows) -> dict[str, Any]:
    heard = [row["delay"] for row in rows if row["delay"] is not None]
    return {
        "months": len(rows),
        "false_alarms_a_month": _mean(rows, "false_alarms"),
        "false_days_a_month": _mean(rows, "false_days"),
        "detected": len(heard) / max(len(rows), 1),
        "delay_days": float(np.median(heard)) if heard else None,
    }


def _novelty(find: Find, seed: int) -> list[dict[str, Any]]:
    known, outside = find("clinc150_hier"), find("clinc150_oos")
    if known is None or outside is None:
        return []
    return [novelty(known, outside, decisions, seed) for decisions in (300, 1_000)]


def _only(rows: Rows, **about: object) -> Rows:
    return [row for row in rows if all(row[name] == value for name, value in about.items())]


def _mean(rows: Rows, figure: str) -> float:
    return float(np.mean([row[figure] for row in rows])) if rows else 0.0


def show(report: dict[str, Any]) -> None:
    """The figures, and how to get them again."""
    print(f"{report['command']}\n{report['machine']}; {report['encoder']}; seed {report['seed']}\n")
    audit = report["audit"]
    print(f"accuracy from {audit['simulated']} draws of audits:", end=" ")
    print(f"coverage {audit['coverage']:.3f}, width {audit['width_ratio']:.3f} of that from audits alone")
    for row in audit["by_size"]:
        print("  ", "  ".join(f"{name} {value:.3f}" for name, value in row.items()))
    for row in audit["naive"]:
        print(f"   {row['way']}: bias {row['bias']:+.3f}, covers {row['covers']:.2f}")
    for target, row in report["automation"].items():
        for name, one in {"200 audits": row, "erring": row["err"], **row["by_audits"]}.items():
            print(f"automation {target}, {name}: " + "  ".join(f"{key} {one[key]:.3f}" for key in row["err"]))
    for name in ("label_errors", "drift", "novelty", "projects"):
        print(name, json.dumps(report[name]))


if __name__ == "__main__":
    main()
