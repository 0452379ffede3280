"""The parts of the Metacognition page: two questions, never mixed; the rule; and forced choices."""

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from app import show
from app.figures import metacognition as figures
from app.parts.opened import lines
from probes.metacognition import FAILED, FAILURE, HELD_BACK, REFERENCE, SHIFTED
from probes.report import number
from probes.reports.behind import behind
from probes.reports.escape import in_markdown
from probes.reports.words import SAID
from probes.signals import COMBINED, LENGTH, SIGNALS
from probes.verdict import Claim, Verdict

if TYPE_CHECKING:
    from probes.result import ProbeResult

QUESTIONS = {
    SHIFTED: (
        "Does it notice what is foreign to it?",
        "Each column is a kind of question that is held against ordinary ones, `in_domain`; the column `in_domain` "
        "itself holds them against all others together. A cell says how often the signal finds the foreign one of two "
        "the more doubtful: 0.5, grey, is chance, 1 is always, and below 0.5 it points the wrong way.",
    ),
    FAILED: (
        "Does it notice when it is wrong?",
        "Now a cell says how often the signal finds the wrong one of two replies the more doubtful, whatever the "
        "question was about; the column `all` is over all kinds. Replies that decline in words are neither right nor "
        "wrong, and left out. A cell without colour is undefined: its replies are all right, or all wrong.",
    ),
}
LENGTHS = (
    f"`{LENGTH}` knows nothing but how long the prompt is, and stands in the direction that suits it best: what is not "
    "above it may be length. The second mark compares prompts of about one length only. "
)
LEARNED = (
    f"`{COMBINED}` is learned from all others with the answers at hand, and judged only on questions that it did not "
    "learn from (five folds, or the calibration rows): it is what could be had with labels, not what the model knows."
)
SPANS = "Lines are 95 % intervals, from questions drawn again and again within each kind. At the dashed line: chance. "
RULE = {
    SHIFTED: (
        "How much better than the best of its baselines a signal is, in each kind of question. It wins a kind where "
        "its mark is at the dashed line or right of it and its whole interval right of 0. The rule was written down "
        "before anything was measured; *length too* is the same with the length of the prompt among the baselines."
    ),
    FAILED: "The same for wrong replies: the published rule says nothing of them, so length is always a baseline here.",
}
SURE = (
    "Asked to choose between two, how sure was it? The further the right choices stand to the right of the wrong "
    "ones, the better it knows when it knows."
)
TYPE2 = (
    "**d'** says how well it chooses; **meta-d'** how well its confidence tells right choices from wrong ones, in the "
    "same unit; **M-ratio** is the second divided by the first: at 1 its confidence knows all that its choice knew, "
    "at 0 nothing. Intervals are from whole groups of choices, drawn again."
)


def question(result: "ProbeResult", title: str) -> None:
    """One of the two questions: all signals in all regimes, one regime with intervals, the rows behind each."""
    heading, caption = QUESTIONS[title]
    st.subheader(heading, anchor=False)
    table, key = result.tables[title], f"metacognition_{title.split()[0]}"
    if table.empty:
        st.info(f"The bank has no part `{REFERENCE}` beside others, so this cannot be told. Choose the bank `regimes`.")
        return
    if table["auroc"].isna().all():
        st.info("Undefined: all replies are right, or all are wrong, so there is nothing to tell apart.")
    show.picture(figures.grid(table), table, f"{key}_grid", caption)
    regimes = list(dict.fromkeys(table["regime"]))
    if st.session_state.get(f"{key}_regime") not in (None, *regimes):
        del st.session_state[f"{key}_regime"]
    regime = st.selectbox("Closer, with intervals", regimes, key=f"{key}_regime", bind="query-params")
    own = table[table["regime"] == regime].reset_index(drop=True)
    combined = LEARNED if COMBINED in set(own["signal"]) else ""
    show.picture(figures.signals(table, regime), own, f"{key}_signals", SPANS + LENGTHS + combined)
    with st.expander("Numbers, and the questions behind each"):
        numbers(result, own, title, f"{key}_numbers")


def numbers(result: "ProbeResult", table: pd.DataFrame, title: str, key: str) -> None:
    """The table of one regime; a line opens its rows."""
    prefix = FAILURE if title == FAILED else ""
    meaning = table["signal"].map(lambda name: SIGNALS[name].says if name in SIGNALS else "")
    told = table.rename(columns={"auroc": "value"}).assign(meaning=meaning)

    def which(line: int) -> "pd.Series[bool]":
        return behind(result, (f"{prefix}{table['regime'][line]}", f"AUROC of {table['signal'][line]}"))

    lines(told, result.rows, which, key)


def rule(result: "ProbeResult") -> None:
    """The verdicts, with what has to be known to believe them, and how they come about."""
    claims = [(verdict, verdict.rule) for verdict in result.verdicts if isinstance(verdict.rule, Claim)]
    if not claims or "rule" not in result.tables:
        st.caption("No rule is attached to this bank. The bank `regimes` has the published one.")
        return
    for note in result.notes:
        if note.startswith(HELD_BACK):
            st.warning(in_markdown(note))
    st.markdown(f"The rule: {in_markdown(claims[0][1])}.")
    st.markdown("\n".join(f"- {said(verdict, claim)}" for verdict, claim in claims))
    table, margin = result.tables["rule"], claims[0][1].margin
    for title in (SHIFTED, FAILED):
        own = table[table["question"] == title].reset_index(drop=True)
        if len(own):
            show.picture(
                figures.rule(own, margin, QUESTIONS[title][0]),
                own,
                f"metacognition_rule_{title.split()[0]}",
                RULE[title],
            )
            with st.expander("What the rule says of each kind, and the questions behind it"):
                ruled(result, own, f"metacognition_ruled_{title.split()[0]}")


def said(verdict: Verdict, claim: Claim) -> str:
    """A verdict as a line: which signal, which question, what came of it, in how many kinds of question."""
    asks = "wrong?" if claim.parts[0].startswith(FAILURE) else "foreign?"
    how = "with length among the baselines" if LENGTH in claim.baselines else "as published"
    won = verdict.measured
    count = f"; {won.value:.0f} of {won.n} kinds won" if won is not None and won.value is not None else ""
    return f"*{asks}* **{in_markdown(claim.signal)}**, {how}: {SAID[verdict.word]}{count}."


def ruled(result: "ProbeResult", own: pd.DataFrame, key: str) -> None:
    """The rule, line by line; a line opens the rows it was read on."""
    prefix = FAILURE if (own["question"] == FAILED).any() else ""
    told = own.drop(columns="question").rename(columns={"difference": "value"})
    lines(told, result.rows, lambda at: behind(result, (f"{prefix}{own['regime'][at]}", "AUROC")), key)


def choices(result: "ProbeResult") -> None:
    """meta-d' and M-ratio, and how sure right and wrong choices were."""
    own = {name: figure for (part, name), figure in result.figures.items() if part == "choices"}
    trials = result.tables.get("choices")
    if not own or trials is None:
        st.caption("No forced choice was made.")
        return
    with st.container(horizontal=True):
        for name, figure in own.items():
            st.metric(name, number(figure).partition(" ")[0], border=True, help=number(figure))
    st.caption(TYPE2 + " " + "; ".join(f"{name} {number(figure)}" for name, figure in own.items()) + ".")
    show.picture(figures.sure(trials), trials, "metacognition_sure", SURE)
    with st.expander("Counts, and the choices behind each"):
        counts = trials.groupby(["right"], as_index=False).agg(
            n=("confidence", "size"), confidence=("confidence", "mean")
        )
        lines(counts, trials, lambda at: trials["right"] == counts["right"][at], "metacognition_choices")


def notes(result: "ProbeResult") -> None:
    """What to know before believing a figure."""
    for note in result.notes:
        if not note.startswith(HELD_BACK):
            st.caption(f"Note: {in_markdown(note)}")
