"""When a model says that it is 80 % sure, is it right 80 % of the time?"""

import streamlit as st

from app import show
from app.figures import calibration as figures
from app.parts import calibrating, probing


def page(name: str) -> None:
    probing.subject(name)
    asked = probing.choose("calibration", "calibration", name)
    if (result := probing.answered("calibration", asked)) is None:
        st.plotly_chart(figures.reliability(None, None), key="calibration_waiting")
    elif result.tables["measures"].empty:
        st.info("No answer of this bank can be right or wrong, so nothing can be said. Choose another bank.")
    else:
        calibrating.one(result)
        st.subheader("And all confidences beside each other?", anchor=False)
        calibrating.all_of_them(result)
        calibrating.notes(result)
    show.elsewhere(asked.python, f"python -m probes run calibration {asked.options}")


st.title("Does it know how sure to be?")
st.write(
    "A model gives every answer a probability: how sure it is. If it says 80 % a hundred times, it should be right "
    "eighty times. Here that is counted: of its **replies** to questions, of **choices** between two given answers, "
    "and, if you name a text, of the **next byte** it expects in it."
)
if chosen := st.session_state.get("checkpoint"):
    show.guarded(page, chosen)
