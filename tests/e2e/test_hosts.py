"""Hosts with networks and disks of their own share PostgreSQL, Redis and an object store; some are cut off."""

import logging
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx2
import pytest
from sqlalchemy.engine import make_url

from benchmarks._crowd import HURRIED, Crowd, again
from benchmarks._hosts import Host, Network, Spread, why_not
from benchmarks._postgres import listening
from benchmarks._wire import Wire
from tests.conftest import postgresql_database, postgresql_of_our_own
from tests.e2e.observed import eventually
from tests.servers import free_port, tool
from winnow import Client, ConnectionFailed

s3fs = pytest.importorskip("s3fs", reason="s3fs is not installed: pip install 'winnow[s3]'")
moto = pytest.importorskip("moto.server", reason="moto is not installed: there is no S3 to try this on")

ROWS = 1_500
PATIENCE = 240.0
LOST = 0.05
"""Of all packets, each way."""

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "winnow",
    "AWS_SECRET_ACCESS_KEY": "for these tests alone",
    "AWS_DEFAULT_REGION": "us-east-1",
}


@pytest.fixture
def network() -> Iterator[Network]:
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    tool("iptables")
    with Network() as made:
        yield made


@pytest.fixture
def rows(network: Network) -> Iterator[str]:
    """The URL of an empty database, which all hosts reach."""
    with tempfile.TemporaryDirectory(prefix="winnow-pg-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = postgresql_of_our_own(folder / "data")
        database = make_url(postgresql_database(server.get_uri())).database
        with listening(server, network.address, free_port()) as url:
            yield f"{url}/{database}"
        with suppress(OSError):
            server.cleanup()


@pytest.fixture
def files(network: Network) -> Iterator[dict[str, str]]:
    """An empty bucket, which all hosts reach, as variables of the environment."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = moto.ThreadedMotoServer(ip_address=network.address, port=free_port(), verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    key, secret = CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"]
    s3fs.S3FileSystem(key=key, secret=secret, endpoint_url=url).mkdir("hosts")
    yield {**CREDENTIALS, "AWS_ENDPOINT_URL": url, "WINNOW_ARTIFACTS_URL": "s3://hosts/winnow"}
    server.stop()


@pytest.fixture
def hosts(network: Network) -> dict[str, Host]:
    return {name: network.host() for name in ("api", "worker", "worker-2")}


@pytest.fixture
def spread(
    network: Network, hosts: dict[str, Host], rows: str, files: dict[str, str], tmp_path: Path
) -> Iterator[Spread]:
    settings = {**HURRIED, **files, "WINNOW_SECRET_KEY": "the same on every one of the hosts"}
    stack = Spread(tmp_path, hosts, tmp_path / "none", rows, settings=settings, through="benchmarks._stand_in")
    with ExitStack() as running:
        bell = running.enter_context(Wire(("127.0.0.1", stack.redis_port), host=network.address))
        stack.variables["WINNOW_REDIS_URL"] = f"redis://{bell.host}:{bell.port}/0"
        yield running.enter_context(stack)


def test_hosts_that_are_cut_off_and_come_back_lose_and_double_nothing(
    spread: Spread, hosts: dict[str, Host], rows: str, tmp_path: Path
) -> None:
    with spread.client() as client:
        crowd = Crowd(client, tmp_path, rows=ROWS, people=2)
        crowd.begin()
        crowd.until(decisions=45)

        job = crowd.send()
        eventually(lambda: client.job(job).status != "queued")
        hosts["worker"].cut_off()
        spread.start("worker-2")
        client.wait(job, timeout=PATIENCE)  # it does what the other one has in hand
        hosts["worker"].join()
        eventually(lambda: client.ready().parts["workers"].count == 2)

        hosts["api"].cut_off()
        with Client(http=httpx2.Client(base_url=client.base_url, timeout=1), retries=0) as hasty:
            with pytest.raises(ConnectionFailed):
                hasty.health()
            hosts["api"].join()
            again(hasty.health)
        crowd.until(decisions=45)

        for host in hosts.values():
            host.lose(LOST)
        client.wait(crowd.send(), timeout=PATIENCE)
        crowd.until(decisions=10)
        for host in hosts.values():
            host.lose(0)
        crowd.end()
        _, faults = crowd.look(rows, tmp_path)
    assert faults == []
    for name in ("data", "data-worker", "data-worker-2"):
        left = [path for path in (tmp_path / name / "artifacts").rglob("*") if path.is_file()]
        assert left == [], "what is kept lies on the store alone"
