"""Parts of one checkpoint in another: what fits, what it does to a text, and keeping it."""

import shlex

import streamlit as st

from app import inputs, show
from app.figures import compare as figures
from app.parts import side_by_side, splices
from tilelli.header import SPLICE

MOST_BYTES, MOST_DRAWN = 4096, 256  # read at once, and drawn at once
CAPTION = (
    "Right of the dashed line it predicts the text worse than the base. Each line is the 95 % interval: what more text "
    "like this would show. If the line of the splice crosses the dashed one, no effect can be seen in this text."
)


def page(name: str) -> None:
    st.markdown(f"Base: {inputs.describe(name)}")
    splices.ancestry(name)
    if (spliced := splices.choose(name)) is None:
        return
    donor = spliced.rsplit(SPLICE, 1)[1]
    st.subheader("What was taken, and what does it do?", anchor=False)
    st.markdown(splices.account(spliced))
    show.guarded(splices.use_or_keep, spliced)
    if not (text := inputs.ask_text(MOST_BYTES, "this page")):
        return
    sides = side_by_side.lettered(side_by_side.usable([name, spliced, donor]))
    result = side_by_side.read(sides, text)
    roles = {name: "base", spliced: "splice", donor: "donor"}
    for column, side, reading in zip(st.columns(3), sides, result.readings, strict=False):
        column.metric(f"{side.letter}, the {roles[side.name]}, bits per byte", f"{reading.bpb:.3f}")
    for finding in result.findings:
        st.markdown(f"- {finding}")
    show.picture(figures.differences(result), result.table, "splice_differences", CAPTION)
    st.html(figures.key(result))
    st.html(figures.best_strip(result.window(0, MOST_DRAWN)))
    drawn = f"The first {MOST_DRAWN} bytes are drawn. " if len(text) > MOST_DRAWN else ""
    st.caption(f"{drawn}Each cell is one byte on the colour of whoever gave it the largest probability. Hover for all.")
    python, command = side_by_side.elsewhere(sides, text, inside=False)
    show.elsewhere(python, f"{command}\npython -m tilelli splice {shlex.quote(spliced)} --out runs/my-splice")


st.title("What sits in which part?")
st.write(
    "Take a part of one model, the **donor**, and put it in the place of the same part of another, the **base**. If "
    "the result behaves like the base, the part does not matter or is alike in both; if not, something sits there."
)
if chosen := st.session_state.get("checkpoint"):
    show.guarded(page, chosen)
