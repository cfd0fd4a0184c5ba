"""The drill provokes every alert rule, in an order in which each can be heard, and measures what it says."""

import re
import time
from collections.abc import Iterator
from typing import Any, cast

import httpx2
import pytest
import yaml

from benchmarks._scene import Scene
from benchmarks._suffering import suffer
from benchmarks._traffic import Ticks
from benchmarks._troubles import AT_ONCE, UNHURRIED, Trouble
from benchmarks._watch import CUT_TO, DEPLOY, DEPLOYED, HURRIED, Receiver, Watch, rules, seconds_of

SCENE = cast("Scene", None)
"""The troubles below break nothing."""


class Told:
    """Prometheus and Alertmanager for rules that are told when a test says so."""

    def __init__(self) -> None:
        self.receiver = Receiver()

    def tell(self, alert: str) -> None:
        """As Alertmanager does."""
        body = {"alerts": [{"labels": {"alertname": alert}, "status": "firing"}]}
        httpx2.post(self.receiver.url, json=body, trust_env=False, timeout=60)

    def asked(self, _query: str) -> list[dict[str, Any]]:
        """Nothing fires that silences others."""
        return []


@pytest.fixture
def watch() -> Iterator[Told]:
    told = Told()
    yield told
    told.receiver.close()


def test_every_rule_is_provoked() -> None:
    provoked = [rule for group in AT_ONCE for trouble in group for rule in trouble.rules]
    assert len(provoked) == len(set(provoked))
    assert set(provoked) == set(rules())
    assert set(UNHURRIED) < set(provoked)


def test_what_is_silenced_by_another_comes_before_it_or_after_that_one_was_mended() -> None:
    order = [rule for group in AT_ONCE for trouble in group for rule in trouble.rules]
    group_of = {rule: place for place, group in enumerate(AT_ONCE) for one in group for rule in one.rules}
    after = {rule: trouble.after for group in AT_ONCE for trouble in group for rule in trouble.rules}
    configured = yaml.safe_load((DEPLOY / "alertmanager" / "alertmanager.yml").read_text())
    for one in configured["inhibit_rules"]:
        source = re.fullmatch(r'alertname="(\w+)"', one["source_matchers"][0])[1]  # type: ignore[index]
        target = one["target_matchers"][0].partition("=")[2].strip('~"')
        silenced = [rule for rule in order if rule != source and (rule == target or re.fullmatch(target, rule))]
        assert all(after[rule] == source or order.index(rule) < order.index(source) for rule in silenced), source
    assert all(group_of[rule] > group_of[told] for rule, told in after.items() if told is not None)


def test_long_rules_are_cut_and_short_ones_left() -> None:
    assert [seconds_of(text) for text in ("30s", "2m", "1h")] == [30, 120, 3600]
    assert [DEPLOYED.held(seconds) for seconds in (0, 60, 180, 300, 900)] == [0, 60, 180, CUT_TO, CUT_TO]
    assert [HURRIED.held(seconds) for seconds in (0, 60)] == [0, 10]
    assert [DEPLOYED.held_by(rule, 900) for rule in ("BackupOld", "ErrorBudgetBurnSlow")] == [CUT_TO, 900]
    assert rules()["JobsFailing"] == 0
    assert rules()["BackupOld"] == 900


def test_each_trouble_is_mended_when_its_own_alerts_were_told(watch: Told) -> None:
    done: list[str] = []

    def make_and_tell(scene: Scene) -> None:
        del scene
        done.append("second made")
        watch.tell("RedisAway")

    def mend_and_tell(scene: Scene) -> None:
        del scene
        done.append("second mended")
        watch.tell("WorkerGone")

    group = (
        Trouble(("WorkerGone",), "the first", lambda _: done.append("made"), lambda _: done.append("mended")),
        Trouble(("RedisAway",), "the second", make_and_tell, mend_and_tell),
    )
    found = suffer(SCENE, cast("Watch", watch), group, DEPLOYED, {})
    assert done == ["made", "second made", "second mended", "mended"]
    assert found["RedisAway"]["measured"] <= found["WorkerGone"]["measured"]


def test_a_slow_rule_counts_from_the_making_of_the_trouble_that_the_fast_one_told(watch: Told) -> None:
    began = {"ErrorBudgetBurnFast": time.monotonic() - 500}
    trouble = Trouble(
        ("ErrorBudgetBurnSlow",),
        "errors, mended since",
        lambda _: watch.tell("ErrorBudgetBurnSlow"),
        lambda _: None,
        after="ErrorBudgetBurnFast",
    )
    found = suffer(SCENE, cast("Watch", watch), (trouble,), DEPLOYED, began)
    assert found["ErrorBudgetBurnSlow"]["measured"] >= 500
    assert found["ErrorBudgetBurnSlow"]["with_its_for"] == found["ErrorBudgetBurnSlow"]["measured"], "nothing was cut"


def test_what_was_told_before_a_trouble_is_not_counted_for_it(watch: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks._suffering.PATIENCE", 0.5)
    watch.tell("WorkerGone")
    mended: list[bool] = []
    trouble = Trouble(("WorkerGone",), "nobody tells", lambda _: None, lambda _: mended.append(True))
    assert suffer(SCENE, cast("Watch", watch), (trouble,), DEPLOYED, {})["WorkerGone"]["measured"] is None
    assert mended == [True], "it is mended all the same"


def test_moments_that_have_passed_are_given_too() -> None:
    ticks = Ticks(1000.0)
    first = ticks.next()
    time.sleep(0.05)
    later = [ticks.next() for _ in range(10)]
    assert later == pytest.approx([first + number / 1000 for number in range(1, 11)])
