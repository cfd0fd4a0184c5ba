"""What is around every page: the mark, the project, the person, and a place where errors become sentences."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import streamlit as st

from ui import banner, door, sentences
from ui.session import Session, SignedOut, choose, leave, token_moved
from winnow import ApiError, ConnectionFailed, Forbidden, NotFound, Unauthenticated

_BRAND = Path(__file__).parent / "brand"
_REVIEW = "review"
_STYLE = """
<style>
[data-testid="stMainBlockContainer"] {
  max-width: 1260px; padding-left: clamp(1rem, 3vw, 2.5rem); padding-right: clamp(1rem, 3vw, 2.5rem);
}
/* Streamlit's own greys are too faint for small text (WCAG AA asks for 4.5 to 1). */
[data-testid="stCaptionContainer"] { color: inherit !important; opacity: .78 !important; }
</style>
"""
_DARK = """
<style>
button[data-selected="true"] p { color: #7cc39b; }
</style>
"""


def brand() -> None:
    """The word mark, in the colour of the theme, and the width of a page."""
    dark = st.context.theme.type == "dark"
    name = "mark-dark.svg" if dark else "mark.svg"
    st.html(_STYLE + (_DARK if dark else ""))
    st.logo(_BRAND / name, size="large", icon_image=_BRAND / "icon.svg")


def run(page: st.Page, session: Session) -> None:
    """Runs a page inside the frame."""
    with guard(session):
        project_picker(session)
        if page.url_path != _REVIEW:
            give_back(session)
            if session.manages:
                banner.draw(session)
        page.run()
    footer(session)


@contextmanager
def guard(session: Session, *, repeats: bool = False) -> Iterator[None]:
    """Turns what the API may answer into a sentence on the page; a lost sign-in leads to the form.

    Args:
        session: who is signed in.
        repeats: whether the part of the page runs again by itself, so that nobody has to try again.
    """
    try:
        yield
    except (Unauthenticated, SignedOut):
        leave(
            session, "Your sign-in has ended. Sign in again; answers that were not sent yet are kept in this browser."
        )
        st.rerun()
    except Forbidden:
        st.error("Your role does not reach this. Ask an administrator if you need it.")
    except NotFound:
        st.error("This is not there any more. Choose another project at the left.")
    except ConnectionFailed as error:
        if repeats:
            st.warning(sentences.plain(sentences.trouble(error, repeats=True)))
        else:
            st.error("The server does not answer. Look at the terminal in which Winnow was started, then try again.")
            st.button("Try again", icon=":material/refresh:")
    except ApiError as error:
        st.error(sentences.plain(sentences.trouble(error)))
    else:
        if token_moved(session):
            st.rerun()


def project_picker(session: Session) -> None:
    """The project, chosen in the sidebar; it stands in the address, so that a link leads to it."""
    projects = session.api.projects()
    project = choose(session, projects)
    if project is None:
        return
    names = {one.slug: one.name for one in projects}
    slugs = list(names)
    with st.sidebar:
        picked = st.selectbox(
            "Project", slugs, index=slugs.index(project.slug), format_func=lambda slug: names.get(slug, slug)
        )
    if picked and picked != project.slug:
        session.slug = picked
        st.query_params["project"] = picked
        st.rerun()


def give_back(session: Session) -> None:
    """Cards held on the Review page go back to the queue when another page is opened."""
    for desk in session.desks.values():
        desk.leave(session.api)


def footer(session: Session) -> None:
    """Who is signed in, and the way out."""
    with st.sidebar:
        st.space("small")
        if session.user is not None:
            st.caption(f"Signed in as **{sentences.plain(session.user.username)}** ({session.user.role})")
        st.button("Sign out", icon=":material/logout:", type="tertiary", on_click=door.sign_out, args=(session,))
