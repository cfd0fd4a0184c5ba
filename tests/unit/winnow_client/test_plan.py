"""What stops `winnow up` before anything starts: one sentence that names the variable or the folder."""

import socket
import subprocess
import sys
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from tests.servers import free_port
from winnow.supervisor.plan import CannotStartError, Plan, check_installation, check_ports, claim_folder


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    for name in Plan.model_fields:
        monkeypatch.delenv(f"WINNOW_{name.upper()}", raising=False)


def test_the_defaults_are_those_of_the_contract():
    plan = Plan.from_environment()

    assert (plan.api_url, plan.ui_url) == ("http://127.0.0.1:8000", "http://127.0.0.1:8501")
    assert (plan.workers, plan.demo, plan.redis_url) == (1, "1", "")
    assert plan.data_dir == Path.cwd() / ".winnow"


@pytest.mark.parametrize(
    ("host", "reachable"),
    [("::", "[::1]"), (str(IPv4Address(0)), "127.0.0.1"), ("::1", "[::1]"), ("box.local", "box.local")],
)
def test_the_address_to_reach_is_one_that_answers(monkeypatch, host, reachable):
    monkeypatch.setenv("WINNOW_HOST", host)
    assert Plan.from_environment().api_url == f"http://{reachable}:8000"


@pytest.mark.parametrize(
    ("variable", "value"), [("API_PORT", "x"), ("UI_PORT", "70000"), ("WORKERS", "0"), ("DEMO", "maybe")]
)
def test_a_value_that_cannot_be_used_is_named(monkeypatch, variable, value):
    monkeypatch.setenv(f"WINNOW_{variable}", value)
    with pytest.raises(CannotStartError, match=f"^WINNOW_{variable}={value} cannot be used: "):
        Plan.from_environment()


def test_a_taken_port_is_named_with_its_variable():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CannotStartError, match=f"Port {port} is taken.*WINNOW_UI_PORT"):
            check_ports(Plan(api_port=free_port(), ui_port=port))


def test_free_ports_pass_and_stay_free():
    plan = Plan(api_port=free_port(), ui_port=free_port())
    check_ports(plan)
    check_ports(plan)


def test_one_port_for_both_is_refused():
    with pytest.raises(CannotStartError, match="both 8000"):
        check_ports(Plan(ui_port=8000))


def test_a_host_of_another_machine_is_refused():
    with pytest.raises(CannotStartError, match=r"WINNOW_HOST=192\.0\.2\.1"):
        check_ports(Plan(host="192.0.2.1", api_port=free_port(), ui_port=free_port()))


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CannotStartError, match=f"{tmp_path}/file/data cannot be written.*WINNOW_DATA_DIR"):
        claim_folder(Plan(data_dir=tmp_path / "file" / "data"))


def test_a_second_claim_is_refused_and_the_first_named(tmp_path):
    program = (
        "import sys; from pathlib import Path; from winnow.supervisor.plan import Plan, claim_folder\n"
        "lock = claim_folder(Plan(data_dir=Path(sys.argv[1]))); print('claimed', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"claimed\n"
        with pytest.raises(CannotStartError, match=f"already runs on .* .process {holder.pid}."):
            claim_folder(Plan(data_dir=tmp_path))
    claim_folder(Plan(data_dir=tmp_path)).close()


def test_the_server_is_installed_here():
    check_installation()
