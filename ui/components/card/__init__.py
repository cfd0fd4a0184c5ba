"""The review card: holds a leased batch in the browser, paints the next card on the keystroke.

The JavaScript is a pure state machine (`state.js`, `ranking.js`, `guide.js`), what the browser keeps (`keeping.js`),
the drawing (`draw.js`, `words.js`) and the line to Python (`card.js`). Streamlit takes one script, so the modules are
joined here.

What the browser sends is a growing list, `{"entries": [...], "want": {"id", "count"} | None, "why": item id | None,
"guide": category id | None}`: entries stay in it until Python acknowledges their nonce, so nothing is lost however fast
the keys come or however often the script runs again.
"""

from pathlib import Path
from typing import Any

import streamlit as st

from ui.components.joined import joined

_FOLDER = Path(__file__).parent
_MODULES = ("ranking.js", "words.js", "guide.js", "state.js", "keeping.js", "draw.js", "card.js")


def script() -> str:
    """The card's modules as one."""
    return joined(_FOLDER / name for name in _MODULES)


_card = st.components.v2.component(
    "winnow_review_card",
    js=script(),
    css=(_FOLDER / "card.css").read_text(encoding="utf-8"),
)


def sent(key: str) -> dict[str, Any]:
    """What the browser last sent from the card with this key; an empty dict before the first time."""
    state = st.session_state.get(key)
    out = state.get("out") if state is not None else None
    return dict(out) if isinstance(out, dict) else {}


def draw(key: str, data: dict[str, Any]) -> None:
    """Draws the card.

    Args:
        key: the widget's key.
        data: `user`, `project`, `categories`, `several`, `batch`, `outcomes`, `released`, `reasons`, `guide`,
            `trouble`, `open`, `rest`; see `receive` in `state.js`.
    """
    _card(key=key, data=data, on_out_change=_nothing)


def _nothing() -> None:
    """The state is read at the next run; Streamlit only keeps states that have a callback."""
