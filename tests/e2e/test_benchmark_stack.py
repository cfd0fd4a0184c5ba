"""The real processes that benchmarks start, as they tell of them."""

from pathlib import Path

import psutil

from benchmarks._stack import Stack


def test_a_stack_names_all_of_its_processes(tmp_path: Path) -> None:
    with Stack(tmp_path, tmp_path / "none", through="benchmarks._stand_in") as stack:
        api, worker, server = stack.pids
        assert (api, worker) == (stack.pid("api"), stack.pid("worker"))
        assert "valkey" in psutil.Process(server).name()
