"""A mapping that never grows beyond its bound."""

from models.bounded import Bounded


def test_what_was_not_wanted_for_longest_goes_first() -> None:
    kept: Bounded[str, int] = Bounded(2)
    kept.put("a", 1)
    kept.put("b", 2)
    assert kept.get("a") == 1
    kept.put("c", 3)
    assert (kept.get("a"), kept.get("b"), kept.get("c")) == (1, None, 3)
    assert len(kept) == 2


def test_a_bound_of_nothing_keeps_nothing() -> None:
    kept: Bounded[str, int] = Bounded(0)
    kept.put("a", 1)
    assert kept.get("a") is None
    assert len(kept) == 0
