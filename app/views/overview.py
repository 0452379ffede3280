"""The first page: what this is, which checkpoints are here, what to try."""

import pandas as pd
import streamlit as st

from app import services, theme
from app.figures.checkpoints import gather

TO_TRY = (
    (
        "chat",
        "Talk to it",
        "chat",
        "Ask something small. Does it know, does it guess, or does it say that it does not know?",
    ),
    ("write", "Let it write", "edit", "Type a beginning, and see where it was sure and where it guessed."),
    ("routing", "See its choices", "alt_route", "Which pathway carried each byte of your own text, block by block?"),
    ("weights", "Look at its weights", "grid_on", "Are they really only −1, 0 and +1? How close are they to flipping?"),
    ("ablation", "Take it apart", "content_cut", "Take out one pathway after another, and measure what it was worth."),
    (
        "compare",
        "Hold it against others",
        "compare_arrows",
        "Which predicts a text better, and is that more than chance?",
    ),
)
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
            "held-out bits per byte": curve.bpb[-1] if (curve := gather(entry.name, entry.header.provenance)) else None,
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
        "Bits per byte: how many bits the model needs to guess the next byte of text it has never seen, as each "
        "measured it in training, on a text of its own. Lower is better; 8 is knowing nothing, gzip reaches about 3 on "
        "English. Choose one in the sidebar; it stays chosen."
    )
st.subheader("What to try first")
for row in (TO_TRY[:3], TO_TRY[3:]):
    for column, (page, label, icon, promise) in zip(st.columns(3), row, strict=True):
        with column.container(border=True, height="stretch"):
            st.page_link(f"views/{page}.py", label=f"**{label}**", icon=f":material/{icon}:")
            st.write(promise)
st.caption("Everything runs on this computer. Nothing is sent anywhere, and no figure needs a network.")
