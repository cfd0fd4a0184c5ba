"""What a version mistakes for what: a table of true categories against answered ones."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import streamlit as st

from ui.components.figures import accent

_MOST = 14  # categories; more do not fit across a page
_PAIRS = 30
_FAINT = 12  # percent of colour that one answer gets
_STYLE = """
<style>
.wc{overflow-x:auto}
.wc table{border-collapse:collapse;font-size:14px;font-variant-numeric:tabular-nums}
.wc th{font-weight:400;opacity:.8;padding:.3rem .6rem;text-align:left;border:0;vertical-align:bottom}
.wc td{padding:.35rem .7rem;text-align:right;border:1px solid color-mix(in srgb,currentColor 12%,transparent);
min-width:3.2rem;background:color-mix(in srgb,var(--wf) var(--much,0%),transparent)}
.wc td.right{font-weight:600}
.wc td.wrong{--wf:#c05a1c}
</style>
"""


def draw(counts: Sequence[Mapping[str, Any]]) -> None:
    """Draws the counts.

    Args:
        counts: `true`, `answered` (names) and `count`, only where it occurred.
    """
    names = sorted({str(one[side]) for one in counts for side in ("true", "answered")})
    if len(names) > _MOST:
        _pairs(counts)
        return
    by_pair = {(str(one["true"]), str(one["answered"])): int(one["count"]) for one in counts}
    most = max(by_pair.values(), default=1)
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    rows = "".join(
        f'<tr><th scope="row">{escape(true)}</th>'
        + "".join(_cell(by_pair.get((true, answered), 0), most, right=true == answered) for answered in names)
        + "</tr>"
        for true in names
    )
    st.html(
        f'{_STYLE}<div class="wc" style="--wf:{accent()}"><table><thead><tr><th>in truth ↓ · answered →</th>{head}'
        f"</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _cell(count: int, most: int, *, right: bool) -> str:
    much = 0 if not count else _FAINT + round((55 - _FAINT) * count / most)
    kind = "right" if right else "wrong" if count else ""
    return f'<td class="{kind}" style="--much:{much}%">{count or "·"}</td>'


def _pairs(counts: Sequence[Mapping[str, Any]]) -> None:
    wrong = sorted((one for one in counts if one["true"] != one["answered"]), key=lambda one: -one["count"])
    if not wrong:
        st.caption("No mistakes among the blind checks.")
        return
    st.dataframe(
        [{"In truth": one["true"], "Answered": one["answered"], "How often": one["count"]} for one in wrong[:_PAIRS]],
        hide_index=True,
    )
