"""The parts of the Weights page: what stands out, one tensor's floats, every tensor, and what changed since another
checkpoint. Nothing of that other one is read before it is chosen."""

import streamlit as st

from app import services, show, theme
from app.figures import drift as changes
from app.figures import weights as figures
from probes.drift import differing, drift
from probes.latents import latent
from probes.names import spoken
from probes.weights import NEAR, THRESHOLD, TensorFacts, findings, table, verdict
from tilelli.header import read_header

NUMBER = st.column_config.NumberColumn
NAME = st.column_config.TextColumn(help="As in the file, where blocks count from 0.")
COLUMNS = {
    "name": NAME,
    "minus": NUMBER("−1", format="percent"),
    "zero": NUMBER("0", format="percent"),
    "plus": NUMBER("+1", format="percent"),
    "scale": NUMBER(format="%.4f", help="What the trits are multiplied with."),
    "near_threshold": NUMBER("about to flip", format="percent", help="As close to a threshold as chosen above."),
    "entropy": NUMBER("bits a weight", format="%.3f", help="What the trits carry: 1.585 at most."),
    "zero_rows": NUMBER("zero rows", help="Outputs that are always zero."),
    "zero_columns": NUMBER("zero columns", help="Inputs that are never used."),
    "distinct": NUMBER("values in use", help="How many different values a ternary layer multiplies with."),
    "packed_bytes": NUMBER("packed bytes", help="Four trits a byte; a float takes four bytes."),
    "latent": st.column_config.CheckboxColumn("stored as floats", help="The file holds the floats behind the trits."),
}
CHANGED = {
    "name": NAME,
    "flips": NUMBER(format="percent"),
    "became_zero": NUMBER("became zero", format="percent"),
    "left_zero": NUMBER("left zero", format="percent"),
    "changed_sign": NUMBER("changed sign", format="percent"),
    "by_chance": NUMBER("by chance", format="percent", help="What two unrelated models would differ in."),
    "scale_before": NUMBER("scale before", format="%.4f"),
    "scale_after": NUMBER("after", format="%.4f"),
    "scale_change": NUMBER("change", format="percent"),
    "cosine": NUMBER(format="%.3f", help="1: the floats point the same way, however long they are."),
    "relative_change": NUMBER("relative change", format="percent", help="Of the length that the floats had before."),
}
CAPTIONS = (
    "Each bar is one ternary tensor: the share of its trits that are others now. The pink mark is where the bar would "
    "end if the two checkpoints had nothing in common.",
    "A ternary tensor is its trits times one scale. To the right the scale grew, to the left it shrank.",
    "Tables that are used as floats: the size of the change, in parts of the size before. 0 %: nothing moved.",
)
PACKED = (
    "This checkpoint is packed: it keeps trits and scales, not the floats they were rounded from. What is drawn of "
    "those are stand-ins that round to the same trits; how close to a threshold they lie says nothing."
)
ALONE = "No other checkpoint here has tensors of the same shapes. Two of one run would have, or a model and its tuning."
Ends = tuple[float | None, float | None]


def say(facts: list[TensorFacts]) -> None:
    """Is it ternary, and what is that worth?"""
    answer = verdict(facts)
    (st.info if answer.really is None else st.success if answer.really else st.error)(answer.sentence)
    if answer.file:
        st.caption(answer.file)
    count = sum(row.parameters for row in facts)
    numbers = {
        "Weights": theme.count(count),
        "Ternary": theme.percent(sum(row.parameters for row in facts if row.ternary) / count),
        "As floats": theme.size(4 * count),
        "With packed trits": theme.size(sum(row.packed_bytes for row in facts)),
    }
    for column, (label, value) in zip(st.columns(4), numbers.items(), strict=True):
        column.metric(label, value)


def say_more(facts: list[TensorFacts], near: float) -> None:
    """What stands out, in sentences."""
    st.write("\n".join(f"- {finding}" for finding in findings(facts, near)))


def ask_near(name: str) -> float:
    """How close to a threshold counts as about to flip, in scales; not asked where there is no threshold."""
    config = read_header(name).config
    if config.kind != "routed" or not config.ternary:
        return NEAR
    help_ = "In scales of the tensor. A threshold lies half a scale from zero, so 0.5 takes all small weights in."
    key, label = "weights_near", "A weight this close to a threshold counts as about to flip"
    return float(st.slider(label, 0.01, THRESHOLD, NEAR, 0.01, key=key, bind="query-params", help=help_))


def ask_tensor(facts: list[TensorFacts]) -> tuple[str, Ends]:
    """Which tensor, and between which ends; new ends are thought of for each tensor."""
    names = [row.name for row in sorted(facts, key=lambda row: not row.ternary)]
    left, low, high = st.columns([3, 1, 1])
    tensor = left.selectbox(
        "Tensor",
        names,
        format_func=spoken,
        key="weights_tensor",
        bind="query-params",
        on_change=lambda: st.session_state.update(weights_low=None, weights_high=None),
    )
    ends = [
        column.number_input(
            label,
            value=None,
            format="%.4g",
            key=f"weights_{key}",
            bind="query-params",
            placeholder="automatic",
            help="Draw only this range, with bins of its own. Empty: all but a thousandth on either side.",
        )
        for column, label, key in ((low, "Zoom from", "low"), (high, "to", "high"))
    ]
    return tensor, (ends[0], ends[1])


def warn_of_packed(name: str) -> None:
    """Say what a packed checkpoint cannot show."""
    if read_header(name).packing is not None:
        st.info(PACKED)


def spread(name: str, tensor: str, ends: Ends, near: float) -> None:
    """The floats of one tensor as a histogram."""
    found = latent(services.model(name), tensor, *ends, near)
    show.picture(figures.histogram(found), found.table(), "weights_histogram", figures.caption(found))


def every(facts: list[TensorFacts]) -> None:
    """All tensors, a row each."""
    st.dataframe(table(facts), hide_index=True, column_config=COLUMNS, placeholder="–")


def ask_earlier(name: str) -> str | None:
    """Another checkpoint of the same shape, in a box that stands in the URL; None as long as none is chosen."""
    shapes = read_header(name).shapes
    headers = {entry.name: entry.header for entry in services.checkpoints() if entry.header and entry.name != name}
    others = [other for other, header in headers.items() if differing(shapes, header.shapes) is None]
    if not others:
        st.caption(ALONE)
        return None
    help_ = "Those with tensors of the same shapes; only a head to abstain may be missing in one."
    key, hint = "weights_against", "none: nothing is compared"
    return st.selectbox("Since", others, None, key=key, bind="query-params", placeholder=hint, help=help_)


def changed(before: str, after: str) -> None:
    """From one checkpoint to another: findings, three pictures, and every tensor."""
    found = drift(services.model(before), services.model(after))
    st.write(f"From `{before}` to `{after}`:\n" + "\n".join(f"- {finding}" for finding in found.findings))
    numbers = found.table()
    show.picture(changes.flips(found), numbers, "weights_flips", CAPTIONS[0])
    left, right = st.columns(2)
    with left:
        show.picture(changes.scales(found), numbers, "weights_scales", CAPTIONS[1])
    with right:
        show.picture(changes.floats(found), numbers, "weights_floats", CAPTIONS[2])
    st.dataframe(numbers, hide_index=True, column_config=CHANGED, placeholder="–")
