"""Tokens: taken when needed, renewed in time, and given up."""

import threading

import pytest

from tests.unit.winnow_client.conftest import Answer, Asked, LoopbackServer
from winnow import Client, Unauthenticated

ME = {"id": "1", "username": "ann", "role": "reviewer"}


class Gate:
    """Issues tokens named by a counter; only the newest of each kind works."""

    def __init__(self, lifetime: int = 900) -> None:
        self.lifetime = lifetime
        self.issued = 0
        self.valid_access = ""
        self.valid_refresh = ""
        self.lock = threading.Lock()

    def __call__(self, asked: Asked) -> Answer:
        with self.lock:
            if asked.path == "/v1/auth/token":
                right = b"username=ann" in asked.body and b"password=pw" in asked.body
                return self.issue() if right else Answer({"title": "Unauthorized"}, 401)
            if asked.path == "/v1/auth/refresh":
                if asked.json["refresh_token"] != self.valid_refresh:
                    return Answer({"title": "Unauthorized"}, 401)
                return self.issue()
            if asked.path == "/v1/auth/logout":
                self.valid_refresh = ""
                return Answer(b"", 204)
            if asked.headers.get("authorization") != f"Bearer {self.valid_access}":
                return Answer({"title": "Unauthorized"}, 401)
            return Answer(ME)

    def issue(self) -> Answer:
        self.issued += 1
        self.valid_access, self.valid_refresh = f"a{self.issued}", f"r{self.issued}"
        tokens = {"access_token": self.valid_access, "refresh_token": self.valid_refresh}
        return Answer({**tokens, "token_type": "bearer", "expires_in": self.lifetime})


@pytest.fixture
def gate(server: LoopbackServer) -> Gate:
    behaviour = Gate()
    server.behaviour = behaviour
    return behaviour


def paths(server: LoopbackServer) -> list[str]:
    return [asked.path for asked in server.asked]


@pytest.mark.usefixtures("gate")
def test_signs_in_on_first_use_and_once(server):
    with Client(server.url, username="ann", password="pw") as client:
        client.me()
        client.me()
    assert paths(server) == ["/v1/auth/token", "/v1/me", "/v1/me"]


def test_a_refused_token_is_renewed_and_the_request_sent_again(server, gate):
    with Client(server.url, username="ann", password="pw") as client:
        client.me()
        gate.valid_access = "restarted"
        assert client.me().username == "ann"
    assert paths(server)[-3:] == ["/v1/me", "/v1/auth/refresh", "/v1/me"]


def test_a_token_near_its_end_is_renewed_before_it_is_refused(server, gate):
    gate.lifetime = 0
    with Client(server.url) as client:
        client.sign_in("ann", "pw")
        gate.lifetime = 900
        client.me()
        client.me()
    assert paths(server) == ["/v1/auth/token", "/v1/auth/refresh", "/v1/me", "/v1/me"]


def test_the_password_helps_where_the_refresh_token_no_longer_does(server, gate):
    with Client(server.url, username="ann", password="pw") as client:
        client.me()
        gate.valid_access = gate.valid_refresh = "restarted"
        assert client.me().username == "ann"
    assert gate.issued == 2


def test_tokens_from_outside_are_used_and_renewed(server, gate):
    gate.issue()
    with Client(server.url, access_token="old", refresh_token="r1") as client:
        client.me()
        assert (client.access_token, client.refresh_token) == ("a2", "r2")


@pytest.mark.usefixtures("gate")
def test_without_a_way_to_renew_the_refusal_is_raised_after_one_try(server):
    with Client(server.url, access_token="old") as client, pytest.raises(Unauthenticated):
        client.me()
    assert paths(server) == ["/v1/me"]


@pytest.mark.usefixtures("gate")
def test_a_wrong_password_is_refused(server):
    with Client(server.url) as client, pytest.raises(Unauthenticated):
        client.sign_in("ann", "wrong")


def test_after_sign_out_nothing_is_signed(server, gate):
    with Client(server.url, username="ann", password="pw") as client:
        client.me()
        client.sign_out()
        with pytest.raises(Unauthenticated):
            client.me()
    assert "authorization" not in server.asked[-1].headers
    assert gate.valid_refresh == ""


def test_an_api_key_needs_no_token(server):
    server.answers(Answer(ME))
    with Client(server.url, api_key="secret") as client:
        client.me()
    assert server.asked[0].headers["x-api-key"] == "secret"
    assert paths(server) == ["/v1/me"]


def test_threads_that_share_a_client_renew_once(server, gate):
    with Client(server.url, username="ann", password="pw") as client:
        client.me()
        gate.valid_access = "restarted"
        together = threading.Barrier(8)
        names: list[str] = []

        def ask() -> None:
            together.wait()
            names.append(client.me().username)

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert names == ["ann"] * 8
    assert gate.issued == 2
