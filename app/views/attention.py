"""Which earlier bytes each byte looks at, head by head, over the user's own text."""

import streamlit as st

from app import inputs, services, show, sidebar, theme
from app.figures import attention as figures
from probes.attention import grid, heads, kept_set, reach
from tilelli.header import read_header

PYTHON = """
from probes.attention import heads, kept_set, reach
from tilelli.base import ByteLM
from tilelli.checkpoint import load
from tilelli.trace import trace

seen = trace(load({name!r}, ByteLM), list({text!r}))
print(kept_set(seen, {block}, {head}, {byte}).table())  # block, head and byte, all counted from 0
print(reach(seen, {block}, {head}).table())
print(heads(seen).table().round(3))
"""
NOTES = {
    "vanilla": "This is a vanilla model: it keeps every earlier byte, however small its share. Only 24 get a line.",
    "routed": "This is a routed model: in every head a byte keeps only its {k} best matches. {full} of the bytes here "
    "fill all {places} places; the first of a text have fewer to choose from.",
}
COLUMNS = {"attention": st.column_config.NumberColumn(format="percent", width="small")}
CAPTIONS = (
    "Lines lead from the framed byte to those it keeps: the thicker, the more attention. What comes later is faint.",
    "Each row is a byte that looks, each column a byte looked at. On the diagonal a byte looks at itself.",
    "Where the orange bar is higher, bytes at that distance get more attention than their number alone would give.",
)


def page(name: str) -> None:
    config = read_header(name).config
    st.caption(inputs.describe(name))
    text = inputs.ask_text(config.context)
    if text is None:
        return
    trace = services.trace(name, text, sidebar.interventions(name))
    every = heads(trace)
    full = theme.percent(float(every.filled.mean()))
    st.info(NOTES[config.kind].format(k=config.top_k, full=full, places=every.places))
    left, middle, right = st.columns([1, 1, 3])
    block = left.selectbox("Block", range(1, config.n_blocks + 1), key="attention_block", bind="query-params") - 1
    head = middle.selectbox("Head", range(1, config.n_heads + 1), key="attention_head", bind="query-params") - 1
    last = len(text) - 1
    byte = right.slider("Byte that looks", 0, last, last, key="attention_byte", bind="query-params") if last else 0
    kept = kept_set(trace, block, head, byte)
    st.subheader("What does this byte look at?", anchor=False)
    left, right = st.columns([5, 2])
    with left:
        show.picture(figures.lines(kept, text), kept.table(), "attention_lines", CAPTIONS[0])
    right.dataframe(figures.ranking(kept, text), hide_index=True, column_config=COLUMNS)
    st.subheader("And all the others?", anchor=False)
    square, distances = grid(trace, block, head, byte), reach(trace, block, head)
    left, right = st.columns(2)
    with left:
        show.picture(figures.square(square, text), square.table(), "attention_square", CAPTIONS[1])
    with right:
        show.picture(figures.distances(distances), distances.table(), "attention_reach", CAPTIONS[2])
    st.subheader("Does every head look alike?", anchor=False)
    for column, (draw, caption) in zip(st.columns(3), figures.EVERY_HEAD, strict=True):
        with column:
            show.picture(draw(every), every.table(), f"attention_{draw.__name__}", caption.format(places=every.places))
    show.elsewhere(PYTHON.format(name=name, text=text, block=block, head=head, byte=byte))


st.title("Which earlier bytes does each byte look at?")
st.write(
    "To guess what comes next, each byte may look at itself and at those before it. It has 100 % of **attention** to "
    "share out. Every block has several **heads**, and each shares out in its own way: one may look at the byte just "
    "before, another at the last time the same word was used."
)
if chosen := st.session_state.get("checkpoint"):
    show.guarded(page, chosen)
