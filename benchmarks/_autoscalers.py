"""The scaling rules of `deploy/kubernetes`, and how a cluster carries them out: pure, without a clock of its own.

The algorithm is that of the HorizontalPodAutoscaler: what is wanted is in proportion to the measure, a tenth off is
left alone, rises take the least and falls the most that was wanted within a window, and the number at most doubles (or
grows by four) in fifteen seconds. KEDA makes such an autoscaler of its own, with the usual windows; its cooldown
is for the way to none alone.
"""

import math
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

KUBERNETES = Path(__file__).resolve().parents[1] / "deploy" / "kubernetes"
SYNC_SECONDS = 15
_TOLERANCE = 0.1
_USUAL_UP, _USUAL_DOWN = 0, 300
_MOST_ADDED = 4


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        least, most: pods.
        target: of the measure, for each pod: jobs that wait or run, or cores.
        up, down: seconds of the windows.
    """

    name: str
    least: int
    most: int
    target: float
    up: int = _USUAL_UP
    down: int = _USUAL_DOWN


@dataclass(slots=True)
class Autoscaler:
    """A rule at work."""

    rule: Rule
    _wanted: deque[tuple[int, int]] = field(default_factory=deque)

    def decide(self, now: int, pods: int, measure: float) -> int:
        """How many pods there should be.

        Args:
            now: in seconds; rising.
            pods: how many there are.
            measure: summed over all pods, in the unit of the rule's target.
        """
        rule = self.rule
        ratio = measure / (rule.target * pods)
        wanted = pods if abs(ratio - 1) <= _TOLERANCE else math.ceil(measure / rule.target - 1e-9)
        wanted = min(max(wanted, rule.least), rule.most)
        self._wanted.append((now, wanted))
        while self._wanted[0][0] < now - max(rule.up, rule.down):
            self._wanted.popleft()
        rise = min(one for at, one in self._wanted if at >= now - rule.up)
        fall = max(one for at, one in self._wanted if at >= now - rule.down)
        if rise > pods:
            return min(rise, max(2 * pods, pods + _MOST_ADDED))
        return min(fall, pods)


def keda() -> Rule:
    """Workers by the length of the queue."""
    spec = _spec("components/keda/scaledobject.yaml", "ScaledObject")
    (trigger,) = spec["triggers"]
    return Rule("keda", spec["minReplicaCount"], spec["maxReplicaCount"], float(trigger["metadata"]["threshold"]))


def hpa_of_workers() -> Rule:
    """Workers by their processor time."""
    return _hpa("hpa", "components/hpa/workers.yaml", "base/worker.yaml")


def hpa_of_api() -> Rule:
    """API processes by their processor time, as many at least as in production."""
    found = _hpa("hpa", "base/api.yaml", "base/api.yaml")
    overlay = yaml.safe_load((KUBERNETES / "overlays" / "production" / "kustomization.yaml").read_text())
    (patch,) = (
        one["patch"]
        for one in overlay["patches"]
        if (one["target"]["kind"], one["target"]["name"]) == ("HorizontalPodAutoscaler", "api")
    )
    changed = {step["path"]: step["value"] for step in yaml.safe_load(patch)}
    least = changed.get("/spec/minReplicas", found.least)
    return Rule(found.name, least, changed.get("/spec/maxReplicas", found.most), found.target, found.up, found.down)


def _hpa(name: str, file: str, workload: str) -> Rule:
    spec = _spec(file, "HorizontalPodAutoscaler")
    (container,) = _spec(workload, "Deployment")["template"]["spec"]["containers"]
    (metric,) = spec["metrics"]
    share = metric["resource"]["target"]["averageUtilization"] / 100
    windows = {way: spec["behavior"][way]["stabilizationWindowSeconds"] for way in ("scaleUp", "scaleDown")}
    target = share * _cores(container["resources"]["requests"]["cpu"])
    return Rule(name, spec["minReplicas"], spec["maxReplicas"], target, windows["scaleUp"], windows["scaleDown"])


def _cores(text: str | int) -> float:
    """`500m` as a half."""
    return int(text[:-1]) / 1000 if isinstance(text, str) and text.endswith("m") else float(text)


def _spec(file: str, kind: str) -> dict[str, Any]:
    docs = yaml.safe_load_all((KUBERNETES / file).read_text())
    found: dict[str, Any] = next(doc["spec"] for doc in docs if doc["kind"] == kind)
    return found
