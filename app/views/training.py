"""Runs that are being trained: start, watch, stop, resume."""

import streamlit as st

from app import services, show
from app.figures import training as figures
from app.parts import orders, runs
from tilelli.config import KINDS, Recipe


def watch(name: str, polling: bool) -> None:
    """How a run stands, drawn again while it is alive, then once more for the buttons."""
    run = runs.look(name)
    st.progress(run.progress, run.headline)
    if run.problem:
        st.error(run.problem)
    for alarm in run.alarms:
        st.warning(alarm)
    if run.records and not run.alarms:
        st.caption("All is well: no alarm about the pathways, the trits, the sample or the held-out loss.")
    for place, picture in zip(st.columns(2) * 2, figures.pictures(run.records, run.bytes_a_step), strict=True):
        with place:
            show.picture(*picture)
    if written := [record for record in run.records if record.get("sample")]:
        st.markdown(f"**What it wrote after step {written[-1]['step']:,}**, from nothing, always with the same seed")
        st.code(written[-1]["sample"], language=None, wrap_lines=True)
    if polling and not run.alive:
        st.rerun()


def one_run(name: str) -> None:
    run, shared = runs.look(name), services.read_only()
    with st.container(horizontal=True):
        if st.button("Stop", key="training_stop", disabled=shared or not run.alive):
            runs.stop(name)
            st.toast("Asked to stop. It saves first.")
        if st.button("Resume", key="training_resume", disabled=shared or not run.resumable):
            runs.resume(name)
            st.rerun()
    st.fragment(show.guarded, run_every=2 if run.alive else None)(watch, name, bool(run.alive))
    show.elsewhere(run.python, run.command)


def new_run() -> None:
    recipes = orders.recipes()
    one, two, three, four, five, six, seven, eight = *st.columns([2, 2, 2, 1, 1]), *st.columns([3, 3, 2])
    recipe = one.selectbox("Recipe", recipes, key="training_recipe")
    plan = Recipe.from_yaml(recipes[recipe])
    kind = two.selectbox("Kind", KINDS, KINDS.index(plan.model.kind), key="training_kind")
    steps = three.number_input("Steps", 1, 10**9, plan.training.steps, key=f"training_steps_{recipe}")
    seed = four.number_input("Seed", 0, 2**31 - 1, plan.training.seed, key="training_seed")
    threads = five.number_input("Threads", 1, orders.CORES, key="training_threads")
    data = six.text_input("Text to train on: a file or a folder", key="training_data", placeholder="README.md")
    held_out = seven.text_input("Held-out text (without one, a part is kept apart)", key="training_held_out")
    name = eight.text_input("Name of the run", f"{recipe}-1", key=f"training_name_{recipe}")
    order = orders.Order(recipes[recipe], data, held_out, kind, int(steps), int(seed), int(threads))
    if st.button("Start", type="primary", key="training_start"):
        st.session_state.training_run = runs.start(name, order)
        st.rerun()
    st.code(order.command(services.checkpoint_folder() / name), language="bash", wrap_lines=True)


st.title("Is it learning?")
st.write(
    "Training shows a model some text, asks it for every next byte, and changes its weights after each step so that "
    "the text surprises it a little less. A **run** does that in a process of its own: it goes on when this page is "
    "closed, and what it has learned so far can be opened on every other page."
)
names = runs.names()
if services.read_only():
    st.info("This dashboard is shared for reading: runs can be watched, but not started, stopped or resumed.")
else:
    with st.expander("Start a run", not names, key=f"training_new_{len(names)}", icon=":material/play_arrow:"):
        show.guarded(new_run)
if not names:
    st.info("No run here yet. Its loss, pathways, trits, speed and what it writes will appear here as it learns.")
elif "training_run" not in {*st.session_state, *st.query_params}:
    st.session_state.training_run = st.query_params.training_run = names[0]  # a default would not stand in the URL
if names and (chosen := st.selectbox("Run", names, None, key="training_run", bind="query-params")):
    show.guarded(one_run, chosen)
