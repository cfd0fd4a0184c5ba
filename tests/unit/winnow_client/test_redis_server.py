"""The real Redis-protocol server: private, and what it was told survives a kill."""

import subprocess

import pytest
import redis as redis_client

from tests.unit.winnow_client.test_run import eventually
from winnow.supervisor import redis
from winnow.supervisor.plan import CannotStartError, Plan


@pytest.fixture
def plan(tmp_path):
    return Plan(data_dir=tmp_path)


def started(command: list[str], url: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    with redis_client.Redis.from_url(url, retry=redis_client.retry.Retry(NO_WAIT, 2000)) as client:
        client.ping()
    return process


NO_WAIT = redis_client.backoff.ConstantBackoff(0.05)


def test_it_answers_to_its_own_password_only(plan):
    command, url = redis.configure(plan)
    assert not redis.answers(url)
    process = started(command, url)
    try:
        assert eventually(lambda: redis.answers(url)), "it asks for a second at most, which a machine may stall"
        assert not redis.answers(url.replace(":", ":wrong", 2).replace("redis:wrong", "redis:"))
        with pytest.raises(redis_client.AuthenticationError):
            redis_client.Redis(port=redis_client.Redis.from_url(url).connection_pool.connection_kwargs["port"]).ping()
    finally:
        process.terminate()
        process.wait()


def test_after_a_kill_it_has_the_same_address_and_the_same_data(plan):
    command, url = redis.configure(plan)
    process = started(command, url)
    with redis_client.Redis.from_url(url) as client:
        client.rpush("queue", "job-1")
        client.execute_command("WAITAOF", 1, 0, 5000)
    process.kill()
    process.wait()

    again, same_url = redis.configure(plan)
    assert (again, same_url) == (command, url)
    process = started(again, same_url)
    try:
        with redis_client.Redis.from_url(url) as client:
            assert client.lrange("queue", 0, -1) == [b"job-1"]
    finally:
        process.terminate()
        process.wait()


def test_an_empty_password_of_a_run_that_broke_off_is_made_anew(plan):
    redis.configure(plan)
    for name in ("password", "port"):
        (plan.data_dir / "redis" / name).write_text("")
    command, url = redis.configure(plan)
    process = started(command, url)
    process.terminate()
    process.wait()
    assert redis_client.Redis.from_url(url).connection_pool.connection_kwargs["password"]
    assert redis.configure(plan) == (command, url)


def test_what_it_kept_goes_where_it_cannot_be_read(plan):
    command, url = redis.configure(plan)
    process = started(command, url)
    with redis_client.Redis.from_url(url) as client:
        for number in range(200):
            client.set(f"count-{number}", "x" * 50)
        client.execute_command("WAITAOF", 1, 0, 5000)
    process.kill()
    process.wait()
    [kept] = (plan.data_dir / "redis" / "appendonlydir").glob("*.incr.aof")
    content = bytearray(kept.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 4096] = bytes(4096)
    kept.write_bytes(content)
    refused = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert refused.returncode == 1

    assert not redis.let_go_of_torn(plan, "the port is taken")
    assert redis.let_go_of_torn(plan, "\n".join(refused.stdout.splitlines()[-3:]))

    process = started(command, url)
    with redis_client.Redis.from_url(url) as client:
        assert client.dbsize() == 0
    process.terminate()
    process.wait()


def test_a_port_that_was_taken_meanwhile_is_given_up(plan):
    _command, url = redis.configure(plan)
    port = redis_client.Redis.from_url(url).connection_pool.connection_kwargs["port"]
    with redis.bind("127.0.0.1", port) as taken:
        taken.listen()
        assert redis.configure(plan)[1] != url


def test_its_files_are_for_its_owner_alone(plan):
    redis.configure(plan)
    folder = plan.data_dir / "redis"
    assert folder.stat().st_mode & 0o077 == 0
    assert (folder / "password").stat().st_mode & 0o077 == 0
    assert (folder / "server.conf").stat().st_mode & 0o077 == 0


def test_an_outside_server_that_does_not_answer_is_named_without_its_password():
    with redis.bind("127.0.0.1", 0) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(CannotStartError, match=f"127.0.0.1:{port} .*WINNOW_REDIS_URL") as caught:
            redis.check_outside(f"redis://user:secret-word@127.0.0.1:{port}/0")
    assert "secret-word" not in str(caught.value)


@pytest.mark.parametrize("url", ["localhost:6379", "127.0.0.1", "http://127.0.0.1:6379"])
def test_an_address_that_is_none_of_redis_is_refused(url):
    with pytest.raises(CannotStartError, match="begin it with redis://"):
        redis.check_outside(url)
