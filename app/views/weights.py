"""What the weights are made of: trits and floats, tensor by tensor, and what changed since another checkpoint."""

import shlex

import streamlit as st

from app import inputs, services, show
from app.figures import weights as figures
from app.parts import weights
from probes.weights import table, tensors

PYTHON = """
from probes.drift import drift
from probes.latents import latent
from probes.weights import findings, table, tensors, verdict
from tilelli.base import ByteLM
from tilelli.checkpoint import load

lm = load({name!r}, ByteLM)
facts = tensors(lm, near={near})
print(verdict(facts).sentence, *findings(facts, {near}), sep="\\n")
print(table(facts).to_string())
print(latent(lm, {tensor!r}, {low}, {high}, {near}).table().to_string())
"""
CHANGED = """changed = drift(load({against!r}, ByteLM), lm)
print(*changed.findings, changed.table().to_string(), sep="\\n")"""
SHARES = "Each bar is one ternary tensor. The more zeros, the more products a decoder may skip."


def elsewhere(name: str, near: float, tensor: str, ends: weights.Ends, against: str | None) -> None:
    """The same without the dashboard."""
    low, high = ends
    python = PYTHON.format(name=name, near=near, tensor=tensor, low=low, high=high)
    options = {"checkpoint": name, "near": near, "tensor": tensor, "low": low, "high": high, "against": against}
    given = (f"--{key}={shlex.quote(str(value))}" for key, value in options.items() if value is not None)
    command = f"python -m probes run weights {' '.join(given)} --json weights.json"
    show.elsewhere(python + (CHANGED.format(against=against) if against else ""), command)


def page(name: str) -> None:
    st.caption(inputs.describe(name, runs=False))
    model = services.model(name)
    above = st.container()
    near = weights.ask_near(name)
    facts = tensors(model, near)
    with above:
        weights.say(facts)
        weights.warn_of_packed(name)
    weights.say_more(facts, near)
    if ternary := [row for row in facts if row.ternary]:
        st.subheader("How many of each?", anchor=False)
        show.picture(figures.shares(facts), table(ternary), "weights_shares", SHARES)
    st.subheader("How are they spread?", anchor=False)
    tensor, ends = weights.ask_tensor(facts)
    show.guarded(weights.spread, name, tensor, ends, near)
    st.subheader("And every tensor?", anchor=False)
    weights.every(facts)
    st.subheader("What changed since another checkpoint?", anchor=False)
    if against := weights.ask_earlier(name):
        show.guarded(weights.changed, against, name)
    elsewhere(name, near, tensor, ends, against)


st.title("What are the weights made of?")
st.write(
    "A model is a few tables of numbers, its **weights**. A *ternary* table holds only three different ones: −1, 0 and "
    "+1, called **trits**, times one number for the whole table, its **scale**. That is four weights in a byte instead "
    "of one in four bytes. It is trained as ordinary floats, which are rounded to trits whenever they are used."
)
if name := st.session_state.get("checkpoint"):
    show.guarded(page, name)
