"""The page about learning, from the figures of a run."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks._pictures import draw

Report = dict[str, Any]


def write(report: Report, folder: Path) -> None:
    """Write `learning.md` and its pictures into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    draw(report, folder)
    parts = [_head(report), _labels(report), _curves(report), _steady(report), _confidence(report)]
    parts += [_honesty(report), _pace(report)]
    (folder / "learning.md").write_text("\n\n".join(parts) + "\n")


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def _prose(text: str) -> str:
    return " ".join(text.split())


def _head(report: Report) -> str:
    sets = report["sets"]
    pool, test = (max(one[kind] for one in sets.values()) for kind in ("pool", "test"))
    left_out = "; ".join(f"{name} ({why})" for name, why in report["left_out"].items()) or "nothing"
    told = [
        "# Learning from few decisions",
        f"    {_command(report)}",
        _prose(f"""{report["machine"]}; Python {report["python"]}; load average {report["load_at_start"]} at the
            start; {report["minutes"]} minutes. Encoder `{report["encoder"]}`. Seeds
            {", ".join(map(str, report["seeds"]))}; every figure is the mean over them. This page and its pictures
            are written by the command."""),
        _prose(f"""From each file at most {pool:,} different texts are there to be asked (drawn once), and at most
            {test:,} others to measure on: those with `split` = `test`, else a quarter. A reviewer answers from the
            labels. A version is trained at each stop with what the worker trains (`fit_head` with the pool's
            neighbours; `fit_multi` where texts have several categories). Questions are chosen as the queue chooses
            them: for the first twenty decisions what is typical (of texts with several categories, at random), then
            what is uncertain, and until six decisions a category the typical of that. Audits are left out: a
            project that keeps the usual rate spends one more decision in ten on them."""),
        table(
            [
                "collection",
                "different texts",
                "pool",
                "measured on",
                "categories",
                "accuracy with all of the pool's labels",
            ],
            [
                [name, one["texts"], one["pool"], one["test"], one["categories"], f"{one['full_accuracy']:.3f}"]
                for name, one in sets.items()
            ],
        ),
        _prose(f"""Labels with a path (`domain/intent`) are learnt whole. Where texts have several categories (labels
            joined by `|`), *accuracy* is the mean F1 of the answered sets, which is the usual accuracy where each has
            one; confidence is that in the whole set. Left out: {left_out}."""),
    ]
    return "\n\n".join(told)


def _command(report: Report) -> str:
    seeds = report["seeds"]
    told = f"python -m benchmarks.learning --data FOLDER --seed {seeds[0]} --seeds {len(seeds)}"
    return told + (" --quick" if report["quick"] else "")


def _labels(report: Report) -> str:
    sets, overall = report["sets"], report["overall"]
    rows = []
    for name, one in sets.items():
        need = one["labels_to_90"]
        rows.append(
            [
                name,
                *(f"{one[f'labels_to_{part}']['winnow']:.0f}" for part in (80, 90, 95)),
                *(f"{one[f'labels_to_{part}']['random']:.0f}" for part in (80, 90, 95)),
                f"{need['peer']:.0f} ({one['peer']})",
                f"**{_ratio(need, 'random')}**",
                _ratio(need, "peer"),
            ]
        )
    rows.append(["geometric mean", *[""] * 7, f"**{overall['of_random']:.2f}**", f"{overall['of_peer']:.2f}"])
    told = [
        "## Decisions needed",
        _prose("""For 80, 90 and 95 % of the accuracy that logistic regression reaches with all labels of the pool.
            *Random* is the same logistic regression (balanced, `C` = 10) in random order and without names; *peer* is
            the best of scikit-activeml's strategies for each collection, chosen afterwards, with the same encoder and
            that same regression. Where texts have several categories there is one learner, the same for all."""),
        table(
            ["collection", "80 %", "90 %", "95 %", "random: 80 %", "90 %", "95 %", "peer: 90 %", "of random", "of it"],
            rows,
        ),
    ]
    if all("random_whole" in one["labels_to_90"] for one in sets.values()):
        told += [
            _prose("""How much of that is the learner (names, neighbours), and how much the choice of questions: the
                whole learner with questions in another order, decisions for 90 % (± deviation of the seeds)."""),
            table(
                ["collection", "Winnow", "the learner, random order", "the learner, the peer's order"],
                [
                    [name, *(_spread(one, arm) for arm in ("winnow", "random_whole", "peer_whole"))]
                    for name, one in sets.items()
                ]
                + [
                    [
                        "Winnow as a part of that (geometric mean)",
                        "",
                        f"{overall['of_random_whole']:.2f}",
                        f"{overall['of_peer_whole']:.2f}",
                    ]
                ],
            ),
        ]
    told += [
        "All peers, decisions for 90 %: "
        + "; ".join(
            f"{name}: " + ", ".join(f"{peer} {count:.0f}" for peer, count in one["peers"].items())
            for name, one in sets.items()
        )
        + "."
    ]
    return "\n\n".join(told)


def _ratio(need: dict[str, float], other: str) -> str:
    return f"{max(need['winnow'], 1) / max(need[other], 1):.2f}"


def _spread(one: dict[str, Any], arm: str) -> str:
    return f"{one['labels_to_90'][arm]:.0f} ± {one['labels_to_90_spread'][arm]:.0f}"


def _curves(report: Report) -> str:
    sets = report["sets"]
    return "\n\n".join(
        [
            "## Curves",
            "![Accuracy against decisions](learning-accuracy.svg)",
            "![Macro-F1 against decisions](learning-macro-f1.svg)",
            table(
                ["accuracy (macro-F1) after", *(str(stop) for stop in (0, 100, 300, 500, 1_000))],
                [
                    [f"{name}, {who}", *(_at(one["curves"][arm], stop) for stop in (0, 100, 300, 500, 1_000))]
                    for name, one in sets.items()
                    for arm, who in (("winnow", "Winnow"), ("random", "random"))
                ],
            ),
        ]
    )


def _at(curve: dict[str, list[float]], stop: int) -> str:
    if stop not in curve["decisions"]:
        return ""
    place = curve["decisions"].index(stop)
    return f"{curve['accuracy'][place]:.3f} ({curve['macro_f1'][place]:.3f})"


def _steady(report: Report) -> str:
    names = list(dict.fromkeys(pair for one in report["sets"].values() for pair in one["ahead"]))
    said = {
        "winnow of random": "Winnow, of random",
        "winnow of random_whole": "Winnow, of its learner in random order",
        "winnow of peer": "Winnow, of the best peer",
        "winnow of peer_whole": "Winnow, of its learner with the peer's questions",
        "misled of random": "with shuffled names, of random",
        "winnow_err of random_err": "reviewers err in 5 %, of random with the same",
    }
    return "\n\n".join(
        [
            "## Ahead or behind",
            _prose("""Points of accuracy ahead, over all stops from 20 to 1,000 decisions: the mean, and in brackets
                the least with its standard error (over the seeds) and where it was. The least of twenty noisy figures
                is below zero now and then where two are equally good."""),
            table(
                ["", *report["sets"]],
                [
                    [said[pair], *(_gap(one["ahead"].get(pair) or {}) for one in report["sets"].values())]
                    for pair in names
                ],
            ),
        ]
    )


def _gap(gap: dict[str, float]) -> str:
    if not gap:
        return ""
    least = f"{100 * gap['least']:+.1f} ± {100 * gap['standard_error']:.1f} at {gap['at']}"
    return f"{100 * gap['mean']:+.1f} ({least})"


def _confidence(report: Report) -> str:
    arms = {"winnow": "own names", "misled": "shuffled names", "winnow_err": "reviewers err in 5 %"}
    there = [arm for arm in arms if all(arm in one["calibration_errors"] for one in report["sets"].values())]
    return "\n\n".join(
        [
            "## Confidence",
            _prose("""Mean distance between the confidence served and the share of answers that are right, over ten
                bins of equally many test texts, after 300 decisions that were chosen for being hard. A perfect head
                would show about 0.01 to 0.02, by chance."""),
            table(
                ["collection", *(arms[arm] for arm in there)],
                [
                    [name, *(_figure(one["calibration_errors"][arm]) for arm in there)]
                    for name, one in report["sets"].items()
                ],
            ),
            "![Confidence against frequency](learning-reliability.svg)",
        ]
    )


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _honesty(report: Report) -> str:
    audit = report["audit"]
    told = [
        "## Whether the numbers may be believed",
        "By `benchmarks.honesty`, in the same run; what is behind each figure stands on [its own page](honesty.md).",
        _prose(f"""Accuracy shown, {audit["simulated"]:,} draws of audits: the 95 % interval covers in
            **{100 * audit["coverage"]:.1f} %**; its width is **{audit["width_ratio"]:.3f}** of a plain audit's."""),
        table(
            ["automation: target", "promise broken", "share", "possible with the truth known", "of it", "audits"],
            [
                [
                    target,
                    f"{one['broken']:.3f}",
                    f"{one['share']:.3f}",
                    f"{one['possible']:.3f}",
                    f"{one['of_possible']:.2f}",
                    one["audits"],
                ]
                for target, one in report["automation"].items()
            ],
        ),
    ]
    if report["label_errors"]:
        told.append(
            table(
                ["5 % of labels wrong, first 100 second looks", "precision", "recall"],
                [[one["set"], f"{one['precision']:.2f}", f"{one['recall']:.2f}"] for one in report["label_errors"]],
            )
        )
    drift = report["drift"]
    if drift["months"]:
        delay = "never" if drift["delay_days"] is None else f"after {drift['delay_days']:.0f} days (median)"
        told.append(
            _prose(f"""Drift, {drift["months"]} simulated months: {drift["false_alarms_a_month"]:.2f} false alarms a
                month; heard in {100 * drift["detected"]:.0f} % of cases, {delay}.""")
        )
    if report["novelty"]:
        told.append(
            "Texts of no category against texts of one (`clinc150_oos`), AUROC: "
            + ", ".join(f"{one['auroc']:.3f} after {one['decisions']} decisions" for one in report["novelty"])
            + "."
        )
    return "\n\n".join(told)


def _pace(report: Report) -> str:
    return "\n\n".join(
        [
            "## Time to choose the next 50",
            _prose("""Made-up vectors, 77 categories, from a file of half-precision vectors, with 1,000 decisions; at
                most 20,000 items drawn at random are looked at."""),
            table(
                ["pool", "median of 5, s", "slowest, s"],
                [[f"{one['pool']:,}", f"{one['seconds']:.2f}", f"{one['slowest']:.2f}"] for one in report["choosing"]],
            ),
        ]
    )
