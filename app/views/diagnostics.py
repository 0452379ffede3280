"""The three failures that users of tiny models meet first: it copies, it was never taught that, it forgets."""

import streamlit as st

from app import show
from app.parts import abstaining, diagnosed, probing
from probes.reports.escape import in_markdown

LOOKS = {"memorization": "Memorization", "coverage": "Coverage", "context": "Context"}
ASKS = {
    "memorization": "What does it repeat of its training text?",
    "coverage": "Which letters, scripts and languages was it taught?",
    "context": "What does it make of the bytes before, and past its context?",
}
SAID = {
    "memorization": "A model that repeats its training text word for word may look better than it is. So what it "
    "writes is searched for in the text it was trained on; and so is what authors wrote at the same places, for people "
    "repeat themselves and each other too.",
    "coverage": "To a model that reads bytes, a script or a capital letter that it seldom met is as good as noise. So "
    "it reads a few sentences in each of many languages, and the same text in small letters and in capitals; and what "
    "it writes is checked: is it text at all?",
    "context": "A model sees only its last bytes. So the same bytes are read with more and with less before them, a "
    "name is planted and asked for again further and further on, and it writes texts longer than it can see.",
}


def page(name: str, look: str) -> None:
    st.subheader(ASKS[look], anchor=False)
    st.write(SAID[look])
    probing.subject(name)
    key = f"diagnostics_{look}"
    asked = probing.choose(key, look, name)
    if look == "memorization" and "train" not in asked.texts:
        diagnosed.without_text()
        return
    if (result := probing.answered(key, asked)) is None:
        st.plotly_chart(diagnosed.waiting(look), key=f"{key}_waiting")
    else:
        st.markdown("\n".join(f"- {in_markdown(said)}" for said in result.tables["findings"]["finding"]))
        diagnosed.LOOKS[look](result)
        st.subheader("What do the rules say that were written down before?", anchor=False)
        abstaining.verdicts(result)
    show.elsewhere(asked.python, f"python -m probes run {look} {asked.options}")


st.title("Does it copy, is it lost, does it forget?")
st.write("Three ways in which a tiny model fails before anything else. Each is a probe of its own.")
look = st.segmented_control(
    "Which of the three",
    LOOKS,
    default="memorization",
    required=True,
    format_func=LOOKS.__getitem__,
    key="diagnostics_look",
    bind="query-params",
    label_visibility="collapsed",
)
if (chosen := st.session_state.get("checkpoint")) and look:
    show.guarded(page, chosen, look)
