"""Models: every version with its numbers, which one serves, and the ways forward and back."""

from typing import Any, Literal

import streamlit as st

from ui import provenance, sentences
from ui.components import comparison, unheard
from ui.frame import guard
from ui.session import Session, current
from winnow import ApiError, ConnectionFailed
from winnow.schemas import Project
from winnow.schemas_insight import Comparison, Version

_LOOK_EVERY = 4
_Colour = Literal["green", "blue", "orange", "gray", "red"]
_COLOURS: dict[str, _Colour] = {
    "serving": "green",
    "candidate": "blue",
    "training": "orange",
    "retired": "gray",
    "failed": "red",
}
_SHOWN = 20
_TWO = 2
_SHARES = {
    "Precision": "Of the answers with this category, the share that was right.",
    "from": "The precision is between here",
    "to": "and here with 95 % certainty.",
    "Recall": "Of the items that belong here, the share that was found.",
    "from ": "The recall is between here",
    "to ": "and here with 95 % certainty.",
}
_WHY = "promote-why"
_SAID = "versions-said"


def page(session: Session) -> None:
    """The page."""
    st.title("Models", anchor=False)
    if session.slug is None:
        st.info("Create a project first.")
        return
    project = session.api.project(session.slug)
    _actions(session, project)
    with st.expander("Compare two versions", icon=":material/compare_arrows:"):
        _compare(session, project)
    _list(session, project)


def _actions(session: Session, project: Project) -> None:
    worked, said = st.session_state.pop(_SAID, (True, ""))
    if said:
        (st.success if worked else st.error)(said)
    with st.container(horizontal=True):
        if st.button("Train now", icon=":material/model_training:", type="primary"):
            job = session.api.train(project.slug)
            st.toast(f"Training is {job.status}.")
        if st.button("Roll back", icon=":material/undo:", help="The version that served before serves again."):
            _roll_back(session, project)


@st.fragment
def _compare(session: Session, project: Project) -> None:
    with guard(session):
        numbers = [version.version for version in session.api.versions(project.slug) if version.metrics is not None]
        choice = [*numbers, 0]
        if len(choice) < _TWO:
            st.caption("There is nothing to compare yet.")
            return
        serving = session.api.stats(project.slug).serving_model or 0
        before, after, button = st.columns([2, 2, 1], vertical_alignment="bottom")
        place = choice.index(serving) if serving in choice else 0
        other = min(place + 1, len(choice) - 1) if place == 0 else 0
        first = before.selectbox("From version", choice, index=other, format_func=_called)
        second = after.selectbox("To version", choice, index=place, format_func=_called)
        key = f"compared-{project.slug}"
        if button.button("Compare", width="stretch", disabled=first == second):
            with st.spinner("Comparing"):
                st.session_state[key] = session.api.compare(project.slug, first, second)
        found = st.session_state.get(key)
        if found is not None and (found.a, found.b) == (first, second):
            comparison.draw(found)


def _called(number: int) -> str:
    return str(number) if number else "0: names and descriptions alone"


@st.fragment(run_every=_LOOK_EVERY)
def _list(session: Session, project: Project) -> None:
    with guard(session, repeats=True):
        versions = session.api.versions(project.slug)
        if not versions:
            st.info(
                "No version has been trained yet. Until then answers come from the names and descriptions of the "
                "categories. The first version trains by itself after enough decisions."
            )
            return
        beside = session.api.shadow(project.slug)
        if beside.version is not None:
            with st.container(border=True):
                unheard.draw(beside)
        for version in versions[:_SHOWN]:
            with st.container(border=True):
                _row(session, project, version, in_shadow=version.version == beside.version)
        if len(versions) > _SHOWN:
            st.caption(f"{len(versions) - _SHOWN} older versions are kept and can be reached over the API.")


def _row(session: Session, project: Project, version: Version, *, in_shadow: bool) -> None:
    name, accuracy, learnt, doing = st.columns([1, 1.9, 1.8, 2.4], vertical_alignment="center")
    with name:
        st.markdown(f"**Version {version.version}**")
        st.badge(version.status, color=_COLOURS.get(version.status, "gray"))
        if in_shadow:
            st.badge("in shadow", color="violet")
    with accuracy:
        st.markdown(_accuracy(version))
        st.caption(_measured(version))
    with learnt:
        on = version.trained_on
        st.markdown(
            f"{sentences.count(on.decisions, 'decision')}, {sentences.count(on.categories, 'category', 'categories')}"
        )
        if version.created_at:
            st.caption(f"{version.created_at:%d %b %Y, %H:%M} UTC")
    with doing, st.container(horizontal=True, horizontal_alignment="right"):
        number = version.version
        if st.button("Details", key=f"details-{number}"):
            found = session.api.version(project.slug, number)
            st.dialog(f"Version {number}", width="large")(_details)(session, project, found)
        if version.status in {"candidate", "retired"}:
            if st.button("Promote", key=f"promote-{number}"):
                serving = session.api.stats(project.slug).serving_model or 0
                _promote(session, project, session.api.compare(project.slug, serving, number))
            _shadow_button(session, project, number, in_shadow=in_shadow)
    if version.summary:
        st.caption(sentences.plain(version.summary))
    if version.fields:
        st.caption(sentences.learnt_from_fields(version.fields))


def _shadow_button(session: Session, project: Project, number: int, *, in_shadow: bool) -> None:
    if in_shadow:
        if st.button("End shadow", key=f"shadow-{number}", help="It answers no more."):
            session.api.take_out_of_shadow(project.slug, number)
            st.rerun(scope="fragment")
        return
    told = "It answers beside the version that serves. Its answers are kept, and nobody hears them."
    if st.button("Shadow", key=f"shadow-{number}", help=told):
        session.api.put_in_shadow(project.slug, number)
        st.rerun(scope="fragment")


def _accuracy(version: Version) -> str:
    metrics = version.metrics
    if metrics is None or metrics.accuracy is None:
        return "Accuracy: not measured"
    if metrics.accuracy_low is None:
        return f"Accuracy **{sentences.percent(metrics.accuracy)}**"
    low, high = sentences.percent(metrics.accuracy_low), sentences.percent(metrics.accuracy_high)
    return f"Accuracy **{sentences.percent(metrics.accuracy)}** ({low} to {high})"


def _measured(version: Version) -> str:
    on = version.metrics.measured_on if version.metrics else None
    if on is None:
        return "No blind checks yet that it did not learn from."
    if not isinstance(on, int):
        return f"Measured on {on}"
    passed_over = version.metrics.passed_over if version.metrics else None
    beside = f"; {passed_over:,} more got no answer" if passed_over else ""
    return f"Measured on {sentences.count(on, 'blind check')}{beside}"


def _details(session: Session, project: Project, version: Version) -> None:
    st.caption(_measured(version))
    if version.per_category:
        st.markdown("**By category**")
        st.dataframe(
            [
                {
                    "Category": one["category"],
                    "Precision": one["precision"],
                    "from": _bound(one, "precision_low"),
                    "to": _bound(one, "precision_high"),
                    "Recall": one["recall"],
                    "from ": _bound(one, "recall_low"),
                    "to ": _bound(one, "recall_high"),
                    "Blind checks": one["support"],
                }
                for one in version.per_category
            ],
            hide_index=True,
            column_config={
                name: st.column_config.NumberColumn(format="percent", help=told) for name, told in _SHARES.items()
            },
        )
    with guard(session):
        provenance.draw(session, project, version.version)
    st.markdown("**More numbers**")
    _numbers(version)


def _bound(one: dict[str, Any], name: str) -> float | None:
    """One end of an interval; None where nothing was counted, or the version is from before there were any."""
    counted = one["predicted"] if name.startswith("precision") else one["support"]
    return one.get(name) if counted else None


def _numbers(version: Version) -> None:
    metrics, automation = version.metrics, version.automation
    rows = {
        "Macro F1": f"{metrics.macro_f1:.3f}" if metrics and metrics.macro_f1 is not None else sentences.NOTHING,
        "Log loss": f"{metrics.log_loss:.3f}" if metrics and metrics.log_loss is not None else sentences.NOTHING,
        "Calibration error": f"{metrics.calibration_error:.3f}"
        if metrics and metrics.calibration_error is not None
        else sentences.NOTHING,
        "Accepts from a confidence of": sentences.percent(automation.threshold if automation else None),
        "Share of items accepted": sentences.percent(automation.share if automation else None),
        "Parent version": sentences.NOTHING if version.parent is None else str(version.parent),
        "Encoder": version.encoder or sentences.NOTHING,
        "Bundle sha256": version.artifact_sha256 or sentences.NOTHING,
    }
    st.table(rows, border="horizontal")


@st.dialog("Promote this version?", width="large")
def _promote(session: Session, project: Project, found: Comparison) -> None:
    number = found.b or 0
    st.write(f"Version {number} will answer from now on, in every process, at once. It can be rolled back.")
    comparison.draw(found)
    st.text_input("Why (kept in the history)", key=_WHY)
    if st.button("Promote", type="primary", key="promote-yes", on_click=_do, args=(session, project, number)):
        st.rerun()


@st.dialog("Roll back?")
def _roll_back(session: Session, project: Project) -> None:
    st.write("The version that served before will answer from now on. Nothing is deleted; decisions stay.")
    if st.button("Roll back", type="primary", key="roll-back-yes", on_click=_do, args=(session, project, None)):
        st.rerun()


def _do(session: Session, project: Project, number: int | None) -> None:
    """Promotes a version, or rolls back where no number is given; what came of it is said on the page."""
    try:
        if number is None:
            session.api.rollback(project.slug)
        else:
            why = str(st.session_state.get(_WHY, "")).strip()
            session.api.promote(project.slug, number, why or None)
        serving = session.api.stats(project.slug).serving_model or 0
    except (ApiError, ConnectionFailed) as error:
        st.session_state[_SAID] = (False, sentences.plain(sentences.trouble(error)))
    else:
        st.session_state[_SAID] = (True, f"Version {serving} serves now.")


page(current())
