"""What the weights are made of: trits and floats, tensor by tensor."""

import streamlit as st

from app import inputs, services, show, theme
from app.figures import weights as figures
from probes.weights import TensorFacts, latent, table, tensors, verdict

PYTHON = """
from probes.weights import latent, table, tensors, verdict
from tilelli.base import ByteLM
from tilelli.checkpoint import load

lm = load({name!r}, ByteLM)
facts = tensors(lm)
print(verdict(facts).sentence)
print(table(facts).to_string())
print(latent(lm, {tensor!r}).table())
"""
SHARES = "Each bar is one ternary tensor. The more zeros, the more products a decoder may skip."
NUMBER = st.column_config.NumberColumn
COLUMNS = {
    "minus": NUMBER("−1", format="percent"),
    "zero": NUMBER("0", format="percent"),
    "plus": NUMBER("+1", format="percent"),
    "scale": NUMBER(format="%.4f", help="What the trits are multiplied with."),
    "near_threshold": NUMBER("near a threshold", format="percent", help="Within 5 % of the scale: about to flip."),
    "entropy": NUMBER("bits a weight", format="%.3f", help="What the trits carry: 1.585 at most."),
    "zero_rows": NUMBER("zero rows", help="Outputs that are always zero."),
    "zero_columns": NUMBER("zero columns", help="Inputs that are never used."),
    "distinct": NUMBER("values in use", help="How many different values a ternary layer multiplies with."),
    "packed_bytes": NUMBER("packed bytes", help="Four trits a byte; a float takes four bytes."),
}


def say(facts: list[TensorFacts]) -> None:
    """Is it ternary, and what is that worth?"""
    answer = verdict(facts)
    (st.info if answer.really is None else st.success if answer.really else st.error)(answer.sentence)
    count = sum(row.parameters for row in facts)
    numbers = {
        "Weights": theme.count(count),
        "Ternary": theme.percent(sum(row.parameters for row in facts if row.ternary) / count),
        "As floats": theme.size(4 * count),
        "With packed trits": theme.size(sum(row.packed_bytes for row in facts)),
    }
    for column, (label, value) in zip(st.columns(4), numbers.items(), strict=True):
        column.metric(label, value)


def page(name: str) -> None:
    st.caption(inputs.describe(name))
    model = services.model(name)
    facts = tensors(model)
    say(facts)
    st.subheader("How many of each?", anchor=False)
    show.picture(figures.shares(facts), table([row for row in facts if row.ternary]), "weights_shares", SHARES)
    st.subheader("How are they spread?", anchor=False)
    names = [row.name for row in sorted(facts, key=lambda row: not row.ternary)]
    tensor = st.selectbox("Tensor", names, format_func=figures.label, key="weights_tensor", bind="query-params")
    chosen = latent(model, tensor)
    near = next(row.near_threshold for row in facts if row.name == tensor)
    show.picture(figures.histogram(chosen), chosen.table(), "weights_histogram", figures.caption(chosen, near))
    st.subheader("And every tensor?", anchor=False)
    st.dataframe(table(facts), hide_index=True, column_config=COLUMNS, placeholder="–")
    show.elsewhere(PYTHON.format(name=name, tensor=tensor))


st.title("What are the weights made of?")
st.write(
    "A model is a few tables of numbers, its **weights**. A *ternary* table holds only three different ones: −1, 0 and "
    "+1, called **trits**, times one number for the whole table, its **scale**. That is four weights in a byte instead "
    "of one in four bytes. It is trained as ordinary floats, which are rounded to trits whenever they are used."
)
if name := st.session_state.get("checkpoint"):
    show.guarded(page, name)
