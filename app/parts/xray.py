"""X-ray of one byte: a panel for any page that shows a text. It computes nothing until it is opened."""

import html
import shlex
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from app import inputs, services, show, sidebar
from app.figures import xray as figures

if TYPE_CHECKING:
    from probes.xray import Xray

PYTHON = """
from probes.xray import xray
from tilelli.base import ByteLM
from tilelli.checkpoint import load
from tilelli.interventions import parse

found = xray(load({name!r}, ByteLM), list({text!r}), {place}, parse({changes!r}))
print(*found.findings, sep="\\n")
for title, table in found.tables().items():
    print(title, table.to_string(index=False), sep="\\n")
"""
COMMAND = """{write}
python -m probes run xray --checkpoint {name} --text text.txt --byte {place}{under} --json xray.json"""
STRIP = (
    "Blue: the byte that is looked at. Orange: the bytes it was predicted from, the stronger, the more attention all "
    "heads of all blocks together paid them. What stands after the blue one was not seen."
)
CAPTIONS = {
    "guesses": "The likeliest bytes at this place; the blue one came.",
    "lens": "The stream after each block, read out as if it were the last. Blue: this byte. Grey: what was in front, "
    "with its sign. Early blocks were not trained to be read: take theirs as a hint.",
    "pathways": "The router's weights where this byte was predicted: how far each pathway was turned up.",
    "ablations": "In each cell that pathway of that block is removed, for the whole text, and the byte predicted anew. "
    "Orange: more of a surprise, so the pathway helps here. Blue: less of one. "
    "The same is done to every page by writing, say, `remove:sparse@2` into the sidebar.",
    "kept": "One row a head, numbered by block and head: the bytes it looked at most, each with how many bytes back it "
    "stands and its share of the head's attention.",
}
SHARPEST = " Of {} heads those {} that look most sharply; the numbers have all."
VANILLA = "This is a vanilla model: it has no router and no pathways, so there are none to show or to remove."
LONGER = (
    "The model reads {} bytes at once: here bytes {} to {}. While writing, its window moves in larger steps, so it may "
    "have read fewer."
)


def panel(name: str, text: bytes, prefix: str, first: int = 1, interventions: str | None = None) -> None:
    """An expander under a text, closed at first.

    Args:
        name: the checkpoint. text: what stands on the page.
        prefix: begins every key, and the names in the URL: the page's own, and one for each text on it.
        first: number of the first byte that can be chosen.
        interventions: under which the text is read; None for those of the sidebar.
    """
    st.fragment(_box, key=f"{prefix}_xray_box")(name, text, prefix, first, interventions)


def _box(name: str, text: bytes, prefix: str, first: int, interventions: str | None) -> None:
    box = st.expander("X-ray of one byte", key=f"{prefix}_xray", icon=":material/search:", bind="query-params")
    if box.open:
        with box:
            show.guarded(_inside, name, text, prefix, first, interventions)


def _inside(name: str, text: bytes, prefix: str, first: int, interventions: str | None) -> None:
    if len(text) <= first:
        st.info("A byte is predicted from those before it: there have to be at least two.")
        return
    changes = sidebar.interventions(name) if interventions is None else interventions
    place = _ask_place(first, len(text) - 1, f"{prefix}_xray_byte")
    found = services.xray(name, text, place, changes)
    st.html(figures.place(found, text))
    st.caption(STRIP)
    st.html("".join(f"<p style='margin:.2em 0;font-size:1.05rem'>{html.escape(line)}</p>" for line in found.findings))
    if found.first:
        st.caption(LONGER.format(len(found.read), found.first, place - 1))
    _pictures(found, prefix)
    _elsewhere(name, text, place, changes)


def _ask_place(first: int, last: int, key: str) -> int:
    """A slider over the bytes, and a button to either side for the next one."""

    def step(by: int) -> None:
        st.session_state[key] = min(last, max(first, st.session_state[key] + by))

    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        place = first
        if last > first:
            place = inputs.slide("Byte, counted from 0", first, last, key, at=last)
        for sign, by, help_ in (("‹", -1, "The byte before"), ("›", 1, "The next byte")):
            off = not first <= place + by <= last
            st.button(sign, key=f"{key}_{by}", help=help_, on_click=step, args=(by,), disabled=off)
    return place


def _pictures(found: "Xray", prefix: str) -> None:
    routed = found.router is not None
    pairs = [("guesses", found.alternatives(), "lens", found.stages())]
    if routed:
        pairs.append(("pathways", found.pathways(), "ablations", found.ablations()))
    for one, numbers, other, others in pairs:
        left, right = st.columns(2)
        with left:
            _draw(found, one, numbers, prefix)
        with right:
            _draw(found, other, others, prefix)
    if not routed:
        st.caption(VANILLA)
    heads, shown = found.kept.shape[0] * found.kept.shape[1], figures.SHOWN_HEADS
    _draw(found, "kept", found.heads(len(found.read)), prefix, SHARPEST.format(heads, shown) if heads > shown else "")


def _draw(found: "Xray", what: str, numbers: pd.DataFrame, prefix: str, more: str = "") -> None:
    show.picture(getattr(figures, what)(found), numbers, f"{prefix}_xray_{what}", CAPTIONS[what] + more)


def _elsewhere(name: str, text: bytes, place: int, changes: str) -> None:
    under = f" --intervene {shlex.quote(changes)}" if changes else ""
    values = {"name": shlex.quote(name), "write": show.as_file(text, "text.txt"), "place": place, "under": under}
    show.elsewhere(PYTHON.format(name=name, text=text, place=place, changes=changes), COMMAND.format(**values))
