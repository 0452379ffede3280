"""One prompt, one seed, several models: each writes in a job of its own, and one loop shows them all."""

import shlex
from typing import TYPE_CHECKING

import streamlit as st

from app import inputs, services, voices
from app.figures.writing import legend, prose
from app.jobs import Job
from app.parts.side_by_side import Side
from tilelli.tokenizer import ByteTokenizer

if TYPE_CHECKING:
    from app.voices import Speaker
    from tilelli.sampling import Sampling, Written

    Text = tuple[Side, bytes, Job[Written], Speaker]

SHARED = (
    "All write at once and share this computer, so these speeds are lower than each would reach alone; the Write page "
    "measures one alone."
)


def page(sides: list[Side]) -> None:
    """Ask for a prompt, and show what each makes of it."""
    prompt = inputs.text_box("Beginning", "Once upon a time", key="compare_prompt")
    sampling, engine = inputs.ask_sampling(prefix="compare_"), inputs.ask_engine()
    _drop_if_others(sides)
    left, right, _ = st.columns([1, 1, 4])
    if left.button("Write", type="primary", key="compare_start", width="stretch"):
        _stop()
        st.session_state.compare_jobs = _start(sides, bytes(ByteTokenizer().encode(prompt)), sampling, engine)
    jobs = _jobs()
    running = any(job.running for job in jobs)
    if right.button("Stop", key="compare_stop", width="stretch", disabled=not running):
        _stop()
        running = False
    if not jobs:
        st.info("The texts appear here side by side, each character on a ground that shows how sure its model was.")
        return
    st.session_state.compare_polling = running
    st.fragment(_show, run_every=0.3 if running else None)()
    st.html(legend())
    st.caption(SHARED)


def commands(sides: list[Side]) -> list[str]:
    """What each has written, on the command line; call it after `page`."""
    asked = st.session_state
    how = f"--max-new {asked.compare_new} --temperature {asked.compare_temperature} --top-p {asked.compare_top_p}"
    said = f"--prompt {shlex.quote(asked.compare_prompt)} {how} --seed {asked.compare_seed}"
    under = [f" --intervene {shlex.quote(side.interventions)}" if side.interventions else "" for side in sides]
    by = [voices.able(asked.engine, side.name, side.interventions) for side in sides]
    return [
        f"python -m tilelli generate --checkpoint {shlex.quote(side.name)} {said}{changes} --engine {engine}"
        for side, changes, engine in zip(sides, under, by, strict=True)
    ]


def _start(sides: list[Side], prompt: bytes, sampling: "Sampling", engine: str) -> "list[Text]":
    speakers = [services.speaker(side.name, engine, side.interventions) for side in sides]  # all before any begins
    return [
        (side, prompt, voices.writing(speaker, prompt, sampling), speaker)
        for side, speaker in zip(sides, speakers, strict=True)
    ]


def _jobs() -> "list[Job[Written]]":
    return [job for _, _, job, _ in st.session_state.get("compare_jobs", [])]


def _show() -> None:
    """What has been written so far, a column each. Drawn again by itself until all have ended, then once more."""
    jobs = st.session_state.compare_jobs
    running = any(job.running for job in _jobs())
    for column, text in zip(st.columns(len(jobs)), jobs, strict=True):
        with column:
            _show_one(*text)
    if st.session_state.compare_polling and not running:
        st.rerun()


def _show_one(side: Side, prompt: bytes, job: "Job[Written]", speaker: "Speaker") -> None:
    writing, written = job.running, job.items()
    raw = bytes(item.byte for item in written)
    st.markdown(side.label)
    with st.container(border=True):
        st.html(prose(prompt, raw, [item.probability for item in written]))
    state = "writing" if writing else job.error or ("stopped" if job.stopped else "done")
    speed = len(raw) / max(job.seconds, 1e-3)
    by = f", engine: {speaker.said()}" if written else ""
    st.caption(f"{state}, {len(raw)} bytes in {job.seconds:.1f} s ({speed:.0f} bytes/s){by}")


def _stop() -> None:
    """Stop means stop: all of them."""
    for job in (jobs := _jobs()):
        job.stop()
    for job in jobs:
        job.wait()


def _drop_if_others(sides: list[Side]) -> None:
    """What other models wrote does not stand under these."""
    if [side for side, *_ in st.session_state.get("compare_jobs", [])] != sides:
        _stop()
        st.session_state.pop("compare_jobs", None)
