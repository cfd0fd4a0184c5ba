"""Serving: how much HTTP adds to the encoder and the head, alone and under load, and which encoder is the quickest.

Starts the real processes (SQLite unless a database is named, one API process, one worker), trains a version on the
given file, and measures by turns, so that all meet the same load:

- one text: `POST /predict` against the same encoder and head called in this process, one request after another, and
  one now and then; against a bare server, which has neither keys, limits nor a log; and called in this process with a
  pause between the calls, as long as a server's encoder has one;
- the same for longer texts, of several rows of the file one behind the other;
- 32 clients: requests a second against this process at batches of 32;
- the same over `mlflow models serve` and BentoML with adaptive batching, each in an environment that is made here;
- encoders: PyTorch, ONNX in fp32, ONNX in int8: speed, and accuracy of a head trained on their vectors.

No text is sent twice, so that nothing is answered from memory.

    python -m benchmarks.serving --data banking77.csv --json serving.json
"""

import argparse
import csv
import json
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks import _load
from benchmarks._encoders import compared
from benchmarks._peers import BARE, Server, start, versions
from benchmarks._stack import Stack, about, processor_seconds, settle
from benchmarks._turns import FULL, QUICK, Rows, Size, batches, fresh, spread
from models.heads import Columns, Served, columns_of, shares_of
from models.learn.encoders import Encoder, exported_name
from models.learn.text import fingerprint
from models.learn.weights import DEFAULT, find_weights
from models.runtime import Runtime
from models.settings import Settings
from models.steps.accounts import SYSTEM
from models.steps.projects import find_project
from models.store.queries.projects import categories_of
from models.store.session import Database
from winnow import Client

CLIENTS = 32
WARM = 10
"""So many requests, or a turn of them, are not counted."""
PAUSE_SECONDS = 0.002
"""What lies between two passes of a server's encoder while requests come one after another, about."""
OWN, RESTED = "in process", "in process, rested"
LONGER = (25, 50, 100)
"""Words of a text, at least."""
PEERS = ("mlflow", "bentoml")


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="CSV: text, label")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--quick", action="store_true", help="fewer turns and rows")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--encoders", type=Path, default=Path(".winnow/encoders"), help="exported encoders")
    parser.add_argument("--no-peers", action="store_true", help="leave out MLflow and BentoML")
    parser.add_argument("--no-encoders", action="store_true", help="leave out the comparison of encoders")
    parser.add_argument("--peers", type=Path, default=Path(".winnow/peers"), help="where their environments are kept")
    parser.add_argument("database_url", nargs="?", default="", help="an empty PostgreSQL database instead of SQLite")
    options = parser.parse_args()
    size = QUICK if options.quick else FULL
    report: dict[str, Any] = about(options.seed)
    rows = read(options.data, options.seed)
    with (
        tempfile.TemporaryDirectory(prefix="winnow-serving-") as folder,
        Stack(Path(folder), options.encoders, options.database_url) as stack,
        stack.client() as client,
        ExitStack() as ends,
    ):
        slug = trained(client, rows[: size.decided])
        own = Own(stack, slug)
        path = f"/v1/projects/{slug}/predict"
        servers = [Server("winnow", stack.api_port, path, {"X-API-Key": stack.key()})]
        report["left_out"] = {}
        for name in (BARE, *(() if options.no_peers else PEERS)):
            exported = stack.data / "encoders" / exported_name(find_weights(DEFAULT), "fp32")
            begun = start(name, Path(folder), options.peers.absolute(), own.served, own.names, exported)
            if isinstance(begun, str):
                report["left_out"][name] = begun
            else:
                ends.callback(begun.end)
                servers.append(begun)
                if name in PEERS:
                    report[f"{name}_version"] = versions(options.peers.absolute(), name)
        texts = fresh(rows[size.decided :])
        report["one_text"] = singles(own, servers, texts, size, together=size.singles)
        report["one_text_now_and_then"] = singles(own, servers, texts, size, together=1)
        report["longer_texts"] = {
            words: singles(own, servers[:1], longer(texts, words), size, together=size.singles) for words in LONGER
        }
        bare = [(one, one.process.pid) for one in servers if one.name == BARE and one.process]
        report["processor_ms"] = processor(own, [(servers[0], stack.pid("api")), *bare], texts, size)
        several = [one for one in servers if one.name != BARE]  # it answers one after another
        report["clients"] = crowds(own, several, texts, size, Path(folder))
        ends.close()
        if not options.no_encoders:
            report["encoders"] = compared(stack.data / "encoders", rows, size)
    show(report)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")


def read(path: Path, seed: int) -> Rows:
    """The rows, each text once, in random order."""
    with path.open(newline="", encoding="utf-8") as file:
        unique = list({fingerprint(row["text"]): (row["text"], row["label"]) for row in csv.DictReader(file)}.values())
    random.Random(seed).shuffle(unique)
    return unique


def longer(texts: Iterator[str], words: int) -> Iterator[str]:
    """Texts of at least so many words."""
    text: list[str] = []
    for each in texts:
        text.extend(each.split())
        if len(text) >= words:
            yield " ".join(text)
            text = []


def trained(client: Client, rows: Rows) -> str:
    """A project whose version 1 has learnt the rows."""
    labels = sorted({label for _, label in rows})
    quiet = {"retrain_every": 1_000_000, "audit_rate": 0}
    slug = client.create_project("Serving", categories=labels, settings=quiet).slug
    for start_at in range(0, len(rows), 500):
        block = rows[start_at : start_at + 500]
        client.add_items(slug, [{"text": text, "category": label} for text, label in block])
    settle(client, slug)
    client.wait(client.train(slug).id)
    settle(client, slug)
    if not client.stats(slug).serving_model:
        sys.exit("the version that was trained does not serve")
    return slug


class Own:
    """The same encoder and head in this process."""

    def __init__(self, stack: Stack, slug: str) -> None:
        settings = Settings(
            data_dir=stack.data,
            redis_url=stack.variables["WINNOW_REDIS_URL"],
            database_url=stack.variables["WINNOW_DATABASE_URL"],
        )
        database = Database(settings.database)
        runtime = Runtime(settings, database)
        self.encoder: Encoder = runtime.encoder
        with database.read() as session:
            project = find_project(session, SYSTEM, slug)
            self.served: Served = runtime.heads.get(session, project)
            self.columns: Columns = columns_of(self.served, categories_of(session, project.id, archived=False))
        self.names = [row.name for row in self.columns.categories]
        database.close()

    def __call__(self, texts: list[str]) -> object:
        return shares_of(self.served, self.encoder.encode(texts), self.columns)


def singles(own: Own, servers: list[Server], texts: Iterator[str], size: Size, together: int) -> dict[str, Any]:
    """Milliseconds of one text, by turns.

    Args:
        together: so many requests in a turn, one after another. With one, whoever is asked has slept through the turns
            of the others, and finds the processor's caches filled with their data.

    Returns:
        Each one's spread and how it compares with the calls in process, those without a pause.
    """
    lines = {one.name: socket.create_connection(("127.0.0.1", one.port)) for one in servers}
    for line in lines.values():
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    times: dict[str, list[float]] = {OWN: [], RESTED: [], **{one.name: [] for one in servers}}
    warm = max(1, WARM // together)
    for turn in range(size.turns * size.singles // together + warm):
        for name, taken in times.items():
            for text in islice(texts, together):
                if name in {OWN, RESTED}:
                    act: Callable[[], object] = partial(own, [text])
                else:
                    server = next(one for one in servers if one.name == name)
                    request = _load.made(server.path, server.headers, server.body(text))
                    act = partial(ask, lines[name], request)
                if name == RESTED:
                    time.sleep(PAUSE_SECONDS)
                began = time.perf_counter()
                act()
                if turn >= warm:
                    taken.append((time.perf_counter() - began) * 1000)
    for line in lines.values():
        line.close()
    found = {name: spread(each) for name, each in times.items()}
    base = found[OWN]
    for name, each in found.items():
        pairs = [one / two for one, two in zip(times[name], times[OWN], strict=True)]
        each["over_in_process"] = round(each["p50"] / base["p50"], 2)
        each["median_of_turns"] = round(statistics.median(pairs), 2)
    return found


def ask(line: socket.socket, request: bytes) -> None:
    """One request, which must be answered."""
    answered(_load.asked(line, request))


def processor(own: Own, servers: list[tuple[Server, int]], texts: Iterator[str], size: Size) -> dict[str, float]:
    """Milliseconds of processor for one text, here and in each server's process: what other work blurs least."""
    spent = {OWN: 0.0, **{server.name: 0.0 for server, _ in servers}}
    count = size.turns * size.singles
    for _ in range(size.turns):
        began = time.process_time()
        for text in islice(texts, size.singles):
            own([text])
        spent[OWN] += time.process_time() - began
        for server, pid in servers:
            with socket.create_connection(("127.0.0.1", server.port)) as line:
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                before = processor_seconds(pid)
                for text in islice(texts, size.singles):
                    answered(_load.asked(line, _load.made(server.path, server.headers, server.body(text))))
                spent[server.name] += processor_seconds(pid) - before
    return {name: round(each / count * 1000, 2) for name, each in spent.items()}


def answered(answer: bytes) -> None:
    """Stop where a server refuses."""
    if answer[9:12] not in {b"200", b"201"}:
        sys.exit(answer[:500].decode(errors="replace"))


def crowds(own: Own, servers: list[Server], texts: Iterator[str], size: Size, folder: Path) -> dict[str, Any]:
    """Texts a second of 32 clients, and of this process in batches of 32, some seconds each by turns."""
    rates: dict[str, list[float]] = {OWN: [], **{one.name: [] for one in servers}}
    waits: dict[str, list[dict[str, float]]] = {one.name: [] for one in servers}
    for _ in range(size.turns):
        rates[OWN].append(batches(own, texts, size.seconds))
        for server in servers:
            told = crowd(server, texts, size.seconds, folder)
            rates[server.name].append(told["rate"])
            waits[server.name].append(told)
    base = rates[OWN]
    found: dict[str, Any] = {}
    for name, each in rates.items():
        ratios = [one / two for one, two in zip(each, base, strict=True)]
        found[name] = {
            "rate": round(statistics.median(each), 1),
            "over_in_process": round(statistics.median(ratios), 2),
            "least": round(min(ratios), 2),
            "most": round(max(ratios), 2),
        }
        if name in waits:
            found[name]["p50"] = round(statistics.median(one["p50"] for one in waits[name]), 1)
            found[name]["p95"] = round(statistics.median(one["p95"] for one in waits[name]), 1)
            found[name]["failed"] = sum(one["failed"] for one in waits[name])
    return found


def crowd(server: Server, texts: Iterator[str], seconds: float, folder: Path) -> dict[str, float]:
    """What 32 clients in a process of their own get."""
    headers, bodies = folder / "headers.json", folder / "bodies.json"
    headers.write_text(json.dumps(server.headers))
    bodies.write_text(json.dumps([server.body(text) for text in islice(texts, int(seconds * 600))]))
    arguments = [str(server.port), server.path, str(headers), str(bodies), str(CLIENTS), str(seconds)]
    done = subprocess.run([sys.executable, _load.__file__, *arguments], capture_output=True, text=True, check=True)
    told: dict[str, float] = json.loads(done.stdout)
    return told


def show(report: dict[str, Any]) -> None:
    """The tables, and how to get them again."""
    print(f"\n{report['command']}\n{report['machine']}; Python {report['python']}; seed {report['seed']}", end="")
    print(f"; load {report['load_at_start']} at the start")
    for name, reason in report["left_out"].items():
        print(f"{name} was left out: {reason}")
    for key, told in (("one_text", "one text"), ("one_text_now_and_then", "now and then")):
        print(f"\n{told:<18}{'p50 ms':>9}{'p95 ms':>9}{'x in process':>14}")
        for name, one in report[key].items():
            print(f"{name:<18}{one['p50']:>9}{one['p95']:>9}{one['over_in_process']:>14}")
    for words, each in report["longer_texts"].items():
        ours = each["winnow"]
        print(f"{words} words: in process {each[OWN]['p50']} ms, winnow {ours['p50']} ms: x {ours['over_in_process']}")
    spent = report["processor_ms"]
    each = "; ".join(f"{name} {one} ms: x {one / spent[OWN]:.2f}" for name, one in spent.items())
    print(f"processor for one text: {each}")
    print(
        f"\n{'32 clients':<12}{'a second':>9}{'p50 ms':>9}{'p95 ms':>9}{'x in process':>14}{'turns':>14}{'failed':>8}"
    )
    for name, one in report["clients"].items():
        turns = f"{one['least']}-{one['most']}"
        waits = f"{one.get('p50', ''):>9}{one.get('p95', ''):>9}"
        print(f"{name:<12}{one['rate']:>9}{waits}{one['over_in_process']:>14}{turns:>14}{one.get('failed', ''):>8}")
    if "encoders" in report:
        print(f"\n{'encoder':<12}{'one, p50 ms':>12}{'a second':>9}{'accuracy':>10}  95 %")
        for one in report["encoders"]:
            print(f"{one['encoder']:<12}{one['one_text_ms']['p50']:>12}{one['texts_a_second']:>9}", end="")
            print(f"{one['accuracy']:>10}  {one['low']}-{one['high']}")


if __name__ == "__main__":
    main()
