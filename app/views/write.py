"""Completion, streamed byte by byte."""

import streamlit as st

from app import inputs, show
from app.figures.writing import legend
from app.parts import writing, xray
from tilelli.tokenizer import ByteTokenizer

tok = ByteTokenizer()


def page(name: str) -> None:
    prompt = inputs.text_box("Beginning", "Once upon a time", key="prompt")
    sampling, engine = inputs.ask_sampling(), inputs.ask_engine()
    left, right, _ = st.columns([1, 1, 4])
    if left.button("Write", type="primary", key="write_start", width="stretch"):
        writing.start(name, bytes(tok.encode(prompt)), sampling, engine)
    job = st.session_state.get("write_job")
    if right.button("Stop", key="write_stop", width="stretch", disabled=not (job and job[0].running)) and job:
        job[0].stop()
        job[0].wait()
    if not job:
        st.info("The text appears here, each character on a ground that shows how sure the model was of it.")
    else:
        running = st.session_state.write_polling = job[0].running
        st.fragment(writing.show_text, run_every=0.3 if running else None)()
        st.html(legend())
        raw = job[1] + bytes(item.byte for item in job[0].items())
        st.download_button("Save the text", tok.decode(raw), "tilelli.txt", key="write_save", disabled=running)
        if not running:
            xray.panel(job[2], raw, "write", interventions=st.session_state.write_under)
    writing.elsewhere(name, prompt, sampling, engine)


st.title("How does it go on?")
st.write("Type a beginning. The model adds one byte at a time, each drawn from what it thinks likely.")
if chosen := st.session_state.get("checkpoint"):
    show.guarded(page, chosen)
