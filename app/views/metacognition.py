"""Whether any signal of a model knows what the model does not."""

import streamlit as st

from app import show
from app.figures import metacognition as figures
from app.parts import knowing, probing, transplant
from probes.metacognition import FAILED, SHIFTED


def page(name: str) -> None:
    probing.subject(name)
    model = transplant.choose(name)
    asked = probing.choose("metacognition", "metacognition", model)
    if (result := probing.answered("metacognition", asked)) is None:
        st.plotly_chart(figures.grid(None), key="metacognition_waiting")
    else:
        if model != name:
            st.subheader("Does the part know, or what it sits in?", anchor=False)
            show.guarded(transplant.side_by_side, name, asked, result)
        knowing.question(result, SHIFTED)
        knowing.question(result, FAILED)
        st.subheader("What does the rule say that was written down before?", anchor=False)
        knowing.rule(result)
        st.subheader("Does its confidence know what its choice knew?", anchor=False)
        knowing.choices(result)
        knowing.notes(result)
    show.elsewhere(asked.python, f"python -m probes run metacognition {asked.options}")


st.title("Does it notice when it does not know?")
st.write(
    "Inside a model there are numbers that may tell how unsure it is: how likely it holds each byte, how its router "
    "hesitates, what its abstain head says. Each such number is a **signal**. Two questions are put to every signal, "
    "and never mixed: does it notice a question that is **foreign** to the model, and does it notice a reply that is "
    "**wrong**? A model can know the one and not the other."
)
if chosen := st.session_state.get("checkpoint"):
    show.guarded(page, chosen)
