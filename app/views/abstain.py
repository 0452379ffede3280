"""Whether a chat model keeps silent where it should, and speaks where it can."""

import streamlit as st

from app import show
from app.figures import abstain as figures
from app.parts import abstaining, labelling, probing, thresholds
from tilelli.header import read_header

NO_HEAD = (
    "This checkpoint has no abstain head: there is no gate, and `abstain_p` is undefined. Only its words can decline. "
    "Fine-tuning a checkpoint to chat gives it one: `python -m tilelli sft --help`."
)
NOT_TUNED = (
    "This checkpoint was not tuned to chat: it goes on with texts, and was never shown how a question is answered. It "
    "can be asked all the same; what it says is not meant as an answer. "
)


def what_it_is(name: str) -> None:
    """Which checkpoint this is, and whether the question makes sense for it."""
    header = read_header(name)
    probing.subject(name)
    if not header.config.abstain:
        st.info(("" if header.provenance.get("tuning") else NOT_TUNED) + NO_HEAD)


def page(name: str) -> None:
    what_it_is(name)
    asked = probing.choose("abstain", "abstain", name, "abstain")
    if (result := probing.answered("abstain", asked)) is None:
        st.plotly_chart(figures.outcomes(None), key="abstain_waiting")
        show.elsewhere(asked.python, f"python -m probes run abstain {asked.options}")
        return
    abstaining.outcomes(result)
    abstaining.shares(result)
    abstaining.signals(result)
    st.subheader("What does the rule say that was written down before?", anchor=False)
    abstaining.verdicts(result)
    st.subheader("From when on should it keep silent?", anchor=False)
    show.guarded(thresholds.page, result, asked.seed)
    st.subheader("Is the judgement right?", anchor=False)
    show.guarded(labelling.page, result, asked.seed)
    commands = f"python -m probes run abstain {asked.options}\npython -m probes run threshold {asked.options}"
    show.elsewhere(asked.python, f"{commands} {thresholds.options()}".rstrip())


st.title("Does it know what it does not know?")
st.write(
    "A chat model is asked what it could know, and what it cannot. It can keep silent in two ways: its **gate** holds "
    "the reply back, or its **words** decline. Good is: right about what it could know, silent "
    "about what it cannot; and more so than the wording of a question alone would give away."
)
if chosen := st.session_state.get("checkpoint"):
    show.guarded(page, chosen)
