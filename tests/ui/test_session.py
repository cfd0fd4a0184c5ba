"""The sign-in of a tab, across reloads and beside other tabs."""

import gc
from types import SimpleNamespace

import pytest
from streamlit.runtime.context import StreamlitHeaders

from tests.ui.conftest import PASSWORD, Stage
from ui.session import Session, keep_sign_in, resume, sign_in
from winnow import RateLimited, Unauthenticated


@pytest.fixture
def signed_in(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Session:
    monkeypatch.setenv("WINNOW_API_URL", stage.url)
    monkeypatch.setattr("ui.components.keep.store", lambda _token: None)  # there is no browser
    session = Session()
    sign_in(session, "mary", PASSWORD)
    keep_sign_in(session)
    return session


def test_tabs_with_one_refresh_token_go_on_with_one_sign_in(signed_in: Session) -> None:
    kept = signed_in.kept_token
    reloaded, doubled = Session(), Session()
    assert resume(reloaded, kept)
    assert resume(doubled, kept)
    assert signed_in.api.me() == reloaded.user == doubled.user


def test_a_used_token_leads_on_while_the_tab_that_used_it_was_not_given_the_next(signed_in: Session) -> None:
    kept = signed_in.kept_token
    signed_in.client = None
    gc.collect()  # as if that process had ended: the next one renews by what the browser kept
    first, second = Session(), Session()
    assert resume(first, kept)
    assert first.api.refresh_token != kept
    assert resume(second, kept), "the browser was not told yet"
    assert first.api.me() == second.api.me()
    keep_sign_in(second)
    third = Session()
    assert resume(third, second.kept_token)


def test_after_the_sign_out_no_token_of_it_leads_on(signed_in: Session) -> None:
    kept = signed_in.kept_token
    other = Session()
    assert resume(other, kept)
    other.api.sign_out()
    late = Session()
    assert not resume(late, kept)
    assert late.forget


def test_wrong_passwords_count_for_the_visitor_who_sent_them(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def comes_from(address: str, *proxies: str) -> None:
        way = StreamlitHeaders([("X-Forwarded-For", one) for one in (address, *proxies)][: len(proxies)])
        here = (address, *proxies)[-1]
        monkeypatch.setattr("streamlit.context", SimpleNamespace(headers=way, ip_address=here))

    comes_from("203.0.113.9")
    for _ in range(stage.runtime.settings.sign_in_failures):
        with pytest.raises(Unauthenticated):
            sign_in(Session(), "mary", "wrong")
    with pytest.raises(RateLimited):
        sign_in(Session(), "mary", PASSWORD)
    comes_from("203.0.113.9", "127.0.0.1")
    with pytest.raises(RateLimited):
        sign_in(Session(), "mary", PASSWORD)
    comes_from("203.0.113.10", "127.0.0.1")
    sign_in(Session(), "mary", PASSWORD)
