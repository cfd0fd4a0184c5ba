"""What the tests of real servers stand on."""

import itertools

import pytest

from tests.servers import free_port


def test_a_port_is_given_once_however_another_process_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    given = []
    for _ in range(3):
        monkeypatch.setattr("tests.servers._COUNT", itertools.count(7))
        given.append(free_port())
    assert len(set(given)) == 3
