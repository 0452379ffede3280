"""The first page: what this is, which checkpoints are here, what to try."""

import pandas as pd
import streamlit as st

from app import services, theme

st.title("What goes on inside a tiny language model?")
st.markdown(
    """
Tilelli Lab opens language models that are small enough to look at whole: a few thousand to a hundred million numbers,
reading and writing plain **bytes**. In every block of a *routed* model, each byte takes three pathways at once:

- **local**: a short filter over the last five bytes. Suited to spelling.
- **sparse**: attention that keeps only its 16 best matches. Suited to what was said before.
- **dense**: a feed-forward network whose weights are only −1, 0 or +1. Suited to facts and habits.

A small **router** decides, byte by byte, how much of each to use. *Vanilla* models, the plain transformer of the same
size, are here to compare with.
"""
)
entries = services.checkpoints()
good = [entry for entry in entries if entry.header]
st.subheader("Which checkpoints are here?")
if not good:
    st.info("None yet. The Checkpoints page says how to get one.")
else:
    rows = [
        {
            "checkpoint": entry.name,
            "kind": entry.header.config.kind,
            "parameters": theme.count(entry.header.num_parameters),
            "file": theme.size(entry.header.file_size),
            "held-out bits per byte": (entry.header.provenance.get("held_out") or [[0, None]])[-1][1],
            "from": entry.origin,
        }
        for entry in good
        if entry.header
    ]
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        column_config={"held-out bits per byte": st.column_config.NumberColumn(format="%.3f")},
    )
    st.caption(
        "Bits per byte: how many bits the model needs to guess the next byte of text it has never seen. Lower is "
        "better; 8 is knowing nothing, gzip reaches about 3 on English. Choose one in the sidebar; it stays chosen."
    )
st.subheader("What to try first")
left, middle, right = st.columns(3)
with left.container(border=True):
    st.page_link("views/write.py", label="**Let it write**", icon=":material/edit:")
    st.write("Type a beginning, watch it go on byte by byte, and see where it was sure and where it guessed.")
with middle.container(border=True):
    st.page_link("views/routing.py", label="**See its choices**", icon=":material/alt_route:")
    st.write("Put in a text of your own and see which pathway carried each byte, block by block.")
with right.container(border=True):
    st.page_link("views/weights.py", label="**Look at its weights**", icon=":material/grid_on:")
    st.write("Are they really only −1, 0 and +1? See how many of each, and how close the others are to flipping.")
st.caption("Everything runs on this computer. Nothing is sent anywhere, and no figure needs a network.")
