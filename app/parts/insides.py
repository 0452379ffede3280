"""What differs inside two checkpoints of one shape: how they route and attend on one text, and their weights."""

import streamlit as st

from app import show
from app.figures import drift as drift_figures
from app.figures import twins as figures
from app.parts import side_by_side
from app.parts.side_by_side import Side
from probes.twins import Twins

SHARES = "Above zero it leans more on that pathway than A does, on this text, under the interventions in force."
HEADS = (
    "100 %: the same head keeps the very same bytes in both. Two models trained apart have no common order of heads: "
    "hover to see which head is most alike."
)
FLIPS = "A flip is a ternary weight that is another one than in A. The marks show what two unrelated models would have."
FLOATS = "0 %: the same numbers. Two unrelated tables of one size differ by about 141 % of their length."
CHOICES = (
    "A letter marks a choice that differs: the pathway that {letter} leans on most, where A leans on another. · is the "
    "same choice. Scroll sideways for the rest."
)


def page(sides: list[Side], text: bytes) -> None:
    """Routing, attention and weights of the first and another of one shape."""
    if not (alike := side_by_side.twins_of_first(sides)):
        return
    twins = side_by_side.twins(sides[0], _other(alike), text)
    for finding in twins.findings:
        st.markdown(f"- {finding}")
    left, right = st.columns(2)
    if twins.routing is not None:
        with left:
            show.picture(figures.shares(twins), twins.routing.shares, "compare_shares", SHARES)
    with right if twins.routing is not None else left:
        show.picture(figures.heads(twins), twins.attention, "compare_heads", HEADS)
    if twins.routing is not None:
        st.html(figures.choices_strip(twins))
        st.caption(CHOICES.format(letter=twins.letter))
    if any(row.relative_change for row in twins.weights.tensors):
        _weights(twins)


def _other(alike: list[Side]) -> Side:
    """The one that the first is held against: the user's choice, where there is one."""
    letters = {side.letter: side for side in alike}
    if len(alike) > 1:
        key, first = "compare_twin", alike[0].letter
        return letters[st.pills("A and", list(letters), default=first, required=True, key=key, bind="query-params")]
    return alike[0]


def _weights(twins: Twins) -> None:
    """How far each tensor is from its counterpart."""
    numbers = twins.weights.table()
    left, right = st.columns(2)
    with left:
        show.picture(drift_figures.flips(twins.weights), numbers, "compare_flips", FLIPS)
    with right:
        show.picture(drift_figures.floats(twins.weights), numbers, "compare_floats", FLOATS)
