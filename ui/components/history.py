"""Everything that was decided about an item, newest first, with what the machine had said."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import streamlit as st

from ui import sentences

_ACTIONS = {
    "accept": "accepted",
    "correct": "chosen",
    "skip": "skipped",
    "flag": "flagged",
    "undo": "taken back",
}


def draw(decisions: Sequence[Mapping[str, Any]]) -> None:
    """Draws the decisions as the API gives them."""
    if not decisions:
        st.caption("Nobody has decided it yet.")
        return
    st.dataframe([_row(one) for one in sorted(decisions, key=_number, reverse=True)], hide_index=True, alt="History")


def _number(one: Mapping[str, Any]) -> int:
    return int(one["id"])


def _row(one: Mapping[str, Any]) -> dict[str, object]:
    said = one.get("said")
    return {
        "When": datetime.fromisoformat(str(one["created_at"])),
        "Who": one["reviewer"],
        "What": _ACTIONS.get(one["action"], one["action"]),
        "Category": ", ".join(one["categories"]),
        "The machine had said": _said(said) if said else "",
        "In view": "no" if one["blind"] or not said else "yes",
        "Asked as": sentences.reason(one["reason"], None)[0] if one["reason"] else "looked up",
        "Seconds": one["seconds"],
        "Note": one["note"] or "",
    }


def _said(said: Mapping[str, Any]) -> str:
    return f"{said['category']} ({sentences.percent(said['confidence'])}, version {said['model_version']})"
