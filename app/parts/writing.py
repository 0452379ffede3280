"""The text of the Write page: begun as a job, shown while it grows, and what gives the same elsewhere."""

import shlex
from typing import TYPE_CHECKING

import streamlit as st

from app import services, show, sidebar, voices
from app.figures.writing import prose

if TYPE_CHECKING:
    from tilelli.sampling import Sampling

PYTHON = """
from tilelli.engine.choice import voice
from tilelli.sampling import Sampling
from tilelli.tokenizer import ByteTokenizer

tok = ByteTokenizer()
prompt = tok.encode({prompt!r})
sampling = Sampling({s.max_new}, {s.temperature}, top_p={s.top_p}, seed={s.seed})
speaker = voice({name!r}, {engine!r}, {changes!r})
print(tok.decode([*prompt, *(step.byte for step in speaker.stream(prompt, sampling))]))
"""
COMMAND = """python -m tilelli generate --checkpoint {quoted_name} --prompt {quoted} \\
    --max-new {s.max_new} --temperature {s.temperature} --top-p {s.top_p} --seed {s.seed}{under}{by}"""


def start(name: str, prompt: bytes, sampling: "Sampling", engine: str) -> None:
    """Begin a new text; the one before it is stopped."""
    if before := st.session_state.get("write_job"):
        before[0].stop()
    changes = sidebar.interventions(name)
    speaker = services.speaker(name, engine, changes)
    st.session_state.write_job = (voices.writing(speaker, prompt, sampling), prompt, name)
    st.session_state.write_speaker = speaker
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
    by = f", engine: {st.session_state.write_speaker.said()}" if written else ""
    st.caption(f"`{name}`: {state}, {len(raw)} bytes in {job.seconds:.1f} s ({speed:.0f} bytes/s){by}")
    if st.session_state.write_polling and not running:
        st.rerun()


def elsewhere(name: str, prompt: str, sampling: "Sampling", engine: str) -> None:
    """The same text without the dashboard."""
    changes = sidebar.interventions(name)
    engine = voices.able(engine, name, changes)
    under = f" --intervene {shlex.quote(changes)}" if changes else ""
    values = {"name": name, "prompt": prompt, "s": sampling, "changes": changes, "under": under}
    values |= {"engine": engine, "by": f" --engine {engine}"}
    values |= {"quoted": shlex.quote(prompt), "quoted_name": shlex.quote(name)}
    show.elsewhere(PYTHON.format(**values), COMMAND.format(**values))
