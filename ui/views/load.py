"""Import: drop a file, look at its first rows, say which columns are what, watch it go in."""

from typing import Any, BinaryIO, cast

import streamlit as st

from ui import sentences
from ui.frame import guard
from ui.session import Session, current
from winnow.calls.data import FileOptions
from winnow.schemas import Import, Preview, Project

_HEAD_BYTES = 1_000_000
_LOOK_EVERY = 1
_AUTO = "Find out"
_NONE = "None"
_ENCODINGS = (_AUTO, "utf-8", "utf-16", "windows-1252", "iso-8859-1", "iso-8859-15", "shift_jis", "gb18030", "koi8-r")
_DELIMITERS = {_AUTO: None, "Comma": ",", "Semicolon": ";", "Tab": "\t", "Bar": "|"}
_PAST = 10
_NAMED = 8
_SEVERAL = "multi"
_COLUMNED = frozenset({"csv", "tsv", "json", "jsonl", "parquet"})


def page(session: Session) -> None:
    """The page."""
    st.title("Import", anchor=False)
    if session.slug is None:
        st.info("Create a project first.")
        return
    slug = session.slug
    file = st.file_uploader(
        "A file of records: text (one a line), CSV, TSV, JSON or JSON Lines, also gzipped, or Parquet",
        type=["txt", "csv", "tsv", "json", "jsonl", "ndjson", "gz", "text", "parquet"],
        key=f"file-{slug}",
    )
    if file is not None:
        head = file.read(_HEAD_BYTES)
        file.seek(0)
        options, usable = _choices(session, slug, file.name, head)
        if st.button("Import this file", type="primary", icon=":material/upload:", disabled=not usable):
            started = session.api.import_file(slug, cast("BinaryIO", file), filename=file.name, **options)
            st.session_state[f"running-{slug}"] = started.id
    _running(session, slug)


def _choices(session: Session, slug: str, name: str, head: bytes) -> tuple[FileOptions, bool]:
    """The preview and what the person makes of it; the second value says whether the file can be taken."""
    with st.expander("Encoding and delimiter"):
        left, right = st.columns(2)
        encoding = left.selectbox("Encoding", _ENCODINGS)
        delimiter = right.selectbox("Delimiter", list(_DELIMITERS))
    reading = FileOptions(encoding=None if encoding == _AUTO else encoding, delimiter=_DELIMITERS[delimiter])
    if name.endswith(".parquet") and len(head) == _HEAD_BYTES:  # it tells its columns at its end
        st.caption("So large a Parquet file is not previewed: the text fields of the project are taken from it.")
        return reading, True
    with guard(session):
        preview = session.api.preview_import(slug, head, name, **reading)
        _first_rows(preview)
        if preview.format not in _COLUMNED or not preview.columns:
            return reading, True
        project = session.api.project(slug)
        picked = _columns(preview, project.text_fields)
        _new_categories(project, preview, picked.get("label_field"))
        return FileOptions(**reading, **picked), bool(picked.get("text_fields"))
    return reading, False


def _first_rows(preview: Preview) -> None:
    parts = [preview.format.upper(), preview.encoding or "", "gzipped" if preview.compressed else ""]
    st.markdown("**First rows** " + " · ".join(part for part in parts if part))
    if not preview.rows and not preview.errors:
        st.warning("No row follows the columns' names: there is nothing to import in this file.")
        return
    if preview.note:
        st.info(sentences.plain(preview.note))
    st.dataframe(preview.rows, hide_index=True, height=min(38 + 35 * max(1, len(preview.rows)), 320))
    for fault in preview.errors[:3]:
        st.warning(
            f"Line {fault.line}: {sentences.plain(fault.message)} This row would be set aside; the rest goes in."
        )


def _columns(preview: Preview, own: list[str]) -> FileOptions:
    """The columns as the person chooses them; the project's own text fields come first where the file has them."""
    suggested = preview.suggested
    whole = preview.note is None and own and set(own) <= set(preview.columns)
    texts = own if whole else suggested.text_fields
    text, own_id, label = st.columns([2, 1, 1])
    fields = text.multiselect(
        "Text",
        preview.columns,
        default=[one for one in texts if one in preview.columns],
        help="What is read and sorted. Several columns are joined.",
    )
    if not fields:
        text.error("Choose at least one text column.")
    id_field = own_id.selectbox(
        "Id",
        [_NONE, *preview.columns],
        index=_place(preview.columns, suggested.id_field),
        help="Your own key of a record; a second row with the same id is not stored again.",
    )
    label_field = label.selectbox(
        "Label",
        [_NONE, *preview.columns],
        index=_place(preview.columns, suggested.label_field),
        help="A category that is already known; it is stored as a decision. One that the project lacks is added.",
    )
    return FileOptions(
        text_fields=fields,
        id_field=None if id_field == _NONE else id_field,
        label_field=None if label_field == _NONE else label_field,
    )


def named_in(cell: object, *, several: bool) -> list[str]:
    """The labels that a cell of a preview names; none where it holds a list as JSON, which the import takes apart."""
    if isinstance(cell, list):
        return [str(one) for one in cell]
    word = "" if cell is None or str(cell).startswith(("[", "{")) else str(cell)
    return word.split("|") if several else [word]


def _new_categories(project: Project, preview: Preview, label: str | None) -> None:
    """Says which labels of the first rows would become categories: a slip is seen before it is in."""
    if label is None:
        return
    several = project.task == _SEVERAL
    names = [name.strip() for row in preview.rows for name in named_in(row.get(label), several=several)]
    known = {" ".join(one.name.casefold().split()) for one in project.categories}
    new = list(dict.fromkeys(name for name in names if name and " ".join(name.casefold().split()) not in known))
    if new:
        more = f" and {len(new) - _NAMED} more" if len(new) > _NAMED else ""
        st.info(
            f"Labels that the project does not know become categories of it. In these rows: "
            f"{', '.join(sentences.plain(name) for name in new[:_NAMED])}{more}."
        )


def _place(columns: list[str], name: str | None) -> int:
    return columns.index(name) + 1 if name in columns else 0


@st.fragment(run_every=_LOOK_EVERY)
def _running(session: Session, slug: str) -> None:
    with guard(session, repeats=True):
        past = session.api.imports(slug)[:_PAST]
        if past:
            st.subheader("Imports", anchor=False)
        for one in past:
            with st.container(border=True):
                _import(session, slug, one)


def _import(session: Session, slug: str, one: Import) -> None:
    name, doing = st.columns([4, 1], vertical_alignment="center")
    with name:
        st.markdown(f"**{sentences.plain(one.filename)}** · {one.status}")
        if one.error:
            st.error(sentences.plain(one.error))
        st.caption(_counts(one))
        if one.note:
            st.caption(sentences.plain(one.note))
        if one.status in {"queued", "running"} and one.job_id:
            job = session.api.job(one.job_id)
            total = job.progress.total
            share = min(1.0, job.progress.done / total) if total else 0.0
            st.progress(share, sentences.percent(share) if total else "Starting")
    if one.rows_rejected:
        doing.download_button(
            "Rejected rows",
            data=_rejects(session, slug, one),
            file_name=f"rejected-{one.id}.csv",
            mime="text/csv",
            key=f"rejects-{one.id}",
            icon=":material/download:",
            on_click="ignore",
            width="stretch",
        )


def _rejects(session: Session, slug: str, one: Import) -> Any:
    """Fetched when the button is pressed, not each time the page is drawn."""
    return lambda: session.api.import_rejects(slug, one.id)


def _counts(one: Import) -> str:
    parts = [f"{sentences.count(one.rows_read, 'row')} read", f"{one.rows_added:,} added"]
    if one.rows_duplicate:
        parts.append(f"{one.rows_duplicate:,} already there")
    if one.rows_rejected:
        parts.append(f"{one.rows_rejected:,} set aside, each with its line and reason")
    return " · ".join(parts)


page(current())
