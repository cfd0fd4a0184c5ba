"""Structured records: what do fields bring beside the text, and do useless ones hurt?

scikit-learn's iris, wine, breast cancer and digits (numbers alone; the "text" is the numbers, one a line, as an import
reads them), the cars of the package `vega_datasets` (a name and numbers), and the CSV files of `--data` (texts) with
six fields of chance behind each text. Iris comes once more with six such fields. A head is trained on random decisions,
the rest of the pool beside it, once from the texts alone and once as Winnow trains: with the fields, if decisions that
were held out say that these clearly help. Both answer three tenths of the records, which take no part.

    python -m benchmarks.records --data DIR --json records.json
"""

import argparse
import importlib.util
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import datasets

from benchmarks._stack import about
from benchmarks._vectors import different, encoded
from models.learn.encoders import load_encoder
from models.learn.field_finding import Known, find_fields
from models.learn.fields import joined
from models.learn.text import compose
from models.learn.training import fit_head

STOPS = (20, 50, 100, 200)
BUNDLED = {
    "iris": datasets.load_iris,
    "wine": datasets.load_wine,
    "breast cancer": datasets.load_breast_cancer,
    "digits": datasets.load_digits,
}
TEST_SHARE = 0.3
CARS = "_data/cars.json"


@dataclass(frozen=True)
class Set:
    """Records, and their categories as indices into `names`."""

    name: str
    texts: list[str]
    rows: list[dict[str, Any]]
    truth: NDArray[np.int64]
    names: list[str]


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a folder of CSV files with the columns text and label")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--quick", action="store_true", help="two sets, one seed, fifty decisions")
    parser.add_argument("--records", type=int, default=1200, help="of a set, at most")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--cache", type=Path, default=Path(".winnow/records"), help="exported encoders and vectors")
    options = parser.parse_args()
    report: dict[str, Any] = about(0)
    encoder = load_encoder(cache_dir=options.cache, threads=2)
    found = sets(options.data, options.records, quick=options.quick)
    seeds, stops = (1, (50,)) if options.quick else (options.seeds, STOPS)
    report |= {"seeds": seeds, "sets": {}}
    print(f"{'set':<26}{'decisions':>9}{'text':>8}{'Winnow':>8}{'kept':>6}{'seconds':>9}{'with':>7}")
    for one in found:
        x = encoded(one.texts, encoder, options.cache / "texts")
        names = encoder.encode([compose(name) for name in one.names])
        told: dict[str, Any] = {"records": len(one.texts), "fields": len(one.rows[0]), "at": {}}
        report["sets"][one.name] = told
        for stop in [stop for stop in stops if stop <= 0.9 * (1 - TEST_SHARE) * len(one.texts)]:
            told["at"][stop] = at = summary([measured(one, x, names, stop, seed) for seed in range(seeds)])
            print(
                f"{one.name:<26}{stop:>9}{at['text']:>8.3f}{at['winnow']:>8.3f}{at['kept']:>6.0%}"
                f"{at['seconds_text']:>9.2f}{at['seconds_winnow']:>7.2f}",
                flush=True,
            )
    print(f"\n{report['command']}\n{report['machine']}; Python {report['python']}; {seeds} seeds", end="")
    print(f"; load {report['load_at_start']} at the start")
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")


def sets(data: Path | None, most: int, *, quick: bool) -> list[Set]:
    """All sets that are there."""
    found = []
    for name in ("iris",) if quick else BUNDLED:
        bundled = BUNDLED[name]()
        some = np.random.default_rng(1).permutation(len(bundled.target))[:most]
        rows = [{f"n{at}": float(value) for at, value in enumerate(row)} for row in bundled.data[some]]
        texts = ["\n".join(map(str, row.values())) for row in rows]
        found.append(
            Set(name, texts, rows, bundled.target[some].astype(np.int64), [str(one) for one in bundled.target_names])
        )
    found.append(useless(found[0]))
    if not quick:
        found += _cars()
    for path in sorted(data.glob("*.csv"))[: 1 if quick else None] if data else ():
        labelled = [row for row in different(path) if "|" not in row["label"]]
        chosen = [labelled[at] for at in np.random.default_rng(1).permutation(len(labelled))[:most].tolist()]
        names = sorted({row["label"] for row in chosen})
        truth = np.asarray([names.index(row["label"]) for row in chosen], np.int64)
        found.append(useless(Set(path.stem, [row["text"] for row in chosen], [{} for _ in chosen], truth, names)))
    return found


def useless(one: Set) -> Set:
    """The same with four numbers and two short words more that say nothing."""
    rng = np.random.default_rng(2)
    numbers = rng.lognormal(size=(len(one.rows), 4))
    words = rng.integers(0, 8, (len(one.rows), 2))
    rows = [
        row
        | {f"x{at}": float(value) for at, value in enumerate(few)}
        | {f"w{at}": f"word {value}" for at, value in enumerate(two)}
        for row, few, two in zip(one.rows, numbers, words, strict=True)
    ]
    return Set(f"{one.name} + 6 useless", one.texts, rows, one.truth, one.names)


def _cars() -> list[Set]:
    found = importlib.util.find_spec("vega_datasets")
    if found is None or not found.submodule_search_locations:
        print("Cars are left out: pip install vega_datasets")
        return []
    rows = json.loads((Path(found.submodule_search_locations[0]) / CARS).read_text())
    names = sorted({row["Origin"] for row in rows})
    truth = np.asarray([names.index(row.pop("Origin")) for row in rows], np.int64)
    return [Set("cars", [row["Name"] for row in rows], rows, truth, names)]


def measured(one: Set, x: NDArray[np.float32], words: NDArray[np.float32], stop: int, seed: int) -> dict[str, float]:
    """Accuracy with texts alone and as Winnow trains, whether it kept the fields, and the seconds of each training."""
    order = np.random.default_rng([3, seed]).permutation(len(one.texts))
    test, pool = np.split(order, [round(TEST_SHARE * len(order))])
    learn, beside = pool[:stop], pool[stop:]
    decided = dict.fromkeys(learn.tolist(), ())
    known = [
        Known(one.texts[at], one.rows[at], (one.names[one.truth[at]],) if at in decided else ())
        for at in sorted(pool.tolist())
    ]
    classes = np.arange(len(one.names), dtype=np.int64)
    began = time.perf_counter()
    plain = fit_head(x[learn], one.truth[learn], words, classes, pool=x[beside])
    between = time.perf_counter()
    features = find_fields(known)
    columns = None if features is None else features.transform(one.rows)
    fields = None if columns is None else (columns[learn], columns[beside])
    trained = fit_head(x[learn], one.truth[learn], words, classes, pool=x[beside], fields=fields)
    ended = time.perf_counter()
    inputs = joined(x, columns) if trained.fields else x
    return {
        "text": float((plain.head.predict(x[test]) == one.truth[test]).mean()),
        "winnow": float((trained.head.predict(inputs[test]) == one.truth[test]).mean()),
        "kept": float(trained.fields),
        "seconds_text": between - began,
        "seconds_winnow": ended - between,
    }


def summary(runs: list[dict[str, float]]) -> dict[str, float]:
    """Means over the seeds, and the standard error of what fields bring."""
    told = {key: round(float(np.mean([run[key] for run in runs])), 4) for key in runs[0]}
    gains = [run["winnow"] - run["text"] for run in runs]
    return told | {
        "gain_error": round(float(np.std(gains, ddof=1) / np.sqrt(len(gains))) if len(gains) > 1 else 0.0, 4)
    }


if __name__ == "__main__":
    main()
