"""How much is learnt from each decision: every labelled file of a folder, several seeds, against random and peers.

A simulated reviewer answers from the labels what the queue asks; what was learnt is measured on texts that nobody was
asked about. Then the honesty of the numbers (`benchmarks.honesty`) and the time to choose questions are measured.
Writes `docs/benchmarks/learning.md` with its pictures, but in the quick form only where `--docs` says so.

    python -m benchmarks.learning --data FOLDER --json learning.json
"""

import argparse
import itertools
import json
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from benchmarks import honesty
from benchmarks._collections import Collection, folder
from benchmarks._curves import (
    MISLED,
    RANDOM,
    RANDOM_ERR,
    RANDOM_WHOLE,
    WINNOW,
    WINNOW_ERR,
    best_peer,
    figures,
    overall,
)
from benchmarks._pace import choosing
from benchmarks._report import write
from benchmarks._simulation import Arm, Curve, run, whole_data
from benchmarks._stack import about
from benchmarks._strategies import PEERS
from models.learn.encoders import load_encoder

DOCS = Path("docs/benchmarks")


@dataclass(frozen=True)
class Size:
    """How much is done.

    Attributes:
        pool, test: so many texts of each file at most.
        stops: numbers of decisions at which a version is trained and measured.
        seeds: of each curve.
        peers: scikit-activeml's strategies to compare with.
        beside: further arms.
        pools: sizes at which choosing is timed.
    """

    pool: int
    test: int
    stops: tuple[int, ...]
    seeds: int
    peers: tuple[str, ...]
    beside: tuple[Arm, ...]
    pools: tuple[int, ...]


WHOLE = Size(
    6_000,
    6_000,
    (0, 2, 5, 10, 15, 20, 30, 40, 60, 80, 100, 125, 150, 200, 250, 300, 350, 400, 450, 500, 600, 700, 800, 900, 1_000),
    3,
    tuple(PEERS),
    (RANDOM_WHOLE, MISLED, WINNOW_ERR, RANDOM_ERR),
    (10_000, 100_000, 1_000_000),
)
QUICK = Size(2_000, 500, (0, 20, 50, 100, 200, 300, 400, 500), 1, ("margin", "TypiClust"), (), (10_000, 100_000))


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with CSV files: text, label and maybe split")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--quick", action="store_true", help="smaller pools, one seed, two peers: about two minutes")
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument(
        "--seeds", type=int, help=f"how many from there on ({WHOLE.seeds}; {QUICK.seeds} in the quick form)"
    )
    parser.add_argument(
        "--cache", type=Path, default=Path(".winnow/encoders"), help="exported encoders; vectors beside it"
    )
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="processes that work at the same time")
    parser.add_argument("--docs", type=Path, help=f"folder for the page and its pictures ({DOCS}; quick: none)")
    parser.add_argument("--from", dest="earlier", type=Path, help="write the page from the JSON of an earlier run")
    options = parser.parse_args()
    docs = options.docs or (None if options.quick else DOCS)
    if options.earlier:
        return write(json.loads(options.earlier.read_text()), docs or DOCS)
    if options.data is None or not options.data.is_dir():
        parser.error(f"--data {options.data}: a folder with CSV files is needed")
    report = measure(options)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")
    if docs:
        write(report, docs)
    return None


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All figures, as the JSON has them."""
    started = time.perf_counter()
    size = QUICK if options.quick else WHOLE
    seeds = range(options.seed, options.seed + (options.seeds or size.seeds))
    told = about(options.seed) | {"seeds": list(seeds), "quick": options.quick}
    vectors = options.cache.parent / "vectors"
    encoder = load_encoder(cache_dir=options.cache, threads=options.threads, progress=print)
    collections, left_out = folder(options.data, encoder, vectors, pool=size.pool, test=size.test, seed=options.seed)
    if not collections:
        raise SystemExit(f"{options.data}: no CSV file in it has categories to tell apart. {left_out}")
    print(f"{len(collections)} collections, encoded after {time.perf_counter() - started:.0f} s", flush=True)
    with ProcessPoolExecutor(options.threads, get_context("spawn")) as work:
        honest = work.submit(_honest, options.data, options.cache, vectors, quick=options.quick, seed=options.seed)
        found = sets(work, collections, size, seeds)
        numbers = honest.result()
    pace = list(choosing(size.pools, options.seed))  # alone: nothing else is at work now
    return {
        **told,
        "encoder": encoder.id,
        "sets": found,
        "left_out": left_out,
        "overall": overall(found),
        "choosing": pace,
        **numbers,
        "minutes": round((time.perf_counter() - started) / 60, 1),
    }


def sets(
    work: ProcessPoolExecutor, collections: Sequence[Collection], size: Size, seeds: Sequence[int]
) -> dict[str, dict[str, Any]]:
    """The figures of each collection; at the end what the best peer asks is taught to the whole learner."""
    fulls = {one.name: work.submit(_alone, whole_data, one) for one in collections}
    full = {name: future.result() for name, future in fulls.items()}
    peers = [Arm(name, whole=False) for name in size.peers]

    def curves(data: Collection, arms: Sequence[Arm]) -> list[Future[Curve]]:
        return [
            work.submit(_alone, run, data, arm, size.stops, 0.9 * full[data.name], seed)
            for arm, seed in itertools.product(arms, seeds)
        ]

    first = {one.name: curves(one, [WINNOW, RANDOM, *size.beside, *peers]) for one in collections}
    found, late = {}, {}
    for one in collections:
        found[one.name] = [future.result() for future in first[one.name]]
        peer = best_peer(found[one.name], size.peers, full[one.name])
        late[one.name] = peer, curves(one, [Arm(peer, whole=True)] if size.beside else [])
    told = {}
    for one in collections:
        peer, more = late[one.name]
        every = [*found[one.name], *(future.result() for future in more)]
        told[one.name] = {
            "texts": one.texts,
            "pool": len(one.x),
            "test": len(one.test),
            "categories": len(one.names),
            "several": one.several,
            **figures(every, full[one.name], peer),
        }
        print(one.name, json.dumps(told[one.name]["labels_to_90"]), flush=True)
    return told


def _alone(job: Callable[..., Any], *arguments: Any) -> Any:
    """In one thread: as many jobs are at work as there are processors."""
    with threadpool_limits(limits=1):
        return job(*arguments)


def _honest(data: Path, cache: Path, vectors: Path, *, quick: bool, seed: int) -> dict[str, Any]:
    encoder = load_encoder(cache_dir=cache, threads=1)
    with threadpool_limits(limits=1):
        return honesty.measure(data, encoder, vectors, quick=quick, seed=seed)


if __name__ == "__main__":
    main()
