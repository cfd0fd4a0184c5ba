"""What the page Second looks shows of items that fit no category, and the button that makes one of them."""

import streamlit as st

from ui import sentences
from ui.frame import guard
from ui.session import Session
from winnow.schemas import Project
from winnow.schemas_findings import NewGroup

_LAST = "newcomer-last"
_SHOWN = 3
_ASKED = 50


def draw(session: Session, project: Project) -> None:
    """The groups, each with what is typical of it."""
    slug, said = st.session_state.get(_LAST, ("", ""))
    if slug == project.slug:
        st.markdown(f":material/check: {said}")
    with st.spinner("Looking for what fits nothing"):
        found = session.api.novelty(project.slug)
    st.caption(found.advice)
    for one in found.items:
        with st.container(border=True):
            _group(session, project, one)


def _group(session: Session, project: Project, one: NewGroup) -> None:
    told, doing = st.columns([3, 1.6])
    with told:
        st.markdown(f"**{sentences.plain(one.name)}** · {sentences.count(one.size, 'item')} alike")
        for example in one.examples[:_SHOWN]:
            st.text(sentences.short(example.text))
    with doing:
        key = one.examples[0].item_id
        name = st.text_input("Name", one.name.capitalize(), key=f"newcomer-name-{key}")
        about = st.text_input("Description", placeholder="what belongs here", key=f"newcomer-about-{key}")
        st.button(
            "Make this a category",
            key=f"newcomer-make-{key}",
            icon=":material/add:",
            disabled=not (name or "").strip(),
            help=f"Nothing is decided by it: up to {_ASKED} items like these are asked next.",
            on_click=_make,
            args=(session, project, one, (name or "").strip(), (about or "").strip()),
        )


def _make(session: Session, project: Project, one: NewGroup, name: str, description: str) -> None:
    with guard(session):
        made = session.api.make_category(
            project.slug, name, [example.item_id for example in one.examples], description=description, ask=_ASKED
        )
        asked = f"{sentences.count(made.asked, 'item')} like it come next in Review."
        st.session_state[_LAST] = (project.slug, f"{sentences.plain(made.category.name)} is a category now. {asked}")
