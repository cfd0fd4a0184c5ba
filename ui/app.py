"""The frame: signs in, picks the pages of the role, runs one. Started by `streamlit run ui/app.py`."""

import sys
from pathlib import Path

import streamlit as st

_HERE = Path(__file__).resolve().parent
if str(_HERE.parent) not in sys.path:  # Streamlit puts this folder on the path; the packages are one above
    sys.path.insert(0, str(_HERE.parent))

from ui import door, frame  # noqa: E402 - the path above must come first
from ui.session import PROGRAM, Session, current  # noqa: E402

_VIEWS = _HERE / "views"
_SIDEBAR_PX = 230


def main() -> None:
    """One run of the application."""
    icon = _HERE / "brand" / "icon.svg"
    st.set_page_config(page_title="Winnow", page_icon=icon, layout="wide", initial_sidebar_state=_SIDEBAR_PX)
    frame.brand()
    session = current()
    inside = door.is_open(session)
    # Before the sign-in every address is known, so that a link or a reload leads to its page afterwards.
    pages = _pages(manages=not inside or session.manages, administers=not inside or session.administers)
    if inside:
        _lead_on(session, pages)
    page = st.navigation(pages, position="sidebar" if inside else "hidden")
    if not inside:
        session.wanted = page.url_path if session.wanted is None else session.wanted
        door.knock(session)
    elif session.person.role == PROGRAM:
        st.info("This account is for programs: it can ask for predictions over HTTP, but has no pages here.")
        frame.footer(session)
    else:
        frame.run(page, session)


def _lead_on(session: Session, pages: list[st.Page]) -> None:
    """After the sign-in: to the page that the tab was opened with, should the browser have lost it.

    Comes before `st.navigation`, which would tell the browser the other page: *Back* would lead there.
    """
    wanted, session.wanted = session.wanted, None
    target = next((one for one in pages if one.url_path == wanted), None)
    if wanted and target is not None:
        st.switch_page(target, query_params=st.query_params.to_dict())


def _pages(*, manages: bool, administers: bool) -> list[st.Page]:
    """The pages of the role, in the order of the work: sort, bring in, look how well it goes, look after it."""
    overview = _page("overview", "Overview", "monitoring", default=True)
    together = _page("together", "Many at once", "grid_view", path="many-at-once")
    item = _page("item", "Item", "article", hidden=True)
    explore, known = _page("explore", "Explore", "search"), _page("categories", "Categories", "category")
    sorting = [_page("review", "Review", "style"), together, explore, known, item]
    projects = _page("projects", "Projects", "folder")
    if not manages:
        return [overview, *sorting, projects]
    second = _page("second", "Second looks", "rule", path="second-looks")
    managing = [
        _page("load", "Import", "upload_file", path="import"),
        _page("data", "Data", "database"),
        _page("trends", "Trends", "show_chart"),
        _page("versions", "Models", "model_training", path="models"),
    ]
    people = [_page("people", "People and keys", "group")] if administers else []
    return [overview, *sorting, second, *managing, projects, *people]


def _page(
    view: str, title: str, icon: str, *, path: str | None = None, default: bool = False, hidden: bool = False
) -> st.Page:
    """A page; a hidden one has an address and no place in the list."""
    return st.Page(
        _VIEWS / f"{view}.py",
        title=title,
        icon=f":material/{icon}:",
        url_path=None if default else path or view,
        default=default,
        visibility="hidden" if hidden else "visible",
    )


main()
