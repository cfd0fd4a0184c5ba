"""The drill knows every alert rule, and runs each with a `for:` that its page can tell of."""

import re

import yaml

from benchmarks._troubles import AT_ONCE, LEFT_OUT
from benchmarks._watch import CUT_TO, DEPLOY, DEPLOYED, HURRIED, rules, seconds_of


def test_every_rule_is_provoked_or_left_out_with_a_reason() -> None:
    provoked = [rule for group in AT_ONCE for trouble in group for rule in trouble.rules]
    assert len(provoked) == len(set(provoked))
    assert set(provoked) | set(LEFT_OUT) == set(rules())
    assert not set(provoked) & set(LEFT_OUT)


def test_what_is_silenced_by_another_comes_before_it() -> None:
    order = [rule for group in AT_ONCE for trouble in group for rule in trouble.rules]
    configured = yaml.safe_load((DEPLOY / "alertmanager" / "alertmanager.yml").read_text())
    for one in configured["inhibit_rules"]:
        source = re.fullmatch(r'alertname="(\w+)"', one["source_matchers"][0])[1]  # type: ignore[index]
        target = one["target_matchers"][0].partition("=")[2].strip('~"')
        silenced = [rule for rule in order if rule != source and (rule == target or re.fullmatch(target, rule))]
        assert all(order.index(rule) < order.index(source) for rule in silenced), source


def test_long_rules_are_cut_and_short_ones_left() -> None:
    assert [seconds_of(text) for text in ("30s", "2m", "1h")] == [30, 120, 3600]
    assert [DEPLOYED.held(seconds) for seconds in (0, 60, 180, 300, 900)] == [0, 60, 180, CUT_TO, CUT_TO]
    assert [HURRIED.held(seconds) for seconds in (0, 60)] == [0, 10]
    assert rules()["JobsFailing"] == 0
    assert rules()["BackupOld"] == 900
