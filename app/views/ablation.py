"""What each pathway of each block is worth, on the user's own text."""

import streamlit as st

from app import inputs, show, sidebar
from app.figures import ablation as figures
from app.parts import ablations
from tilelli.header import read_header

ACTIONS = {"remove": "Take it out", "force": "Leave it as the only one"}


def page(name: str) -> None:
    config = read_header(name).config
    st.caption(inputs.describe(name))
    if config.kind != "routed":
        st.info("This is a vanilla model: it has one way through each block, and no pathway to take out.")
        return
    if (text := inputs.ask_text(inputs.LONGEST_TEXT * 4)) is None:
        return
    kind = st.segmented_control(
        "What is done to each pathway",
        ACTIONS,
        default="remove",
        required=True,
        format_func=ACTIONS.__getitem__,
        key="ablation_kind",
        bind="query-params",
    )
    under = sidebar.interventions(name)
    run = ablations.find(name, text, kind, under)
    with st.container(horizontal=True):
        if st.button("Measure", type="primary", key="ablation_start"):
            run = ablations.start(name, text, kind, under)
        idle = not (run and run.job.running)
        st.button("Stop", key="ablation_stop", disabled=idle, on_click=ablations.stop)
    if run is None:
        st.plotly_chart(figures.heatmap(None), key="ablation_waiting")
    else:
        if run.under != under:
            before = f"under `{run.under}`" if run.under else "without an intervention"
            st.info(f"Measured {before}. Measure again to see it under what holds now.")
        polling = run.job.running
        st.fragment(ablations.show_map, run_every=0.4 if polling else None)(run, polling)
        if not polling:
            ablations.choose(run, under)
    show.elsewhere(*ablations.elsewhere(name, text, kind, under))


st.title("What hangs on each pathway?")
st.write(
    "Take one **pathway** out of one block, leave all else as it is, and let the model read the text again: the more "
    "bits it now needs for a byte, the more hangs on that pathway. Done for every pathway of every block, it is a map "
    "of where the work is done. The model itself is not changed."
)
if chosen := st.session_state.get("checkpoint"):
    show.guarded(page, chosen)
