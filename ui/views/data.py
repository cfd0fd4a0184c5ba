"""Data: what came in, what goes out, who is told of what happens, and how long it is kept."""

from collections.abc import Callable

import streamlit as st

from ui import erased, retention, sentences, telling
from ui.frame import guard
from ui.session import Session, current
from winnow.schemas import Import

_FORMATS = {
    "CSV": ("csv", "csv"),
    "JSON Lines": ("jsonl", "jsonl"),
    "Parquet": ("parquet", "parquet"),
    "Label Studio": ("label-studio", "json"),
    "Prodigy": ("prodigy", "jsonl"),
    "fastText": ("fasttext", "txt"),
}
_STATES = {"All items": None, "Decided": "decided", "Undecided": "undecided", "Flagged": "flagged"}
_SHOWN = 50


def page(session: Session) -> None:
    """The page."""
    st.title("Data", anchor=False)
    if session.slug is None:
        st.info("Create a project first.")
        return
    with st.container(border=True), guard(session):
        _export(session, session.slug)
    with st.container(border=True), guard(session):
        _imports(session, session.slug)
    with st.container(border=True), guard(session):
        telling.webhooks(session, session.slug)
    with st.container(border=True), guard(session):
        retention.settings(session, session.slug)
    with st.container(border=True), guard(session):
        erased.erasures(session, session.slug)


def _export(session: Session, slug: str) -> None:
    st.subheader("Export", anchor=False)
    st.caption("Every item with its final category, who decided it, and the prediction.")
    form, state, button = st.columns([2, 2, 1], vertical_alignment="bottom")
    name, suffix = _FORMATS[form.selectbox("Format", list(_FORMATS))]
    stands = _STATES[state.selectbox("Items", list(_STATES))]
    button.download_button(
        "Download",
        data=_file(session, slug, name, stands),
        file_name=f"{slug}.{suffix}",
        mime="application/octet-stream",
        icon=":material/download:",
        on_click="ignore",
        width="stretch",
        type="primary",
    )


def _file(session: Session, slug: str, form: str, state: str | None) -> Callable[[], bytes]:
    """Fetched when the button is pressed, not each time the page is drawn."""
    return lambda: b"".join(session.api.export(slug, form, state=state))


def _imports(session: Session, slug: str) -> None:
    st.subheader("Imports", anchor=False)
    past = session.api.imports(slug)
    if not past:
        st.caption("No file has been imported yet.")
        st.page_link("views/load.py", label="Import a file", icon=":material/upload_file:")
        return
    st.dataframe([_row(one) for one in past[:_SHOWN]], hide_index=True)
    if len(past) > _SHOWN:
        st.caption(f"The newest {_SHOWN} of {len(past):,}.")
    rejecting = {one.id: one for one in past if one.rows_rejected}
    if not rejecting:
        return
    which, button = st.columns([4, 1], vertical_alignment="bottom")
    chosen = which.selectbox(
        "Rows that were set aside", list(rejecting), format_func=lambda id_: _named(rejecting[id_])
    )
    button.download_button(
        "Rejected rows",
        data=lambda: session.api.import_rejects(slug, chosen),
        file_name=f"rejected-{chosen}.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        width="stretch",
    )


def _named(one: Import) -> str:
    return f"{one.filename}: {sentences.count(one.rows_rejected, 'row')}"


def _row(one: Import) -> dict[str, object]:
    return {
        "File": one.filename,
        "Status": one.status,
        "Read": one.rows_read,
        "Added": one.rows_added,
        "Already there": one.rows_duplicate,
        "Set aside": one.rows_rejected,
        "Trouble": one.error or "",
    }


page(current())
