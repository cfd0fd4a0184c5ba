"""How fast a file comes in on the real processes: rows stored a second, the worker's memory, texts embedded a second.

Generates a CSV of short texts, imports it through the API, and looks at the jobs while they run. One worker imports
and embeds by turns; rows per second counts the time in which the import had its turn (and beside it the time on the
clock, and what worker and database used of the processor, which other work on the machine changes less). A database
has to run on this machine. Embedding is compared with the same encoder called in this process on the same texts in
blocks of the same size: the worker is stopped and let go on by turns, so that both meet the same load of the machine.

    python -m benchmarks.importing --json importing.json
    python -m benchmarks.importing --rows 1000000 --rows-alone
"""

import argparse
import csv
import json
import os
import random
import signal
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks._stack import Stack, about
from models.learn.encoders import load_encoder
from models.steps.embed import BLOCK_TEXTS
from winnow import Client

ROWS, QUICK_ROWS = 100_000, 10_000
TURNS, QUICK_TURNS = 6, 3
TURN_SECONDS, QUICK_TURN_SECONDS = 20.0, 8.0
STOPPED_BLOCKS = 4  # a stopped worker must go on before its lease on the job ends
LOOK_SECONDS = 0.02
WORDS = ("account", "card", "charge", "payment", "transfer", "refund", "balance", "late", "twice", "limit", "fee", "my")


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, help=f"rows of the file; {ROWS:,} if left out")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROWS:,} rows, fewer turns")
    parser.add_argument(
        "--rows-alone", action="store_true", help="stop when the rows are in; the encoder is a stand-in"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--encoders", type=Path, default=Path(".winnow/encoders"), help="exported encoders")
    parser.add_argument("--database-url", default="", help="another database than SQLite in the folder")
    options = parser.parse_args()
    rows = options.rows or (QUICK_ROWS if options.quick else ROWS)
    report: dict[str, Any] = about(options.seed) | {"rows": rows}
    with tempfile.TemporaryDirectory(prefix="winnow-import-") as name:
        folder = Path(name)
        file = folder / "rows.csv"
        texts = generate(file, rows, options.seed)
        report["file_mib"] = round(file.stat().st_size / 2**20, 1)
        through = "benchmarks._stand_in" if options.rows_alone else ""
        stack = Stack(
            folder,
            options.encoders,
            options.database_url,
            settings={"WINNOW_QUICK_VECTORS": "0"},  # the full ones are what is measured
            through=through,
        )
        with stack, stack.client() as client:
            report["database"] = "PostgreSQL" if options.database_url else "SQLite"
            slug = client.create_project("Imported", categories=["Cards", "Transfers", "Accounts"]).slug
            report["worker_mib_before"] = round(stack.memory_mib("worker")[0])
            report["api_mib_before"] = round(stack.memory_mib("api")[0])
            report |= bring_in(stack, client, slug, file)
            report["worker_mib_peak_after_import"] = round(stack.memory_mib("worker")[1])
            report["api_mib_peak"] = round(stack.memory_mib("api")[1])
            turns = (QUICK_TURNS, QUICK_TURN_SECONDS) if options.quick else (TURNS, TURN_SECONDS)
            if not options.rows_alone:
                report |= embedding(stack, client, slug, texts, *turns)
            report["worker_mib_peak"] = round(stack.memory_mib("worker")[1])
    show(report)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")


def generate(path: Path, rows: int, seed: int) -> list[str]:
    """A CSV of texts of about twelve words, no two alike."""
    rng = random.Random(seed)
    texts = [f"{' '.join(rng.choices(WORDS, k=rng.randint(8, 14)))} {number}" for number in range(rows)]
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["id", "text"])
        out.writerows((number, text) for number, text in enumerate(texts))
    return texts


def bring_in(stack: Stack, client: Client, slug: str, file: Path, label_field: str | None = None) -> dict[str, Any]:
    """Send the file and follow its job to the end."""
    began = time.perf_counter()
    started = client.import_file(slug, file, text_fields=["text"], id_field="id", label_field=label_field)
    sent = last = time.perf_counter()
    own = spent = memory = 0.0
    spent_before = stack.spent()
    status = "queued"
    while status in {"queued", "running"}:
        time.sleep(LOOK_SECONDS)
        was, status = status, client.job(started.job_id).status
        now, spent_now = time.perf_counter(), stack.spent()
        if "running" in {was, status}:
            own += now - last
            spent += spent_now - spent_before
        last, spent_before = now, spent_now
        memory = max(memory, stack.own_mib("worker"))
    took = last - began
    found = client.import_status(slug, started.id)
    if found.rows_added == 0 or found.status != "succeeded":
        message = f"the import ended as {found.status}: {found.error}"
        raise RuntimeError(message)
    return {
        "rows_added": found.rows_added,
        "upload_seconds": round(sent - began, 2),
        "import_seconds": round(own, 2),
        "clock_seconds": round(took, 2),
        "rows_per_second": round(found.rows_added / own),
        "rows_per_processor_second": round(found.rows_added / spent),
        "worker_mib_without_mapped_files": round(memory),
        "rows_per_second_by_the_clock": round(found.rows_added / took),
    }


def embedding(stack: Stack, client: Client, slug: str, texts: list[str], turns: int, seconds: float) -> dict[str, Any]:
    """Texts a second in the worker and in this process, by turns; each turn's ratio is of its own load."""
    encoder = load_encoder(cache_dir=stack.data / "encoders", threads=2)
    encoder.encode(texts[:BLOCK_TEXTS])
    in_worker: list[float] = []
    direct: list[float] = []
    for turn in range(turns):
        before, began = client.stats(slug).items.embedded, time.perf_counter()
        time.sleep(seconds)
        now = client.stats(slug).items.embedded
        if now >= len(texts):
            break
        in_worker.append((now - before) / (time.perf_counter() - began))
        with stopped(stack.pid("worker")):
            began = time.perf_counter()
            for block in range(STOPPED_BLOCKS):
                start = ((turn * STOPPED_BLOCKS + block) * BLOCK_TEXTS) % (len(texts) - BLOCK_TEXTS)
                encoder.encode(texts[start : start + BLOCK_TEXTS])
            direct.append(STOPPED_BLOCKS * BLOCK_TEXTS / (time.perf_counter() - began))
    if not direct:
        return {"embedding": "everything was embedded before it could be measured: take more rows"}
    ratios = [one / other for one, other in zip(in_worker, direct, strict=True)]
    return {
        "texts_embedded_per_second": round(statistics.mean(in_worker), 1),
        "texts_per_second_called_directly": round(statistics.mean(direct), 1),
        "embedding_over_direct_median": round(statistics.median(ratios), 2),
        "embedding_over_direct_each_turn": [round(one, 2) for one in ratios],
    }


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """A process that stands still meanwhile."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def show(report: dict[str, Any]) -> None:
    """The table, and how to get it again."""
    for name, value in report.items():
        print(f"{name:>33}  {value}")


if __name__ == "__main__":
    main()
