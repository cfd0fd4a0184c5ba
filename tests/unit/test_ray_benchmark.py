"""The benchmark of Ray Data goes by what the command says on its way."""

import pytest

from benchmarks.ray_data import _TOLD
from worker.categorize.__main__ import _follow
from worker.categorize.files import Done


def test_it_reads_how_far_the_command_is(capsys: pytest.CaptureFixture[str]) -> None:
    _follow(iter([Done("00000-rows-000000.csv", 800, 0), Done("00000-rows-000001.csv", 700, 2)]))
    told = [_TOLD.match(line) for line in capsys.readouterr().err.splitlines()]
    assert [found and found[1] for found in told] == ["800", "1,500"]
    assert _TOLD.match("Ray is not installed: pip install 'winnow[ray]'") is None
