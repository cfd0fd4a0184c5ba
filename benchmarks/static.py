"""What the static encoder costs in accuracy and gives in speed, beside the encoder that it is distilled from.

The head learns from the same random decisions on the vectors of each, and of both side by side, and is measured on rows
that it has not seen: those with `split` = `test`, or a quarter of the file. Speed is measured by turns on the same
texts. With several seeds other rows are learnt from each time, and what both side by side bring is a mean over them.

    python -m benchmarks.static --data banking77.csv --json static.json
    python -m benchmarks.static --data banking77.csv snips.csv --seeds 3 --texts 4000
"""

import argparse
import csv
import json
import random
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks._stack import about
from models.learn.audit import exact_interval
from models.learn.encoders import Encoder, load_encoder
from models.learn.text import compose, fingerprint
from models.learn.training import fit_head

DECISIONS, QUICK_DECISIONS = (100, 500, 1_000, 4_000), (100, 500)
MOST_TEXTS, QUICK_TEXTS = 8_000, 1_500
TURNS, AT_ONCE = 5, 512
KINDS = ("full", "static", "both")
Vectors = NDArray[np.float32]


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="CSVs: text, label and perhaps split")
    parser.add_argument("--seeds", type=int, default=1, help="so many, from --seed on")
    parser.add_argument("--texts", type=int, help=f"at most so many of each file; {MOST_TEXTS:,} if left out")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--quick", action="store_true", help="fewer decisions and texts")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--encoders", type=Path, default=Path(".winnow/encoders"), help="exported encoders")
    options = parser.parse_args()
    report: dict[str, Any] = about(options.seed) | {"data": [path.name for path in options.data]}
    most = options.texts or (QUICK_TEXTS if options.quick else MOST_TEXTS)
    decisions = QUICK_DECISIONS if options.quick else DECISIONS
    full = load_encoder(cache_dir=options.encoders, threads=2)
    began = time.perf_counter()
    static = load_encoder(runtime="static", cache_dir=options.encoders, threads=2)
    report["distilled_or_loaded_seconds"] = round(time.perf_counter() - began, 1)
    report["rows"] = []
    for path in options.data:
        for seed in range(options.seed, options.seed + options.seeds):
            learn, test = read(path, seed, most)
            if seed == options.seed:
                rates = speeds({"full": full, "static": static}, [text for text, _ in learn])
                report.setdefault("texts_a_second", {})[path.name] = rates
            for row in accuracies(full, static, learn, test, decisions):
                report["rows"].append({"data": path.name, "seed": seed, **row})
    report["means"] = means(report["rows"])
    show(report)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")


def read(path: Path, seed: int, most: int) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Rows to learn from and to measure on, each text once, in random order, at most `most` in all."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list({fingerprint(row["text"]): row for row in csv.DictReader(file)}.values())
    random.Random(seed).shuffle(rows)
    rows = rows[:most]
    test = [row for row in rows if row.get("split") == "test"] or rows[: len(rows) // 4]
    kept = {id(row) for row in test}
    learn = [row for row in rows if id(row) not in kept]
    return [(row["text"], row["label"]) for row in learn], [(row["text"], row["label"]) for row in test]


def speeds(encoders: dict[str, Encoder], texts: list[str]) -> dict[str, float]:
    """Texts a second of each, by turns; and how often the static one is as fast."""
    rates: dict[str, list[float]] = {name: [] for name in encoders}
    for turn in range(TURNS):
        block = texts[turn * AT_ONCE % max(1, len(texts) - AT_ONCE) :][:AT_ONCE]
        for name, encoder in encoders.items():
            began = time.perf_counter()
            encoder.encode(block)
            rates[name].append(len(block) / (time.perf_counter() - began))
    ratios = [fast / slow for fast, slow in zip(rates["static"], rates["full"], strict=True)]
    return {name: round(statistics.median(each)) for name, each in rates.items()} | {
        "static_over_full": round(statistics.median(ratios), 1)
    }


def accuracies(
    full: Encoder,
    static: Encoder,
    learn: list[tuple[str, str]],
    test: list[tuple[str, str]],
    decisions: tuple[int, ...],
) -> list[dict[str, Any]]:
    """The accuracy after so many decisions on each kind of vector."""
    labels = sorted({label for _, label in learn})
    test = [row for row in test if row[1] in labels]
    texts = [text for text, _ in [*learn, *test]] + [compose(label) for label in labels]
    vectors = {"full": full.encode(texts), "static": static.encode(texts)}
    vectors["both"] = np.hstack([vectors["full"], vectors["static"]]) / np.float32(np.sqrt(2))
    ids = np.arange(1, len(labels) + 1, dtype=np.int64)
    id_of = dict(zip(labels, ids.tolist(), strict=True))
    truth = np.asarray([id_of[label] for _, label in [*learn, *test]], np.int64)
    found = []
    for count in [count for count in decisions if count <= len(learn)]:
        row: dict[str, Any] = {"decisions": count, "test": len(test)}
        for name, x in vectors.items():
            right = correct(x, truth, count, len(learn), ids)
            low, high = exact_interval(right, len(test))
            row[name] = {"accuracy": round(right / len(test), 3), "low": round(low, 3), "high": round(high, 3)}
        found.append(row)
    return found


def correct(x: Vectors, truth: NDArray[np.int64], count: int, learn: int, ids: NDArray[np.int64]) -> int:
    """How many test rows a head gets right that has learnt from the first `count` rows."""
    head = fit_head(x[:count], truth[:count], x[len(truth) :], ids, seed=0).head
    return int((head.predict(x[learn : len(truth)]) == truth[learn:]).sum())


def means(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Over the seeds of a file: the mean accuracy on each kind of vector, and what both bring over the full ones."""
    found = []
    for data, count in dict.fromkeys((row["data"], row["decisions"]) for row in rows):
        alike = [row for row in rows if (row["data"], row["decisions"]) == (data, count)]
        each = {kind: [row[kind]["accuracy"] for row in alike] for kind in KINDS}
        gains = [both - full for both, full in zip(each["both"], each["full"], strict=True)]
        mean = {kind: round(statistics.mean(values), 3) for kind, values in each.items()}
        least, most = round(min(gains), 3), round(max(gains), 3)
        gain = {"gain": round(statistics.mean(gains), 3), "least_gain": least, "most_gain": most}
        found.append({"data": data, "decisions": count, "seeds": len(alike), **mean, **gain})
    return found


def show(report: dict[str, Any]) -> None:
    """The tables, and how to get them again."""
    print(f"{report['command']}\n{report['machine']}; seed {report['seed']}; load {report['load_at_start']}")
    print(f"texts a second: {report['texts_a_second']}")
    print(f"\n{'data':>20}{'seed':>5}{'decisions':>10}{'full':>20}{'static':>20}{'both':>20}")
    for row in report["rows"]:
        each = [f"{row[kind]['accuracy']} ({row[kind]['low']}-{row[kind]['high']})" for kind in KINDS]
        print(f"{row['data']:>20}{row['seed']:>5}{row['decisions']:>10}" + "".join(f"{one:>20}" for one in each))
    kinds = "".join(f"{kind:>10}" for kind in KINDS)
    print(f"\n{'mean over seeds':>20}{'decisions':>15}{kinds}  both over full (least, most)")
    for row in report["means"]:
        each = [f"{row[kind]:>10}" for kind in KINDS]
        gain = f"  {row['gain']:+.3f} ({row['least_gain']:+.3f}, {row['most_gain']:+.3f})"
        print(f"{row['data']:>20}{row['decisions']:>15}" + "".join(each) + gain)


if __name__ == "__main__":
    main()
