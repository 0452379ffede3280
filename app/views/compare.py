"""Two to four checkpoints side by side: what they are, how they read, how they write, and what differs inside."""

import streamlit as st

from app import inputs, show
from app.figures import compare as figures
from app.parts import chorus, insides, probed, side_by_side
from app.parts.side_by_side import Side
from probes.compare import Comparison, settings
from tilelli.header import read_header

MOST_BYTES, MOST_DRAWN = 4096, 256  # read at once, and drawn at once, so that an old laptop keeps up
DIFFERENCES = (
    "Left of the dashed line it needs fewer bits than A: it predicts the text better. Each line is the 95 % interval: "
    "what more text like this would show. One that crosses the dashed line shows no difference."
)
AHEAD = "Where a line rises, that checkpoint predicts better than A; where it falls, A does. Flat: both alike."


def what_they_are(sides: list[Side]) -> None:
    """What they say of themselves, and where their configurations differ."""
    table, columns = side_by_side.facts_of(sides), side_by_side.COLUMNS
    st.dataframe(table, hide_index=True, column_config=columns, placeholder="–")
    if len(differing := settings([read_header(side.name) for side in sides])):
        st.caption("What differs in their configurations. All that is not listed is the same.")
        st.dataframe(differing, hide_index=True)
    else:
        st.caption("Their configurations are the same.")


def how_they_read(result: Comparison) -> None:
    """Bits per byte with the differences, and who is better at which byte."""
    for column, letter, reading in zip(st.columns(4), result.letters, result.readings, strict=False):
        column.metric(f"{letter}, bits per byte", f"{reading.bpb:.3f}", help="The fewer, the better it predicts.")
    for finding in result.findings:
        st.markdown(f"- {finding}")
    show.picture(figures.differences(result), result.table, "compare_differences", DIFFERENCES)
    spare = len(result.text) - MOST_DRAWN
    start = inputs.slide(f"First of the {MOST_DRAWN} bytes drawn", 0, spare, "compare_from") if spare > 0 else 0
    view = result.window(start, MOST_DRAWN)
    st.html(figures.key(result))
    st.html(figures.best_strip(view))
    st.caption("Each cell is one byte on the colour of whoever gave it the largest probability. Hover to see them all.")
    if len(result.readings) > 2:
        st.html(figures.pairs_strip(view))
        st.caption("One row for each of the others against A alone; the letter is the better one. Scroll sideways.")
    show.picture(figures.ahead(result), result.rows, "compare_ahead", AHEAD)


def page(first: str) -> None:
    sides = side_by_side.choose(first)
    if len(sides) < 2:
        st.info("Choose one to three more above, and this page shows how they differ.")
        return
    what_they_are(sides)
    st.subheader("Who predicts a text better?", anchor=False)
    if text := inputs.ask_text(MOST_BYTES, "this page"):
        how_they_read(side_by_side.read(sides, text))
    st.subheader("How does each go on?", anchor=False)
    show.guarded(chorus.page, sides)
    if text:
        st.subheader("What differs inside?", anchor=False)
        show.guarded(insides.page, sides, text)
    st.subheader("What have probes found of them?", anchor=False)
    show.guarded(probed.page, sides)
    if text:
        python, command = side_by_side.elsewhere(sides, text)
        show.elsewhere(python, "\n".join([command, *chorus.commands(sides)]))


st.title("How do checkpoints differ?")
st.write(
    "**A** is the checkpoint in the sidebar. Choose what it stands beside: all get the same text, the same prompt and "
    "the same seed. The address of this page holds the whole comparison: send it, and another sees the same."
)
if chosen := st.session_state.get("checkpoint"):
    show.guarded(page, chosen)
