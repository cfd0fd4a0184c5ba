"""How many times as long, as much or as slow a peer is; the table of it."""

from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks._report import table

Report = dict[str, Any]

MORE_IS_BETTER = frozenset({"labels_per_second"})
WORDS = {
    ("import", "seconds"): "import of {rows:,} rows, s",
    ("import", "processor_seconds"): "… seconds of the processor",
    ("import", "peak_mib"): "… memory at its peak, MiB",
    ("next_ms", "p50"): "next item at {rows:,}, p50 ms",
    ("next_ms", "p95"): "… p95 ms",
    ("submit_ms", "p50"): "answer stored, p50 ms",
    ("submit_ms", "p95"): "… p95 ms",
    ("crowd", "labels_per_second"): "{people} people at once, labels a second",
    ("crowd", "twice"): "… labels on an item that had one",
    ("export", "seconds"): "export of {exported:,} with labels, s",
    ("export", "processor_seconds"): "… seconds of the processor",
}


def ratios(peer: Mapping[str, Any], winnow: Mapping[str, Any]) -> dict[str, Any]:
    """Each figure that both have, as a multiple of Winnow's: above 1 Winnow is ahead.

    A rate is turned round for that. Where either is 0 there is no ratio.
    """
    found: dict[str, Any] = {}
    for name, value in peer.items():
        other = winnow.get(name)
        if isinstance(value, Mapping) and isinstance(other, Mapping):
            found[name] = ratios(value, other)
        elif name in _FIGURES and value and other:
            found[name] = round(other / value if name in MORE_IS_BETTER else value / other, 2)
    return {name: value for name, value in found.items() if value != {}}


_FIGURES = frozenset(name for _, name in WORDS)


def twice(crowd: Mapping[str, Any]) -> int:
    """How many labels went to an item that somebody had labelled already."""
    return int(crowd["labels"]) - int(crowd["items_labelled"])


def show(report: Report) -> str:
    """All tables, in Markdown."""
    parts = [_about(report)]
    for name, peer in report["peers"].items():
        parts.append(f"**{name}** {peer['version']}: {peer['settings']}\n\n{_table(report, name, peer)}")
    for name, why in report["left_out"].items():
        parts.append(f"**{name}** is left out: {why}")
    return "\n\n".join(parts)


def _about(report: Report) -> str:
    told = "{machine}; Python {python}; Winnow {winnow_version}; seed {seed}; load average {load_at_start} at the start"
    return f"    {report['command']}\n\n{told.format(**report)}; {report['minutes']} minutes."


def _table(report: Report, name: str, peer: Report) -> str:
    return table(["", name, "Winnow", "times"], [*_figures(report, peer), *_learning(peer)])


def _figures(report: Report, peer: Report) -> Iterator[list[str]]:
    theirs, ours, times = peer["peer"], peer["winnow"], peer["ratios"]
    for (measure, figure), words in WORDS.items():
        if figure == "twice":
            values = [f"{twice(one['crowd'])} of {one['crowd']['labels']}" for one in (theirs, ours)]
            yield [words, *values, ""]
        else:
            ratio = times.get(measure, {}).get(figure)
            yield [words.format(**report), *(_number(one[measure][figure]) for one in (theirs, ours)), _times(ratio)]


def _learning(peer: Report) -> Iterator[list[str]]:
    for size, one in peer.get("learning", {}).items():
        words = f"last label → new predictions of all {int(size):,}, s"
        yield [words, _number(one["peer"]["seconds"]), _number(one["winnow"]["seconds"]), _times(one["ratio"])]
        yield ["… memory after that, MiB", _number(one["peer"]["mib"]), _number(one["winnow"]["mib"]), ""]


def _number(value: float) -> str:
    return (
        f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:,.2f}" if value < 10 else f"{value:,.1f}"
    )


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"**{ratio:,.1f}**" if ratio < 100 else f"**{ratio:,.0f}**"
