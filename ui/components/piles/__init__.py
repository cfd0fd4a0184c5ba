"""Groups of like items as a grid: look over, untick the odd ones, settle the rest by one key.

A pure state machine (`state.js`), its drawing (`draw.js`) and the line to Python (`piles.js`), with the card's words,
storage and look. The browser sends a growing list as the card does: `{"entries": [...], "want": id | None}`.
"""

from pathlib import Path
from typing import Any

import streamlit as st

from ui.components.joined import joined

_FOLDER = Path(__file__).parent
_CARD = _FOLDER.parent / "card"
_MODULES = (
    _CARD / "words.js",
    _CARD / "keeping.js",
    _FOLDER / "state.js",
    _FOLDER / "draw.js",
    _FOLDER / "piles.js",
)


def script() -> str:
    """The modules as one."""
    return joined(_MODULES)


_piles = st.components.v2.component(
    "winnow_piles",
    js=script(),
    css="\n".join(
        (folder / name).read_text(encoding="utf-8") for folder, name in ((_CARD, "card.css"), (_FOLDER, "piles.css"))
    ),
)


def sent(key: str) -> dict[str, Any]:
    """What the browser last sent from the groups with this key; an empty dict before the first time."""
    state = st.session_state.get(key)
    out = state.get("out") if state is not None else None
    return dict(out) if isinstance(out, dict) else {}


def draw(key: str, data: dict[str, Any]) -> None:
    """Draws the group in front.

    Args:
        key: the widget's key.
        data: `user`, `project`, `which` (tells one choice of groups from another), `categories`, `batch`, `outcomes`,
            `trouble`; see `takeIn` in `state.js`.
    """
    _piles(key=key, data=data, on_out_change=_nothing)


def _nothing() -> None:
    """The state is read at the next run; Streamlit only keeps states that have a callback."""
