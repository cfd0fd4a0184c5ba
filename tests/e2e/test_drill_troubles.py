"""Troubles of the drill that are furnished at length: what monitoring reads while they last, and after they are mended."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from benchmarks._disk import narrow, small_disk
from benchmarks._scene import FEW, SHIFTED, TRAFFIC, WRONG, Scene
from benchmarks._siege import BESIEGERS
from benchmarks._stack import Stack
from benchmarks._troubles import AT_ONCE
from benchmarks.scale import Topics
from models.settings import Settings
from models.store.session import Database
from tests.conftest import postgresql_database
from tests.e2e.observed import eventually

TROUBLES = {rule: trouble for group in AT_ONCE for trouble in group for rule in trouble.rules}

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, postgresql_server: str) -> Iterator[Scene]:
    folder, url = tmp_path_factory.mktemp("scene"), postgresql_database(postgresql_server)
    database = Database(Settings(database_url=url).database)
    stack = Stack(folder, folder / "none", url, through="benchmarks._stand_in")
    with stack, stack.client() as client:
        made = Scene(stack, client, database, Path("unused"), folder, Topics(0))
        made.furnish(FEW)
        yield made
    database.close()


@pytest.fixture
def number(scene: Scene) -> Callable[..., float]:
    """What a metric is now; the largest where several fit."""

    def read(name: str, **labels: str) -> float:
        told = httpx2.get(f"{scene.client.base_url}/metrics", trust_env=False, timeout=10).raise_for_status().text
        samples = [one for family in text_string_to_metric_families(told) for one in family.samples]
        return max(one.value for one in samples if one.name == name and labels.items() <= one.labels.items())

    return read


def test_a_stack_names_all_of_its_processes(scene: Scene) -> None:
    api, worker, server = scene.stack.pids
    assert (api, worker) == (scene.stack.pid("api"), scene.stack.pid("worker"))
    assert "valkey" in psutil.Process(server).name()


def test_monitoring_sees_the_connections_held_and_other_callers_are_answered(
    scene: Scene, number: Callable[..., float]
) -> None:
    siege = TROUBLES["ConnectionsExhausted"]
    assert number("winnow_database_connections_in_use") < 5
    siege.make(scene)
    try:
        eventually(lambda: number("winnow_database_connections_in_use") >= BESIEGERS)
        assert scene.client.predict(TRAFFIC, [scene.text()]).predictions
        assert number("winnow_database_up") == 1
    finally:
        siege.mend(scene)
    eventually(lambda: number("winnow_database_connections_in_use") < 5)


def test_wrong_audits_contradict_what_was_promised_and_spoil_the_next_version(
    scene: Scene, number: Callable[..., float]
) -> None:
    assert number("winnow_automation_share_ratio", project=WRONG) > 0
    TROUBLES["AutomationSuspended"].make(scene)
    assert number("winnow_automation_suspended", project=WRONG) == 1
    eventually(lambda: number("winnow_accuracy_ratio", project=WRONG, bound="high") < 0.9)
    assert number("winnow_accuracy_audits", project=WRONG) >= 100
    assert number("winnow_calibration_error_ratio", project=WRONG) < 0.15
    TROUBLES["CalibrationPoor"].make(scene)
    assert number("winnow_calibration_error_ratio", project=WRONG) > 0.15


def test_items_of_other_topics_are_a_shift(scene: Scene) -> None:
    assert not scene.client.drift(SHIFTED).shifted
    TROUBLES["DataShifted"].make(scene)
    assert scene.client.drift(SHIFTED).shifted
    assert not scene.client.drift(TRAFFIC).shifted, "nothing came in there"


def test_a_disk_is_filled_but_for_what_is_asked(tmp_path: Path) -> None:
    if shutil.which("mount") is None:
        pytest.skip("there is no `mount`, so no small file system")
    try:
        with small_disk(tmp_path / "disk", 16) as disk:
            (disk / "something").write_bytes(bytes(2**20))
            ballast = narrow(disk, 0.05)
            usage = shutil.disk_usage(disk)
            assert usage.free / usage.total == pytest.approx(0.05, abs=0.01)
            ballast.unlink()
            assert shutil.disk_usage(disk).free > 0.9 * usage.total
    except PermissionError as error:
        pytest.skip(f"needs root to mount a small file system: {error}")
