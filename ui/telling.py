"""Webhooks on the Data page: who is told of what, and what became of each message."""

import streamlit as st

from ui import sentences
from ui.components import once
from ui.frame import guard
from ui.session import Session
from winnow.schemas_webhooks import Delivery, Webhook

_EVENTS = {
    "item.decided": "an item is decided",
    "model.promoted": "another version serves",
    "import.finished": "an import ends",
    "alert.fired": "something needs a person",
    "alert.resolved": "it is over",
}
_MADE = "webhook-secret"
_SHOWN = 50
_COLUMNS = [5, 1, 1]


def webhooks(session: Session, slug: str) -> None:
    """The section: the webhooks of a project, and a form for another."""
    st.subheader("Webhooks", anchor=False)
    st.caption("An address of yours that is told of events. Messages are signed, kept until taken, and sent again.")
    once.show(_MADE, "The secret that signs this webhook's messages. It is not shown again.")
    for hook in session.api.webhooks(slug):
        with st.container(border=True):
            _webhook(session, slug, hook)
    with st.expander("New webhook", icon=":material/add:"), st.form("new-webhook", border=False):
        url = st.text_input("Address", placeholder="https://example.com/winnow")
        events = st.multiselect(
            "Tell it when", list(_EVENTS), default=["item.decided"], format_func=_EVENTS.__getitem__
        )
        if st.form_submit_button("Create webhook", type="primary"):
            _create(session, slug, url.strip(), events)


def _create(session: Session, slug: str, url: str, events: list[str]) -> None:
    if not url or not events:
        st.error("Give an address and at least one event.")
        return
    with guard(session):
        once.keep(_MADE, session.api.create_webhook(slug, url, events).secret)
        st.rerun()


def _webhook(session: Session, slug: str, hook: Webhook) -> None:
    name, testing, more = st.columns(_COLUMNS, vertical_alignment="center")
    with name:
        st.markdown(f"**`{hook.url}`**")
        told = ", ".join(_EVENTS.get(event, event) for event in hook.events)
        st.caption(f"{'Told when' if hook.active else 'Switched off; would be told when'} {told}")
    if testing.button("Test", key=f"test-{hook.id}", width="stretch", help="Sends a message of type webhook.test."):
        session.api.test_webhook(slug, hook.id)
        st.toast("A test message is on its way; the log below shows what becomes of it.")
        st.session_state[f"log-{hook.id}"] = True
    with more.popover("Change", width="stretch"):
        if st.button("Switch off" if hook.active else "Switch on", key=f"active-{hook.id}", width="stretch"):
            session.api.update_webhook(slug, hook.id, active=not hook.active)
            st.rerun()
        if st.button("New secret", key=f"secret-{hook.id}", width="stretch", help="The old one signs too for a day."):
            once.keep(_MADE, session.api.update_webhook(slug, hook.id, rotate_secret=True).secret)
            st.rerun()
        if st.button("Delete", key=f"delete-{hook.id}", width="stretch", icon=":material/delete:"):
            session.api.delete_webhook(slug, hook.id)
            st.rerun()
    if hook.failures:
        st.warning(f"The receiver was away {sentences.count(hook.failures, 'time')} in a row; messages wait for it.")
    if st.toggle("Message log", key=f"log-{hook.id}"):
        _log(session, slug, hook)


@st.fragment(run_every=3)
def _log(session: Session, slug: str, hook: Webhook) -> None:
    with guard(session, repeats=True):
        page = session.api.deliveries(slug, hook.id)
        newest = [one for one, _ in zip(page, range(_SHOWN), strict=False)]
        if not newest:
            st.caption("No message yet.")
            return
        st.dataframe([_row(one) for one in newest], hide_index=True)
        failed = [one for one in newest if one.status == "failed"]
        if failed and st.button(f"Send {sentences.count(len(failed), 'failed message')} again", key=f"again-{hook.id}"):
            for one in failed:
                session.api.replay_delivery(slug, hook.id, one.id)


def _row(one: Delivery) -> dict[str, object]:
    return {
        "When": one.created_at,
        "Event": one.event,
        "Status": one.status,
        "Attempts": one.attempts,
        "Answer": one.response_status,
        "Trouble": one.error or "",
        "Next attempt": one.next_attempt_at,
    }
