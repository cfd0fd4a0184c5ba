"""Review: one card after the other, by keyboard."""

import streamlit as st

from ui import sentences
from ui.components import card, figures
from ui.desk import Desk
from ui.frame import guard
from ui.session import Session, current

_KEY = "card"
_LOOK_EVERY = 2


@st.fragment(run_every=_LOOK_EVERY)
def _watch(session: Session, slug: str) -> None:
    """What goes on around the card, and one line about it."""
    with guard(session, repeats=True):
        stats = session.desks.setdefault(slug, Desk(slug)).look(session.api)
        newest = stats.latest_model.version if stats.latest_model else 0
        known = session.seen.setdefault(slug, newest)
        news = sentences.training(stats)
        if news is None or (news[0] != "busy" and newest <= known):
            # The line keeps its place: the card must not jump when news come.
            news = "quiet", sentences.waiting(stats)
        figures.say(*news)


@st.fragment
def _card(session: Session, slug: str) -> None:
    """The card stays where it is when the server is away: it holds the answers until they are stored."""
    with guard(session):
        desk = session.desks.setdefault(slug, Desk(slug))
        key = f"{_KEY}-{slug}"
        outcomes = desk.serve(session.api, card.sent(key))
        card.draw(
            key,
            {
                "user": session.person.username,
                "project": slug,
                "categories": desk.categories,
                "several": desk.several,
                "batch": desk.batch,
                "outcomes": outcomes,
                "released": desk.released,
                "reasons": desk.why.answer,
                "guide": desk.guide.answer,
                "trouble": desk.trouble,
                "open": desk.stats.queue.open if desk.stats else None,
                "rest": sentences.rest(desk.stats) if desk.stats else None,
            },
        )


def page(session: Session) -> None:
    """The page."""
    if session.slug is None:
        st.info("Create a project first; its cards appear here.")
        st.page_link("views/projects.py", label="Go to Projects", icon=":material/arrow_forward:")
        return
    _watch(session, session.slug)
    _card(session, session.slug)


page(current())
