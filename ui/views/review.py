"""Review: one card after the other, by keyboard."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ui import sentences
from ui.components import card, figures
from ui.desk import Desk
from ui.frame import guard
from ui.session import Session, current
from winnow.schemas_insight import Stats

_KEY = "card"
_LOOK_EVERY = 2


@st.fragment(run_every=_LOOK_EVERY)
def _watch(session: Session, slug: str, banner: DeltaGenerator) -> None:
    with guard(session, repeats=True):
        _say(session, slug, session.api.stats(slug), banner)


@st.fragment
def _card(session: Session, slug: str, banner: DeltaGenerator) -> None:
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
        if desk.stats:  # a decision may just have started a training: say so now, not at the next look
            _say(session, slug, desk.stats, banner)


def _say(session: Session, slug: str, stats: Stats, banner: DeltaGenerator) -> None:
    newest = stats.latest_model.version if stats.latest_model else 0
    known = session.seen.setdefault(slug, newest)
    news = sentences.training(stats)
    if news is None or (news[0] != "busy" and newest <= known):
        news = "quiet", sentences.waiting(stats)  # the line keeps its place: the card must not jump when news come
    with banner:
        figures.say(*news)


def page(session: Session) -> None:
    """The page."""
    if session.slug is None:
        st.info("Create a project first; its cards appear here.")
        st.page_link("views/projects.py", label="Go to Projects", icon=":material/arrow_forward:")
        return
    banner = st.empty()
    _watch(session, session.slug, banner)
    _card(session, session.slug, banner)


page(current())
