"""A text with the words marked that weigh for the answer or against it. Every text is escaped."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import streamlit as st

from ui.components.figures import accent

_STYLE = """
<style>
.ww{font-size:17px;line-height:1.62;white-space:pre-line;overflow-wrap:anywhere}
.ww mark{color:inherit;border-radius:3px;padding:0 .08em}
.ww .for{background:color-mix(in srgb,var(--wf) 22%,transparent);box-shadow:inset 0 -2px var(--wf)}
.ww .against{background:none;text-decoration:underline dotted 2px;text-underline-offset:4px}
.ww .key{font-size:14px;opacity:.8;margin-top:.8rem}
</style>
"""


def draw(text: str, words: Sequence[Mapping[str, Any]]) -> None:
    """Draws the text; `words` have `start`, `end` and `weight`."""
    key = (
        '<p class="key"><mark class="for">for the prediction</mark>, <mark class="against">against it</mark></p>'
        if words
        else ""
    )
    st.html(f'{_STYLE}<div class="ww" style="--wf:{accent()}"><div dir="auto">{marked(text, words)}</div>{key}</div>')


def marked(text: str, words: Sequence[Mapping[str, Any]]) -> str:
    """The text as HTML with its words marked; where two overlap, the first one counts."""
    parts, done = [], 0
    for word in sorted(words, key=lambda one: int(one["start"])):
        start, end = max(int(word["start"]), done), int(word["end"])
        if start >= end:
            continue
        kind = "for" if word["weight"] > 0 else "against"
        parts += [escape(text[done:start]), f'<mark class="{kind}">{escape(text[start:end])}</mark>']
        done = end
    return "".join([*parts, escape(text[done:])])
