"""The text of the Write page: begun as a job, shown while it grows, and what gives the same elsewhere."""

import shlex
from typing import TYPE_CHECKING

import streamlit as st

from app import services, show, sidebar
from app.figures.writing import prose
from app.jobs import Job
from tilelli.interventions import parse

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
COMMAND = """python -m tilelli generate --checkpoint {quoted_name} --prompt {quoted} \\
    --max-new {s.max_new} --temperature {s.temperature} --top-p {s.top_p} --seed {s.seed}{under}"""


def start(name: str, prompt: bytes, sampling: "Sampling") -> None:
    """Begin a new text; the one before it is stopped."""
    from tilelli.generation import stream

    if before := st.session_state.get("write_job"):
        before[0].stop()
    model, changes = services.model(name), sidebar.interventions(name)
    job = Job(lambda stop: stream(model, list(prompt), sampling, stop, interventions=parse(changes)))
    st.session_state.write_job = (job, prompt, name)
    st.session_state.write_under = changes


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


def elsewhere(name: str, prompt: str, sampling: "Sampling") -> None:
    """The same text without the dashboard."""
    changes = sidebar.interventions(name)
    under = f" --intervene {shlex.quote(changes)}" if changes else ""
    values = {"name": name, "prompt": prompt, "s": sampling, "changes": changes, "under": under}
    values |= {"quoted": shlex.quote(prompt), "quoted_name": shlex.quote(name)}
    show.elsewhere(PYTHON.format(**values), COMMAND.format(**values))
