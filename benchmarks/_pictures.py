"""Curves and reliability as pictures."""

from collections.abc import Iterator
from math import ceil
from pathlib import Path
from typing import Any, Final, Self

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

WIDE: Final = 3
INK: Final = {"winnow": "#0b6e4f", "misled": "#e08e0b", "peer": "#7a5195", "peer_whole": "#b39cd0", "random": "#8a8a8a"}
STYLE: Final = {"misled": "--", "peer_whole": "--"}
LABEL: Final = {
    "winnow": "Winnow",
    "misled": "Winnow, names shuffled",
    "peer": "best peer",
    "peer_whole": "best peer, Winnow's learner",
    "random": "random",
}


def draw(report: dict[str, Any], folder: Path) -> None:
    """Three pictures: accuracy and macro-F1 against decisions, confidence against frequency."""
    mpl.rcParams.update({"svg.hashsalt": "winnow", "svg.fonttype": "none", "font.size": 8})
    sets = report["sets"]
    for figure, name in (("accuracy", "accuracy"), ("macro_f1", "macro-F1")):
        with _Panels(folder / f"learning-{name.lower()}.svg", sets) as panels:
            for axes, one in panels:
                _curves(axes, sets[one], figure)
                axes.set_title(one)
                axes.set_xlabel("decisions")
            panels.legend()
    with _Panels(folder / "learning-reliability.svg", sets) as panels:
        for axes, one in panels:
            _reliability(axes, sets[one])
            axes.set_title(f"{one}: error {sets[one]['calibration_error'] or 0:.3f}")
            axes.set_xlabel("confidence")


class _Panels:
    """A picture with a small one for each collection."""

    def __init__(self, path: Path, names: dict[str, Any]) -> None:
        self.path, self.names = path, list(names)
        rows = ceil(len(self.names) / WIDE)
        self.figure = Figure(figsize=(3.1 * WIDE, 2.5 * rows + 0.4), layout="constrained")
        self.axes = np.atleast_1d(self.figure.subplots(rows, WIDE)).ravel()

    def __enter__(self) -> Self:
        return self

    def __iter__(self) -> Iterator[tuple[Axes, str]]:
        for axes in self.axes[len(self.names) :]:
            axes.set_visible(False)
        return zip(self.axes, self.names, strict=False)

    def legend(self) -> None:
        self.figure.legend(
            *self.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5, frameon=False
        )

    def __exit__(self, *_: object) -> None:
        self.figure.savefig(self.path, metadata={"Date": None})


def _curves(axes: Axes, one: dict[str, Any], figure: str) -> None:
    for name, ink in INK.items():
        curve = one["curves"].get(name)
        if curve:
            told = [(x, y) for x, y in zip(curve["decisions"], curve[figure], strict=True) if x <= 1_000]
            axes.plot(
                *zip(*told, strict=True), color=ink, linestyle=STYLE.get(name, "-"), label=LABEL[name], linewidth=1.2
            )
    if figure == "accuracy":
        axes.axhline(one["full_accuracy"], color="#cccccc", linewidth=0.8, zorder=0)
    axes.set_xscale("symlog", linthresh=20)
    axes.set_xticks([0, 20, 100, 300, 1_000], labels=["0", "20", "100", "300", "1,000"])
    axes.spines[["top", "right"]].set_visible(False)


def _reliability(axes: Axes, one: dict[str, Any]) -> None:
    axes.plot([0, 1], [0, 1], color="#cccccc", linewidth=0.8, zorder=0)
    told = one["reliability"]
    axes.plot(
        [b["confidence"] for b in told], [b["accuracy"] for b in told], color=INK["winnow"], marker="o", markersize=3
    )
    axes.set(xlim=(0, 1), ylim=(0, 1), ylabel="right")
    axes.spines[["top", "right"]].set_visible(False)
