"""Figures drawn as small pieces of HTML and SVG in the colours of the theme. Every text is escaped."""

from collections.abc import Mapping
from html import escape

import streamlit as st

_ACCENT = {"light": "#2e6a4d", "dark": "#7cc39b"}
_STYLE = """
<style>
.wf{font-size:15px;line-height:1.5}
.wf .soft{opacity:.72;font-size:14px}
.wf .big{overflow-wrap:anywhere;font:600 2.4rem/1.15 "Source Serif",Georgia,serif;font-variant-numeric:tabular-nums}
.wf .unit{opacity:.72;font:400 15px/1.4 "Source Sans",sans-serif;margin-left:.35em}
.wf .line{height:8px;border-radius:99px;background:color-mix(in srgb,currentColor 13%,transparent);
overflow:hidden;margin:.5rem 0 .45rem}
.wf .line span{display:block;height:100%;border-radius:99px;background:var(--wf)}
.wf table{border-collapse:collapse;width:100%}
.wf td{padding:.22rem .6rem .22rem 0;border:0;vertical-align:middle}
.wf td{overflow-wrap:anywhere}
.wf td.bar{width:52%}
.wf td.bar div{height:8px;border-radius:99px;background:var(--wf);min-width:2px}
.wf td.num{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums;padding-right:0}
.wf .band{position:relative;height:26px;margin-top:.4rem}
.wf .band i{position:absolute;top:50%;transform:translate(0,-50%)}
.wf .band .rail{left:0;right:0;height:2px;background:currentColor;opacity:.2}
.wf .band .range{height:10px;border-radius:99px;background:var(--wf);opacity:.38}
.wf .band .goal{height:24px;border-left:2px dashed currentColor;opacity:.75}
.wf .band .point{width:14px;height:14px;margin-left:-7px;border-radius:50%;background:var(--wf)}
.wf .ends{display:flex;justify-content:space-between}
.wf .say{display:flex;gap:.6rem;align-items:baseline;padding:.7rem 1rem;border-radius:.7rem;
border:1px solid color-mix(in srgb,var(--wf) 45%,transparent);
background:color-mix(in srgb,var(--wf) 9%,transparent)}
.wf .say.quiet{border-color:color-mix(in srgb,currentColor 16%,transparent);background:none}
.wf .say.quiet .dot{background:currentColor;opacity:.4}
.wf .dot{flex:none;width:9px;height:9px;border-radius:50%;background:var(--wf)}
.wf .busy .dot{animation:wf 1.4s ease-in-out infinite}
@keyframes wf{50%{opacity:.25}}
@media (prefers-reduced-motion:reduce){.wf .busy .dot{animation:none}}
</style>
"""


def accent() -> str:
    """The colour of the theme in use, `#rrggbb`."""
    return _ACCENT["dark" if st.context.theme.type == "dark" else "light"]


def _draw(body: str) -> None:
    st.html(f'{_STYLE}<div class="wf" style="--wf:{accent()}">{body}</div>')


def figure(value: str, unit: str = "", *, below: str = "", share: float | None = None) -> None:
    """One large number.

    Args:
        value: the number as it is to be read.
        unit: a word behind it.
        below: a sentence under it.
        share: 0 to 1: a line filled so far.
    """
    line = "" if share is None else f'<div class="line"><span style="width:{100 * min(1.0, share):.2f}%"></span></div>'
    unit_part = f'<span class="unit">{escape(unit)}</span>' if unit else ""
    _draw(f'<div class="big">{escape(value)}{unit_part}</div>{line}<div class="soft">{escape(below)}</div>')


def band(accuracy: float | None, low: float, high: float, target: float | None) -> None:
    """An accuracy (None: only its interval) on a scale that ends at 100 %; all values 0 to 1.

    The scale begins one step of ten below the lowest mark, so that the band can be seen.
    """
    marks = [low, high, *([target] if target is not None else [])]
    start = max(0.0, (int(min(marks) * 10) - 1) / 10)

    def at(value: float) -> str:
        return f"{100 * (value - start) / (1.0 - start):.2f}%"

    width = f"{100 * (high - low) / (1.0 - start):.2f}%"
    goal = "" if target is None else f'<i class="goal" style="left:{at(target)}"></i>'
    goal_text = "" if target is None else f"<span>target {target * 100:.0f} %</span>"
    point = "" if accuracy is None else f'<i class="point" style="left:{at(accuracy)}"></i>'
    label = f"Accuracy between {low * 100:.0f} % and {high * 100:.0f} %"
    _draw(
        f'<div class="band" role="img" aria-label="{label}"><i class="rail"></i>'
        f'<i class="range" style="left:{at(low)};width:{width}"></i>{goal}'
        f'{point}</div><div class="soft ends"><span>{start * 100:.0f} %</span>{goal_text}<span>100 %</span></div>'
    )


def bars(counts: Mapping[str, int]) -> None:
    """Counts by name as horizontal bars, largest first."""
    most = max(counts.values(), default=0) or 1
    ordered = sorted(counts.items(), key=lambda pair: -pair[1])
    rows = "".join(
        f'<tr><td>{escape(name)}</td><td class="bar"><div style="width:{100 * count / most:.1f}%"></div></td>'
        f'<td class="num">{count:,}</td></tr>'
        for name, count in ordered
    )
    _draw(f"<table>{rows}</table>")


def shares(of: Mapping[str, float]) -> None:
    """Shares (0 to 1) by name as horizontal bars, largest first."""
    rows = "".join(
        f'<tr><td>{escape(name)}</td><td class="bar"><div style="width:{100 * share:.1f}%"></div></td>'
        f'<td class="num">{100 * share:.0f} %</td></tr>'
        for name, share in sorted(of.items(), key=lambda pair: -pair[1])
    )
    _draw(f"<table>{rows}</table>")


def pairs(of: Mapping[str, tuple[float, float]]) -> None:
    """Two shares (0 to 1) a name: before as a pale bar, now as a full one, with the numbers."""
    rows = "".join(
        f'<tr><td>{escape(name)}</td><td class="bar"><div style="width:{100 * then:.1f}%;opacity:.4"></div>'
        f'<div style="width:{100 * now:.1f}%;margin-top:3px"></div></td>'
        f'<td class="num">{100 * then:.0f} % → {100 * now:.0f} %</td></tr>'
        for name, (then, now) in of.items()
    )
    _draw(f"<table>{rows}</table>")


def say(kind: str, sentence: str) -> None:
    """A banner: `busy` (with a pulsing dot), `done`, `quiet` or `failed`."""
    if kind == "failed":
        st.error(sentence)
        return
    _draw(
        f'<div class="say {escape(kind)}" role="status"><span class="dot"></span><span>{escape(sentence)}</span></div>'
    )
