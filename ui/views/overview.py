"""Overview: how far the work is, how good the answers are, what happens right now."""

import streamlit as st

from ui import sentences, working
from ui.components import figures
from ui.frame import guard
from ui.session import Session, current
from winnow.schemas import Project
from winnow.schemas_insight import Stats

_LOOK_EVERY = 3


def page(session: Session) -> None:
    """The page."""
    if session.slug is None:
        st.title("Welcome to Winnow", anchor=False)
        st.write("A project holds the records you want sorted and the categories to sort them into.")
        st.page_link("views/projects.py", label="Create the first project", icon=":material/add:")
        return
    project = session.api.project(session.slug)
    st.title(sentences.plain(project.name), anchor=False)
    _body(session, project)
    if session.manages:
        with guard(session):
            working.draw(session, project)


@st.fragment(run_every=_LOOK_EVERY)
def _body(session: Session, project: Project) -> None:
    with guard(session, repeats=True):
        stats = session.api.stats(project.slug)
        banner = sentences.training(stats)
        if banner:
            figures.say(*banner)
        _next_step(session, stats)
        first, second, third = st.columns(3)
        with first.container(border=True, height="stretch"):
            _accuracy(project, stats)
        with second.container(border=True, height="stretch"):
            _progress(stats)
        with third.container(border=True, height="stretch"):
            _automation(stats)
        left, right = st.columns([1, 1])
        with left.container(border=True, height="stretch"):
            _decisions(stats)
        with right.container(border=True, height="stretch"):
            _now(stats)


def _accuracy(project: Project, stats: Stats) -> None:
    st.subheader(
        "Honest accuracy",
        anchor=False,
        help="Only from blind checks: cards drawn at random and shown "
        "without the machine's answer. Nothing else is a fair measure.",
    )
    honest = stats.accuracy
    if honest is None or honest.accuracy is None:
        figures.figure(sentences.NOTHING, below=sentences.band(honest))
        return
    target = project.settings.get("target_accuracy")
    few = honest.audited < sentences.FEW_AUDITS
    figures.figure(sentences.NOTHING if few else sentences.percent(honest.accuracy), below=sentences.band(honest))
    figures.band(None if few else honest.accuracy, honest.low or 0.0, honest.high or 1.0, target)
    for more in (sentences.unanswered(honest), sentences.newcomers(honest)):
        if more:
            st.caption(more)


def _progress(stats: Stats) -> None:
    st.subheader("Progress", anchor=False)
    items = stats.items
    share = items.decided / items.total if items.total else 0.0
    figures.figure(
        f"{items.decided:,}",
        f"of {items.total:,} decided",
        share=share,
        below=f"{sentences.count(stats.decisions.today, 'decision')} today",
    )
    if items.embedded < items.total:
        done = items.embedded / items.total
        st.progress(done, sentences.reading(items))


def _automation(stats: Stats) -> None:
    st.subheader(
        "Automation",
        anchor=False,
        help="The share of items whose answer may be used without a person, at "
        "the accuracy this project asks for, proven by blind checks.",
    )
    share = stats.automation.share
    figures.figure(sentences.percent(share or 0.0), "of items", share=share or 0.0, below=sentences.automation(stats))


def _decisions(stats: Stats) -> None:
    st.subheader("Decisions by category", anchor=False)
    if stats.decisions.by_category:
        figures.bars(stats.decisions.by_category)
    else:
        st.caption("None yet. Predictions so far come from the names and descriptions of the categories.")


def _now(stats: Stats) -> None:
    st.subheader("What happens now", anchor=False)
    if stats.jobs:
        for job in stats.jobs:
            total = job.progress.total
            name = sentences.job(job.kind)
            if total:
                st.progress(min(1.0, job.progress.done / total), f"{name}: {job.progress.done:,} of {total:,}")
            else:
                st.progress(0.0, f"{name}: {job.status}")
    else:
        st.caption("All quiet: nothing is running.")
    st.write(sentences.waiting(stats))
    queue = stats.queue
    st.write(f"**{sentences.count(queue.open, 'card')}** waiting for review, {queue.leased:,} in somebody's hands.")


def _next_step(session: Session, stats: Stats) -> None:
    """An empty place leads to the next thing to do."""
    if not stats.items.total:
        if session.manages:
            st.page_link("views/load.py", label="Import a file to begin", icon=":material/upload_file:")
        else:
            st.info("There are no items yet. A manager can import a file.")
    elif not stats.decisions.total and stats.queue.open:
        st.page_link("views/review.py", label="Predictions are there. Review the first cards", icon=":material/style:")


page(current())
