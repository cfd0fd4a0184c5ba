"""Winnow against Label Studio, doccano and Label Sleuth, each run for real and driven over its HTTP API.

Each gets an environment of its own with pinned versions, made once. All get the same generated rows and the same
answers. Each is compared with a Winnow (SQLite, one API process, one worker) that runs beside it: one after the other
for imports and exports, by turns for what is quick, so that both meet the same load. What learns by itself is told not
to, except where that is what is measured. Vectors are made by a stand-in, for the peers make none; where learning is
measured, by the usual encoder.

    python -m benchmarks.peers --cache .winnow/peers --json peers.json
    python -m benchmarks.peers --only doccano --quick
"""

import argparse
import json
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks import _peer_doccano, _peer_label_sleuth, _peer_label_studio
from benchmarks._peer_cost import mib
from benchmarks._peer_line import Refused
from benchmarks._peer_measures import bring_in, by_turns, crowds, export, relearnt
from benchmarks._peer_processes import Unavailable
from benchmarks._peer_product import Learner, Product
from benchmarks._peer_rows import Rows, made, narrowed, words
from benchmarks._peer_table import ratios, show
from benchmarks._peer_winnow import NEVER, UNLIMITED, Winnow
from benchmarks._stack import Stack, about

PEOPLE = 8
PEERS: dict[str, Callable[[Path, Path, Sequence[str]], AbstractContextManager[Product]]] = {
    "label-studio": _peer_label_studio.running,
    "doccano": _peer_doccano.running,
    "label-sleuth": _peer_label_sleuth.running,
}
FAULTS = (Unavailable, Refused, OSError, ValueError, TimeoutError)


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Attributes:
        rows: in the project in which people are asked.
        exported: rows of the project that is exported, all of them labelled.
        turns: how often each product has its turn.
        each: questions a turn.
        seconds: that people label at once, a turn.
        pools: sizes at which learning is measured.
        taught: labels that are there before.
        lessons: how often each learns anew.
    """

    rows: int
    exported: int
    turns: int
    each: int
    seconds: float
    pools: tuple[int, ...]
    taught: int
    lessons: int


FULL = Size(100_000, 10_000, turns=4, each=15, seconds=10, pools=(1_000, 10_000), taught=300, lessons=3)
QUICK = Size(5_000, 1_000, turns=2, each=10, seconds=4, pools=(1_000,), taught=300, lessons=2)


def main() -> None:
    """Measure, print, and write; ends with 1 where a peer had to be left out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=Path(".winnow/peers"), help="where environments are kept")
    parser.add_argument("--encoders", type=Path, default=Path(".winnow/encoders"), help="exported encoders")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument(
        "--quick", action="store_true", help=f"{QUICK.rows:,} rows instead of {FULL.rows:,}, fewer turns"
    )
    parser.add_argument("--rows", type=int, help="another number of rows")
    parser.add_argument("--only", choices=PEERS, nargs="+", help="these peers alone")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    size = QUICK if options.quick else FULL
    size = replace(size, rows=options.rows or size.rows)
    report: dict[str, Any] = about(options.seed) | {
        "winnow_version": Winnow.version,
        "rows": size.rows,
        "exported": size.exported,
        "people": PEOPLE,
        "peers": {},
        "left_out": {},
    }
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to end"))  # so that everything that runs is ended
    began = time.monotonic()
    for name in options.only or PEERS:
        print(f"{name} …", file=sys.stderr, flush=True)
        try:
            report["peers"][name] = compared(name, size, options)
        except FAULTS as error:
            report["left_out"][name] = f"{type(error).__name__}: {error}"
        report["minutes"] = round((time.monotonic() - began) / 60, 1)
        if options.json:  # after each: what comes later may take long, or be interrupted
            options.json.write_text(json.dumps(report, indent=1) + "\n")
    print(show(report))
    sys.exit(bool(report["left_out"]))


def compared(name: str, size: Size, options: argparse.Namespace) -> dict[str, Any]:
    """All figures of one peer, and of a Winnow beside it."""
    with (
        tempfile.TemporaryDirectory(prefix="winnow-peers-", ignore_cleanup_errors=True) as kept,
        PEERS[name](options.cache, inside(kept, name), words(options.seed)) as peer,
    ):
        with winnow(inside(kept, "winnow"), Path("none"), through="benchmarks._stand_in") as ours:
            theirs, own = figures(peer, ours, size, Path(kept), options.seed)
        report: dict[str, Any] = {
            "version": peer.version,
            "settings": peer.settings,
            "peer": theirs,
            "winnow": own,
            "ratios": ratios(theirs, own),
        }
        if isinstance(peer, Learner):
            with winnow(inside(kept, "learner"), options.encoders, every=peer.every) as ours:
                report["learning"] = lessons(peer, ours, size, Path(kept), options.seed)
    return report


def inside(folder: str, name: str) -> Path:
    """A new folder in another."""
    Path(folder).chmod(0o755)  # PostgreSQL runs as somebody else
    new = Path(folder) / name
    new.mkdir()
    return new


@contextmanager
def winnow(folder: Path, encoders: Path, *, through: str = "", every: int = NEVER) -> Iterator[Winnow]:
    """A Winnow of its own, while the `with` block lasts."""
    with (
        Stack(folder, encoders, settings=UNLIMITED, through=through) as stack,
        closing(Winnow(stack, every)) as product,
    ):
        yield product


def figures(peer: Product, ours: Product, size: Size, folder: Path, seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """What both cost: imports, questions and answers of one person and of eight, exports."""
    both = (peer, ours)
    found: dict[str, dict[str, Any]] = {product.name: {} for product in both}
    rows, projects = made(size.rows, seed), {}
    for product in both:
        projects[product.name], found[product.name]["import"] = imported(product, "asked", rows, folder)
    people = {product.name: product.people(projects[product.name], PEOPLE) for product in both}
    for name, told in by_turns({name: crew[0] for name, crew in people.items()}, rows, size.turns, size.each).items():
        found[name] |= told
    for name, told in crowds(people, rows, max(1, size.turns // 2), size.seconds).items():
        found[name]["crowd"] = told
    rows = made(size.exported, seed + 1)
    for product in both:
        project, _ = imported(product, "exported", rows, folder, labelled=True)
        found[product.name]["export"] = export(product, project, size.exported)
    return found[peer.name], found[ours.name]


def imported(
    product: Product, what: str, rows: Rows, folder: Path, *, labelled: bool = False
) -> tuple[str, dict[str, float]]:
    """A project with the rows in it that has come to rest, and what the import cost."""
    name = f"{what} {len(rows.texts)}"
    file = folder / f"{product.name} {name}{product.suffix}"
    product.write(rows, file, labelled=labelled)
    project = product.create(name, rows)
    cost = bring_in(product, project, file)
    product.settle(project)
    return project, cost


def lessons(peer: Learner, ours: Learner, size: Size, folder: Path, seed: int) -> dict[str, Any]:
    """From the last label to new predictions, in pools of several sizes; one category against all others."""
    found: dict[str, Any] = {}
    for pool in size.pools:
        rows = narrowed(made(pool, seed))
        projects = {}
        for learner in (peer, ours):
            projects[learner.name], _ = imported(learner, "learnt", rows, folder)
            learner.teach(projects[learner.name], rows, size.taught)
        theirs, own = relearnt((peer, ours), projects, rows, size.taught, size.lessons)
        theirs["mib"], own["mib"] = round(mib(peer.pids)), round(mib(ours.pids))
        found[str(pool)] = {"peer": theirs, "winnow": own, "ratio": round(theirs["seconds"] / own["seconds"], 1)}
    return found


if __name__ == "__main__":
    main()
