"""What stands behind a version: the blind checks it is judged on, whose decisions it learnt from, and its files."""

from collections.abc import Callable, Sequence

import streamlit as st

from ui import sentences
from ui.components import confusion
from ui.components.listing import short
from ui.session import Session
from winnow.schemas import Project
from winnow.schemas_accountability import Checked

_ALL = "All"
_WRONG = "Wrong answers"
_SHOWN = 50
_SOURCES = {"review": "reviewed", "import": "came with a file", "feedback": "told by a program"}


def draw(session: Session, project: Project, number: int) -> None:
    """The sections of a version's details."""
    found = session.api.audited(project.slug, number)
    if found:
        st.markdown("**What it takes for what**")
        st.caption(f"On the {sentences.count(len(found), 'blind check')} that it has not learnt from, up to now.")
        confusion.draw(_counts(found))
        _items(project, number, found)
    _lineage(session, project, number)
    st.download_button(
        "Download its files",
        data=_files(session, project.slug, number),
        file_name=f"{project.slug}-version-{number}.zip",
        mime="application/zip",
        icon=":material/download:",
        on_click="ignore",
        help="A zip of bundle.json and the numbers; its sha256 is checked at each load.",
    )


def _counts(found: Sequence[Checked]) -> list[dict[str, object]]:
    pairs: dict[tuple[str, str], int] = {}
    for one in found:
        pair = (" + ".join(one.truth), " + ".join(one.answered))
        pairs[pair] = pairs.get(pair, 0) + 1
    return [{"true": true, "answered": answered, "count": count} for (true, answered), count in pairs.items()]


def _items(project: Project, number: int, found: Sequence[Checked]) -> None:
    """The items behind a cell of the matrix, each a link."""
    cells = {
        f"{one['true']} → {one['answered']} ({one['count']})": (one["true"], one["answered"])
        for one in sorted(_counts(found), key=lambda one: (one["true"] == one["answered"], -int(str(one["count"]))))
    }
    picked = st.selectbox("Items behind it (in truth → answered)", [_WRONG, _ALL, *cells], key=f"cell-{number}")
    shown = [one for one in found if _fits(one, str(picked), cells)]
    for one in shown[:_SHOWN]:
        text, link = st.columns([5, 1], vertical_alignment="center")
        text.markdown(
            f"**{sentences.plain(' + '.join(one.truth))}** → "
            f"{sentences.plain(' + '.join(one.answered))}, {sentences.percent(one.confidence)}"
        )
        text.text(short(one.excerpt))
        to = {"project": project.slug, "item": one.item_id}
        link.page_link("views/item.py", label="Open", icon=":material/open_in_new:", query_params=to)
    if not shown:
        st.caption("No item is there.")
    if len(shown) > _SHOWN:
        st.caption(f"The newest {_SHOWN} of {len(shown):,}.")


def _fits(one: Checked, picked: str, cells: dict[str, tuple[object, object]]) -> bool:
    if picked == _ALL:
        return True
    if picked == _WRONG:
        return one.truth != one.answered
    return (" + ".join(one.truth), " + ".join(one.answered)) == cells[picked]


def _lineage(session: Session, project: Project, number: int) -> None:
    found = session.api.lineage(project.slug, number)
    st.markdown("**Where it comes from**")
    before = f"after version {found.parent}" if found.parent else "the first one"
    st.caption(f"Trained {before}, on decisions up to number {found.decision_high_water}.")
    if found.decided_by:
        rows = [
            {"Decided by": one.name, "How": _SOURCES.get(one.source, one.source), "Decisions": one.decisions}
            for one in found.decided_by
        ]
        st.dataframe(rows, hide_index=True, alt="Whose decisions it learnt from")
    for move in found.moves:
        what = "began to serve" if move.to_version == number else f"gave way to version {move.to_version}"
        back = " by a rollback" if move.is_rollback else ""
        why = f": {sentences.plain(move.reason)}" if move.reason else ""
        st.caption(f"{move.at:%d %b %Y, %H:%M} UTC, {what}{back}{why}")


def _files(session: Session, slug: str, number: int) -> Callable[[], bytes]:
    """Fetched when the button is pressed, not each time the page is drawn."""
    return lambda: session.api.bundle(slug, number)
