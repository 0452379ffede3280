"""Replies read by a person: right, wrong or abstained; kept in the store, counted beside the automatic judgement."""

from typing import TYPE_CHECKING

import streamlit as st

from app import services, stored
from app.parts.opened import NUMBER
from probes.by_hand import counted, order
from probes.report import number
from probes.store import labels

if TYPE_CHECKING:
    from typing import Any

    import pandas as pd

    from probes.result import ProbeResult

SAID = {labels.RIGHT: "Right", labels.WRONG: "Wrong", labels.ABSTAINED: "Abstained"}
FAIR = (
    "Rows come in an order drawn with the seed, so that whatever you have labelled when you stop is a fair sample. A "
    "label belongs to the question and the reply: it also counts for any other checkpoint that says the same."
)


def page(result: "ProbeResult", seed: int) -> None:
    """One reply to read, and the counts so far."""
    rows = result.rows
    replies = list(zip(rows["prompt"], rows["reply"], strict=True))
    with stored.store() as store:
        known = labels.read(store, replies)
    fair = order(len(rows), seed)
    waiting = [row for row in fair if known[row] is None]
    st.caption(FAIR)
    if st.session_state.get("abstain_row", 0) >= len(rows):
        del st.session_state["abstain_row"]
    first = (waiting or fair)[0]
    row = int(st.number_input("Row", 0, len(rows) - 1, first, key="abstain_row", help="Counted from 0."))
    _read(rows.iloc[row], known[row])
    after = next((other for other in waiting if other != row), first)
    _buttons(replies[row], known[row], after)
    _counts(rows, known)


def _read(row: "pd.Series[Any]", label: str | None) -> None:
    """A question with its reply, and what is said of it."""
    st.code(f"{row['prompt']} {row['reply']}", language=None, wrap_lines=True)
    there = "could know" if row["answerable"] else "cannot know"
    st.markdown(
        f"It {there} the answer. By machine, without the gate: **{row['ungated']}**. By hand: **{label or 'not yet'}**."
    )


def _buttons(reply: labels.Reply, label: str | None, after: int) -> None:
    """Right, wrong, abstained, or on to the next."""
    closed = services.read_only()
    with st.container(horizontal=True):
        for word, said in SAID.items():
            st.button(
                said,
                type="primary" if word == label else "secondary",
                key=f"abstain_{word}",
                on_click=_keep,
                args=(reply, word, after),
                disabled=closed,
            )
        gone = closed or label is None
        st.button("No label", key="abstain_unlabel", on_click=_keep, args=(reply, None, None), disabled=gone)
        st.button("Skip", key="abstain_skip", on_click=st.session_state.update, args=({"abstain_row": after},))
    if closed:
        st.caption("This dashboard is shared for reading: labels cannot be added.")


def _keep(reply: labels.Reply, word: str | None, after: int | None) -> None:
    with stored.store() as store:
        labels.put(store, reply, word)
    if after is not None:
        st.session_state["abstain_row"] = after


def _counts(rows: "pd.DataFrame", known: list[str | None]) -> None:
    """What both say of the labelled rows."""
    found = counted(rows, known)
    if not found.agreement.n:
        st.caption("No reply of this result is labelled yet.")
        return
    share, n = number(found.agreement), found.agreement.n
    st.markdown(f"Of **{n}** labelled rows, hand and machine say the same of {share}.")
    st.dataframe(found.table, hide_index=True, column_config={"by hand": NUMBER(), "automatic": NUMBER("by machine")})
    if found.parted:
        st.caption(f"They part on rows {', '.join(map(str, found.parted[:40]))}{' …' * (len(found.parted) > 40)}.")
