"""What the Attention page shows: one head closely, and all heads at once."""

import streamlit as st

from app import show
from app.figures import attention as figures
from app.figures import heads as all_heads
from probes.attention import Grid, KeptSet, Reach
from probes.survey import Survey

SHARE = st.column_config.NumberColumn(format="percent", width="small")
PERCENT = st.column_config.NumberColumn(format="percent")
COLUMNS = {
    "share": PERCENT,
    "chance": PERCENT,
    "excess": st.column_config.NumberColumn("beyond chance", format="percent"),
    "low": st.column_config.NumberColumn("95 % from", format="percent"),
    "high": st.column_config.NumberColumn("to", format="percent"),
    "p": st.column_config.NumberColumn(format="%.1e", help="By chance, after Holm over all heads and rules."),
}


def show_byte(kept: KeptSet, text: bytes) -> None:
    """What one byte looks at, in one head."""
    st.subheader("What does this byte look at?", anchor=False)
    left, right = st.columns([5, 2])
    with left:
        show.picture(figures.lines(kept, text), kept.table(), "attention_lines", figures.lines_caption(kept, len(text)))
    right.dataframe(figures.ranking(kept, text), hide_index=True, column_config={"attention": SHARE})


def show_head(square: Grid, reach: Reach, text: bytes) -> None:
    """What every byte looks at, in the same head."""
    st.subheader("And all the others?", anchor=False)
    left, right = st.columns(2)
    with left:
        caption = figures.square_caption(square, len(text))
        show.picture(figures.square(square, text), square.table(), "attention_square", caption)
    with right:
        show.picture(figures.distances(reach), reach.table(), "attention_reach", figures.REACH_CAPTION)


def show_rules(found: Survey) -> None:
    """Which simple rules every head follows."""
    st.subheader("Does a head follow a simple rule?", anchor=False)
    show.picture(all_heads.rules(found.roles), found.roles.table(), "attention_rules", all_heads.RULES_CAPTION)
    named = all_heads.list_of_rules(found.roles)
    st.caption(all_heads.summary(found.roles))
    if len(named):
        st.dataframe(named, hide_index=True, column_config=COLUMNS)


def show_averages(found: Survey) -> None:
    """One number a head, which the reader chooses."""
    st.subheader("What does each head do on average?", anchor=False)
    names = {name: shown.title for name, shown in all_heads.MEASURES.items()}
    key = "attention_measure"
    name = st.selectbox("Shown", list(names), format_func=lambda name: names[name], key=key, bind="query-params")
    caption = all_heads.MEASURES[name].caption.format(top_k=found.heads.top_k, places=found.heads.places)
    show.picture(all_heads.measure(found.heads, name), found.heads.table(), "attention_heads", caption)


def show_alike(found: Survey) -> None:
    """Which heads do the same."""
    st.subheader("Do any heads do the same?", anchor=False)
    fig, numbers = all_heads.likeness(found.alike), found.alike.table()
    show.picture(fig, numbers, "attention_alike", all_heads.alike_caption(found.alike))
    for finding in found.alike.findings:
        st.write(finding)
