"""More of the Trends page: calibration, categories, drift, and the items behind a point."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import islice
from math import sqrt
from typing import Any

import streamlit as st

from ui import sentences
from ui.components import charts, figures, tables
from ui.components.listing import short
from ui.session import Session
from winnow.schemas import Decision, Project
from winnow.schemas_accountability import Checked
from winnow.schemas_findings import CategoryShare

_BINS = 5
_SHOWN = 100
_MIX = 12
_Z = 1.96
_STEPS = {"day": 1, "week": 7}
_DAYS = {"7 days": 7, "30 days": 30, "90 days": 90}


def behind_point(session: Session, project: Project, rows: Sequence[dict[str, Any]], step: str) -> None:
    """The blind checks of one day or week, right and wrong, each a link to its item."""
    with st.expander("The items behind a point"):
        starts = [begin(datetime.fromisoformat(str(row["at"])), step) for row in rows if row["at"]]
        since = st.selectbox(f"Which {step}", list(reversed(starts)), format_func=_day, key=f"behind-{step}")
        if since is None:
            return
        until = since + timedelta(days=_STEPS[step])
        made = session.api.decisions(project.slug, reason="audit", since=since, until=until)
        audits = [one for one in islice(made, _SHOWN) if one.said and one.categories]
        for one in sorted(audits, key=_right):
            _audit(project, one)
        if not audits:
            st.caption("No blind check that the machine had an answer to.")


def _right(one: Decision) -> bool:
    return bool(one.said and [one.said.category] == one.categories)


def _audit(project: Project, one: Decision) -> None:
    said = one.said
    if said is None:
        return
    verdict, by = "right" if _right(one) else "wrong", sentences.plain(one.reviewer or "Somebody")
    text, link = st.columns([5, 1], vertical_alignment="center")
    text.markdown(
        f"**{verdict}**: {by} said **{sentences.plain(', '.join(one.categories))}**, "
        f"version {said.model_version} had said "
        f"**{sentences.plain(said.category)}** ({sentences.percent(said.confidence)})"
    )
    to = {"project": project.slug, "item": one.item_id}
    link.page_link("views/item.py", label="Open", icon=":material/open_in_new:", query_params=to)


def begin(end: datetime, step: str) -> datetime:
    """The first moment of the day or week (UTC) that a point stands at the end of."""
    day = (end - timedelta(microseconds=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return day - timedelta(days=day.weekday()) if step == "week" else day


def _day(at: datetime) -> str:
    return f"{at:%d %b %Y}"


def calibration(project: Project, number: int, checked: Sequence[Checked]) -> None:
    """How often answers of each confidence are right."""
    st.subheader("Does the confidence mean what it says?", anchor=False)
    st.caption(
        f"Measured on the {sentences.count(len(checked), 'blind check')} that version {number} has not learnt from, in "
        "fifths of confidence; the bar is Wilson's 95 % interval. On the dotted line, answers are right as often as "
        "they say."
    )
    rows = bins(checked)
    if not rows:
        st.info("No blind check has been answered yet that this version did not learn from.")
        return
    charts.reliability(rows)
    tables.behind(rows, f"{project.slug}-calibration.csv")
    with st.expander("The items behind a point"):
        names = [f"{row['from']:.0%} to {row['to']:.0%}" for row in rows]
        picked = st.selectbox("Confidence", names, key="behind-calibration")
        row = rows[names.index(picked)] if picked in names else rows[0]
        for one in islice((one for one in checked if row["from"] <= one.confidence <= row["to"]), _SHOWN):
            _check(project, one)


def bins(checked: Sequence[Checked]) -> list[dict[str, Any]]:
    """Fifths of confidence that hold something: bounds, mean confidence, share right with its interval, count."""
    rows = []
    for place in range(_BINS):
        low, high = place / _BINS, (place + 1) / _BINS
        inside = [one for one in checked if low <= one.confidence < high or (high == 1 and one.confidence == 1)]
        if inside:
            right = sum(one.truth == one.answered for one in inside)
            least, most = wilson(right, len(inside))
            rows.append(
                {
                    "from": low,
                    "to": high,
                    "confidence": sum(one.confidence for one in inside) / len(inside),
                    "right": right / len(inside),
                    "low": least,
                    "high": most,
                    "blind_checks": len(inside),
                }
            )
    return rows


def wilson(hits: int, count: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    share = hits / count
    middle = (share + _Z**2 / (2 * count)) / (1 + _Z**2 / count)
    half = _Z / (1 + _Z**2 / count) * sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def _check(project: Project, one: Checked) -> None:
    text, link = st.columns([5, 1], vertical_alignment="center")
    verdict = "right" if one.truth == one.answered else f"wrong, it is {' + '.join(one.truth)}"
    text.markdown(f"**{' + '.join(one.answered)}** ({sentences.percent(one.confidence)}): {verdict}")
    text.text(short(one.excerpt))
    to = {"project": project.slug, "item": one.item_id}
    link.page_link("views/item.py", label="Open", icon=":material/open_in_new:", query_params=to)


def categories(project: Project, number: int, checked: Sequence[Checked]) -> None:
    """How much of each category is found, and how often its answers are right."""
    st.subheader("By category", anchor=False)
    st.caption(
        f"Version {number} on the same {sentences.count(len(checked), 'blind check')}. Found: of the items that belong "
        "there, the share it says so of. Right: of its answers with this category, the share that is."
    )
    rows = by_category(checked)
    if not rows:
        st.info("No blind check has been answered yet that this version did not learn from.")
        return
    st.dataframe(
        rows,
        hide_index=True,
        alt="Figures of each category",
        column_config={
            name: st.column_config.ProgressColumn(min_value=0.0, max_value=1.0, format="percent")
            for name in ("Found", "Right")
        },
    )
    st.download_button(
        "CSV",
        tables.as_csv(rows),
        f"{project.slug}-categories.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
    )


def by_category(checked: Sequence[Checked]) -> list[dict[str, Any]]:
    """One row a category that was given or answered, the most frequent first."""
    names = {name for one in checked for name in (*one.truth, *one.answered)}
    rows = []
    for name in names:
        true = [one for one in checked if name in one.truth]
        said = [one for one in checked if name in one.answered]
        hit = sum(name in one.answered for one in true)
        rows.append(
            {
                "Category": name,
                "Blind checks": len(true),
                "Found": hit / len(true) if true else None,
                "Right": hit / len(said) if said else None,
            }
        )
    return sorted(rows, key=lambda row: (-row["Blind checks"], row["Category"]))


def drift(session: Session, project: Project) -> None:
    """Whether what comes in now looks like what was there when the version was trained."""
    heading, since = st.columns([3, 1.2], vertical_alignment="center")
    heading.subheader("Has the stream changed?", anchor=False)
    days = _DAYS[since.selectbox("Of the last", list(_DAYS), label_visibility="collapsed", key="drift-days")]
    st.caption(
        f"Items of the last {days} days against all that were there when the serving version was trained. A shift says "
        "that something changed, not that answers got worse: blind checks say that."
    )
    with st.spinner("Comparing"):
        found = session.api.drift(project.slug, days)
    st.write(sentences.own_words(found.advice) + "." if found.advice else "Nothing to compare yet.")
    _mixed(found.mix, f"{project.slug}-drift.csv")
    if found.requests is None:
        return
    asked = f"{sentences.count(found.requests.recent, 'request')} of programs"
    says = "name other categories than the items did" if found.requests.shifted else "look like the items did"
    st.write(f"{asked} {says}.")
    _mixed(found.requests.mix, f"{project.slug}-requests-drift.csv")


def _mixed(mix: list[CategoryShare], filename: str) -> None:
    """What was said then and now, the largest change first."""
    mix = sorted(mix, key=lambda one: -abs(one.recent - one.reference))
    if mix:
        figures.pairs({one.category: (one.reference, one.recent) for one in mix[:_MIX]})
        tables.behind([{"category": one.category, "then": one.reference, "now": one.recent} for one in mix], filename)
