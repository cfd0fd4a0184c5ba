"""What the page Second looks shows of a likely error, a dispute or a flagged item, and the buttons that settle it."""

from collections.abc import Callable, Iterable
from itertools import islice

import streamlit as st

from ui import sentences
from ui.components import tables
from ui.frame import guard
from ui.session import Session
from winnow.schemas import Decision, Project
from winnow.schemas_findings import LabelError
from winnow.schemas_review import Answer, Dispute

_SHOWN = 15
_LAST = "second-last"
_SAID = {"skip": "skipped it", "flag": "flagged it"}


def errors(session: Session, project: Project) -> None:
    """Decisions that look wrong, to be kept or changed."""
    found = list(islice(session.api.label_errors(project.slug), _SHOWN + 1))
    if not found:
        st.info("No decision stands out. With more decisions, mistakes are easier to tell.")
    for one in found[:_SHOWN]:
        with st.container(border=True):
            _suspect(session, project, one)
    _more(len(found))


def disputes(session: Session, project: Project, found: Iterable[Dispute]) -> bool:
    """Items that wait for a manager; False where there are none."""
    some = list(islice(found, _SHOWN + 1))
    for one in some[:_SHOWN]:
        with st.container(border=True):
            _dispute(session, project, one)
    _more(len(some))
    return bool(some)


def last(session: Session, project: Project) -> None:
    """What was done last, and the way back."""
    slug, decision_id, said = st.session_state.get(_LAST, ("", "", ""))
    if slug != project.slug:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/check: {said}")
        if st.button("Undo", icon=":material/undo:", type="tertiary"):
            del st.session_state[_LAST]
            session.api.undo(slug, decision_id)
            st.rerun()


def _more(found: int) -> None:
    if found > _SHOWN:
        st.caption(f"The first {_SHOWN} are shown; more come up as these are settled.")


def _suspect(session: Session, project: Project, one: LabelError) -> None:
    told, doing = st.columns([4, 1.5], vertical_alignment="center")
    with told:
        st.text(one.text)
        when = f" on {one.decided_at:%d %b %Y}" if one.decided_at else ""
        st.caption(
            f"{sentences.plain(one.decided_by or 'Somebody')} said **{sentences.plain(one.category)}**{when}; "
            f"items like it were decided **{sentences.plain(one.suggested)}**."
        )

    def decide(category: str) -> None:
        kept, now = sentences.plain(one.category), sentences.plain(category)
        said = f"{kept} stays." if category == one.category else f"{kept} is {now} now."
        _remember(session, project, said, lambda: _corrected(session, project, one.item_id, category))

    with doing:  # none of the answers stands out: the decision that is there may well be the right one
        _button(one.item_id, f"Keep {one.category}", one.category, decide)
        _button(one.item_id, f"Change to {one.suggested}", one.suggested, decide)
        _another(project, one.item_id, {one.category, one.suggested}, "Change to", decide)


def _dispute(session: Session, project: Project, one: Dispute) -> None:
    told, doing = st.columns([4, 1.5], vertical_alignment="center")
    with told:
        st.text(one.text)
        extra = sentences.extra_fields(one.text, one.fields, one.external_id)
        if extra:
            tables.record(extra)
        for answer in one.answers:
            st.markdown(_told(answer))
        st.caption(_machine(one))

    def settle(*categories: str) -> None:
        said = f"It is {sentences.plain(' and '.join(categories))} now."
        _remember(session, project, said, lambda: session.api.settle(project.slug, one.item_id, categories))

    named: dict[tuple[str, ...], int] = {}
    for answer in one.answers:
        if answer.categories:
            key = tuple(answer.categories)
            named[key] = named.get(key, 0) + 1
    with doing:
        for categories, count in sorted(named.items(), key=lambda pair: -pair[1]):
            label = " and ".join(categories)
            _button(one.item_id, f"{label} ({sentences.count(count, 'answer')})", label, settle, categories)
        said = one.prediction.category if one.prediction else None
        if said and (said,) not in named:
            _button(one.item_id, said, said, settle)
        _another(project, one.item_id, {label for key in named for label in key} | {said or ""}, "It is", settle)


def _told(answer: Answer) -> str:
    said = _SAID.get(answer.action) or f"said **{sentences.plain(' and '.join(answer.categories))}**"
    note = f": “{sentences.plain(answer.note)}”" if answer.note else ""
    return f"{sentences.plain(answer.reviewer)} {said}{note}"


def _machine(one: Dispute) -> str:
    if one.blind:
        return "This is a blind check: what the machine thinks is hidden here too, so that it is measured fairly."
    if one.prediction is None or one.prediction.category is None:
        return "There is no prediction."
    return (
        f"Predicted: {sentences.plain(one.prediction.category)}, {sentences.percent(one.prediction.confidence)} sure."
    )


def _another(project: Project, item_id: str, named: set[str], verb: str, act: Callable[[str], None]) -> None:
    with st.popover("Another", width="stretch"):
        others = [one.name for one in project.categories if not one.archived and one.name not in named]
        other = st.selectbox("Category", others, key=f"other-{item_id}")
        if other:
            _button(item_id, f"{verb} {other}", other, act)


def _button(
    item_id: str, label: str, category: str, act: Callable[..., None], args: tuple[str, ...] | None = None
) -> None:
    st.button(
        sentences.plain(label), key=f"say-{item_id}-{category}", width="stretch", on_click=act, args=args or (category,)
    )


def _corrected(session: Session, project: Project, item_id: str, category: str) -> Decision:
    return session.api.decide(project.slug, item_id=item_id, action="correct", categories=[category])


def _remember(session: Session, project: Project, said: str, act: Callable[[], Decision]) -> None:
    with guard(session):
        st.session_state[_LAST] = (project.slug, act().id, said)
