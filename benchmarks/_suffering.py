"""Troubles are made, somebody is told, and they are mended: how long that takes, rule by rule."""

import time
from collections.abc import Sequence
from typing import Any

from benchmarks._scene import Scene
from benchmarks._troubles import Trouble
from benchmarks._watch import Pace, Watch, rules

PATIENCE = 900.0


def suffer(there: Scene, watch: Watch, group: Sequence[Trouble], pace: Pace, began: dict[str, float]) -> dict[str, Any]:
    """The troubles of one group, each until its alerts were told, or nobody waits any longer; what was found, by rule.

    Args:
        began: when the trouble of each rule began, by the monotonic clock; those of this group are added.
    """
    for trouble in group:
        at = began[trouble.after] if trouble.after else time.monotonic()
        began |= dict.fromkeys(trouble.rules, at)
        trouble.make(there)
    heard = watch.receiver.heard
    deadline, suffered = time.monotonic() + PATIENCE, list(group)
    while suffered and time.monotonic() < deadline:
        for trouble in list(suffered):
            if all(heard(rule, since=began[rule]) for rule in trouble.rules):
                trouble.mend(there)
                suffered.remove(trouble)
        time.sleep(0.2)
    for trouble in suffered:
        trouble.mend(there)
    found = {rule: _measured(trouble, rule, watch, pace, began[rule]) for trouble in group for rule in trouble.rules}
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and watch.asked(
        'ALERTS{alertstate="firing", alertname=~"ApiDown|DatabaseDown|WorkerGone"}'
    ):
        time.sleep(0.5)  # what silences others must be over
    return found


def _measured(trouble: Trouble, rule: str, watch: Watch, pace: Pace, began: float) -> dict[str, Any]:
    at, held = watch.receiver.heard(rule, since=began), rules()[rule]
    here = pace.held_by(rule, held)
    seconds = None if at is None else round(at - began, 1)
    found = {
        "trouble": trouble.what,
        "for": held,
        "for_here": here,
        "measured": seconds,
        "with_its_for": None if seconds is None else round(seconds + held - here, 1),
    }
    print(f"{rule}: {found}", flush=True)
    return found
