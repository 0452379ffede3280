"""How fast each engine writes here, and what a model could leave out."""

import streamlit as st

from app import inputs, show, sidebar, theme
from app.figures import speed as figures
from app.parts import skips, speeds
from tilelli.header import SPLICE, read_header

MOST_BYTES = 8192  # read once for each threshold
SKIPPING = (
    "A router gives each pathway a weight for every byte. Where a weight is small, the pathway can be left out. "
    "Here the model reads a text again and again, each time with all weights below a **threshold** left out: what "
    "does that cost in bits per byte, how many computations does it save, and how much faster is writing?"
)


def engines(name: str) -> tuple[str, str] | None:
    """All engines side by side; what gives the same elsewhere."""
    if SPLICE in name:
        st.info("A splice is put together by torch, which alone runs it. Save it on the Splice page, then measure it.")
        return None
    race = speeds.ask(name)
    run = speeds.find(race)
    with st.container(horizontal=True):
        if st.button("Measure engines", type="primary", key="speed_start"):
            run = speeds.start(race)
        st.button("Stop", key="speed_stop", disabled=not (run and run.job.running), on_click=speeds.stop)
    for engine, why in speeds.missing(name).items():
        st.caption(f"Without {engine}: {why}.")
    if sidebar.interventions(name):
        st.caption("The engines are measured without the interventions in force.")
    if run is None:
        st.plotly_chart(figures.lanes([]), key="speed_waiting")
    else:
        polling = run.job.running
        st.fragment(speeds.show_run, run_every=0.4 if polling else None, key="speed_shown")(run, polling)
    return speeds.elsewhere(race)


def skipping(name: str) -> tuple[str, str] | None:
    """The curve over thresholds; what gives the same elsewhere."""
    st.write(SKIPPING)
    if read_header(name).config.kind != "routed":
        st.info("This is a vanilla model: it has no routers, and no weights to go by.")
        return None
    if (text := inputs.ask_text(MOST_BYTES, "this page")) is None:
        return None
    under = sidebar.interventions(name)
    run = skips.find(name, text, under)
    with st.container(horizontal=True):
        if st.button("Measure thresholds", type="primary", key="speed_skip_start"):
            run = skips.start(name, text, under)
        st.button("Stop", key="speed_skip_stop", disabled=not (run and run.job.running), on_click=skips.stop)
    polling = run is not None and run.job.running
    st.fragment(skips.show_run, run_every=0.4 if polling else None, key="speed_skips_shown")(run, polling)
    return skips.elsewhere(name, text, under)


def page(name: str) -> None:
    size = theme.size(read_header(name).file_size)
    st.caption(f"{inputs.describe(name)} · file of {size}")
    first = engines(name)
    st.subheader("What can be left out?", anchor=False)
    ways = [way for way in (first, skipping(name)) if way]
    if ways:
        show.elsewhere("".join(python for python, _ in ways), "\n".join(command for _, command in ways))


st.title("How fast does it write?")
st.write(
    "The same model can be run by several **engines**, which all write the same text. Here each of them writes as many "
    "bytes on this computer, one after another, round by round, in a process of its own. llama.cpp and Transformers "
    "(hf) cannot read this model; where they are installed, they run **another of as many parameters**, with random "
    "weights. Close what else is busy: it would slow some rounds more than others."
)
if chosen := st.session_state.get("checkpoint"):
    show.guarded(page, chosen)
