"""Completion, streamed byte by byte."""

import shlex
from typing import TYPE_CHECKING

import streamlit as st

from app import inputs, services, show, sidebar
from app.figures.writing import legend, prose
from app.jobs import Job
from tilelli.interventions import parse
from tilelli.tokenizer import ByteTokenizer

if TYPE_CHECKING:
    from tilelli.generation import Sampling

PYTHON = """
from tilelli import ByteTokenizer
from tilelli.base import ByteLM
from tilelli.checkpoint import load
from tilelli.generation import Sampling, stream
from tilelli.interventions import parse

tok = ByteTokenizer()
lm = load({name!r}, ByteLM)
prompt = tok.encode({prompt!r})
sampling = Sampling({s.max_new}, {s.temperature}, top_p={s.top_p}, seed={s.seed})
steps = stream(lm, prompt, sampling, interventions=parse({changes!r}))
print(tok.decode([*prompt, *(step.byte for step in steps)]))
"""
COMMAND = """python -m tilelli generate --checkpoint {name} --prompt {quoted} \\
    --max-new {s.max_new} --temperature {s.temperature} --top-p {s.top_p} --seed {s.seed}{under}"""
tok = ByteTokenizer()


def start(name: str, prompt: bytes, sampling: "Sampling") -> None:
    """Begin a new text; the one before it is stopped."""
    from tilelli.generation import stream

    if before := st.session_state.get("write_job"):
        before[0].stop()
    model, changes = services.model(name), parse(sidebar.interventions(name))
    job = Job(lambda stop: stream(model, list(prompt), sampling, stop, interventions=changes))
    st.session_state.write_job = (job, prompt, name)


def show_text() -> None:
    """What has been written so far. Drawn again by itself until the job ends, then once more for the buttons."""
    job, prompt, name = st.session_state.write_job
    running, written = job.running, job.items()
    raw = bytes(item.byte for item in written)
    with st.container(border=True):
        st.html(prose(prompt, raw, [item.probability for item in written]))
    state = "writing" if running else job.error or ("stopped" if job.stopped else "done")
    speed = len(raw) / max(job.seconds, 1e-3)
    st.caption(f"`{name}`: {state}, {len(raw)} bytes in {job.seconds:.1f} s ({speed:.0f} bytes/s)")
    if st.session_state.write_polling and not running:
        st.rerun()


def page(name: str) -> None:
    prompt = inputs.text_box("Beginning", "Once upon a time", key="prompt")
    sampling = inputs.ask_sampling()
    left, right, _ = st.columns([1, 1, 4])
    if left.button("Write", type="primary", key="write_start", width="stretch"):
        start(name, bytes(tok.encode(prompt)), sampling)
    job = st.session_state.get("write_job")
    if right.button("Stop", key="write_stop", width="stretch", disabled=not (job and job[0].running)) and job:
        job[0].stop()
        job[0].wait()
    if not job:
        st.info("The text appears here, each character on a ground that shows how sure the model was of it.")
    else:
        st.session_state.write_polling = job[0].running
        st.fragment(show_text, run_every=0.3 if job[0].running else None)()
        st.html(legend())
        text = tok.decode([*job[1], *(item.byte for item in job[0].items())])
        st.download_button("Save the text", text, "tilelli.txt", key="write_save", disabled=job[0].running)
    changes = sidebar.interventions(name)
    under = f" --intervene {shlex.quote(changes)}" if changes else ""
    values = {"name": name, "prompt": prompt, "quoted": shlex.quote(prompt), "s": sampling}
    values |= {"changes": changes, "under": under}
    show.elsewhere(PYTHON.format(**values), COMMAND.format(**values))


st.title("How does it go on?")
st.write("Type a beginning. The model adds one byte at a time, each drawn from what it thinks likely.")
if chosen := st.session_state.get("checkpoint"):
    show.guarded(page, chosen)
