"""The scaling rules of `deploy/kubernetes`, replayed against a day of load by simulation: waits, and what they cost.

Reads the rules out of the manifests: KEDA on the length of the queue and the autoscaler on processor time for the
workers, the autoscaler for the API. Each is held against fixed numbers of pods: the most that the rule may have, and
the fewest that keep 95 of 100 waits as short as the rule does. Nothing is measured on a clock; the same seed gives
the same figures.

    python -m benchmarks.scaling --json scaling.json                  # half a minute
    python -m benchmarks.scaling --day day.csv                        # a day of your own: jobs,job_seconds,requests
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks._autoscalers import Rule, hpa_of_api, hpa_of_workers, keda
from benchmarks._fleet import START_SECONDS, Day, Outcome, answer, fixed, made_up, recorded, work_off
from benchmarks._stack import about

CORES_A_REQUEST = 0.03
"""Assumed, for one short text: what `benchmarks.serving` saw for `POST /predict` on the clock of a busy machine."""


def main() -> None:
    """Replay, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--quick", action="store_true", help="the same: it takes no longer than it must")
    parser.add_argument("--day", type=Path, help="a CSV file with a line for each minute; made up if left out")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    day = recorded(options.day) if options.day else made_up(options.seed)
    report: dict[str, Any] = about(options.seed) | {
        "jobs": int(day.jobs.sum()),
        "requests": int(day.requests.sum()),
        "busiest_minute": {"jobs": int(day.jobs.max()), "requests": int(day.requests.max())},
        "seconds_until_a_pod_works": START_SECONDS,
        "core_seconds_a_request": CORES_A_REQUEST,
        "workers": replay([keda(), hpa_of_workers()], lambda rule: worked_off(day, rule, options.seed)),
        "api": replay([hpa_of_api()], lambda rule: answer(day, rule, CORES_A_REQUEST)),
    }
    show(report)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")


def worked_off(day: Day, rule: Rule, seed: int) -> Outcome:
    """The jobs of a day; all rules but KEDA's look at cores."""
    return work_off(day, rule, seed, by_processor=rule.name != "keda")


def replay(rules: list[Rule], run: Callable[[Rule], Outcome]) -> list[dict[str, Any]]:
    """Each rule, and the fixed numbers that it is held against."""
    steady = {pods: run(fixed(pods)) for pods in range(1, max(rule.most for rule in rules) + 1)}
    found: list[dict[str, Any]] = []
    for rule in rules:
        outcome = run(rule)
        enough = next((pods for pods, one in steady.items() if one.p95 <= outcome.p95), rule.most)
        found.append(
            {"rule": rule.name, "least": rule.least, "most": rule.most}
            | {name: round(value, 2) for name, value in asdict(outcome).items()}
            | {
                "pod_hours_x_most": round(outcome.pod_hours / steady[rule.most].pod_hours, 3),
                "as_quick_fixed": enough,
                "pod_hours_x_as_quick": round(outcome.pod_hours / steady[enough].pod_hours, 3),
            }
        )
    for pods in sorted({1, *(one["as_quick_fixed"] for one in found), max(steady)}):
        told = {name: round(value, 2) for name, value in asdict(steady[pods]).items()}
        found.append({"rule": f"{pods} always", "least": pods, "most": pods} | told)
    return found


def show(report: dict[str, Any]) -> None:
    """As two tables."""
    for name, value in report.items():
        if name not in {"workers", "api"}:
            print(f"{name:>26}  {value}")
    for name in ("workers", "api"):
        heads = f"{'p50 s':>8} {'p95 s':>8} {'longest':>8} {'pod-hours':>9} {'most':>5} {'x most':>7}"
        print(f"\n{name:>10}  {heads}  as quick")
        for one in report[name]:
            told = " ".join(f"{one[key]:>8}" for key in ("p50", "p95", "longest"))
            against = f"{one.get('pod_hours_x_most', '')!s:>7}"
            if "as_quick_fixed" in one:
                against += f"  x {one['pod_hours_x_as_quick']} of {one['as_quick_fixed']} always"
            print(f"{one['rule']:>10}  {told} {one['pod_hours']:>9} {one['most_pods']:>5} {against}")


if __name__ == "__main__":
    main()
