"""How the Chat page shows one turn: the message, the reply with what made it, its variants, and its ribbon."""

import shlex
from typing import TYPE_CHECKING

import streamlit as st

from app import inputs, services, show
from app.figures import chat as figures
from app.parts import xray
from app.parts.conversation import GATE, WORDS, Conversation, Order, Turn, line_to

if TYPE_CHECKING:
    from tilelli.base import ByteLM

PYTHON = """
from tilelli import ByteTokenizer, chat
from tilelli.base import ByteLM
from tilelli.checkpoint import load
from tilelli.generation import Sampling
from tilelli.interventions import parse

lm = load({name!r}, ByteLM)
turns = {turns}
prompt = chat.prompt(turns, {message!r}, lm.config.context, room={room})
sampling = Sampling(max_new={s.max_new}, temperature={s.temperature}, top_p={s.top_p}, seed={s.seed})
reply = chat.reply(lm, prompt.ids, sampling, gate={gate}, forced={forced}, interventions=parse({changes!r}))
print(ByteTokenizer().decode(step.byte for step in reply))
"""
COMMAND = """python -m tilelli chat --checkpoint {name} --seed {s.seed} --temperature {s.temperature} \\
    --top-p {s.top_p} --max-new {s.max_new} --gate {gate}"""


def turn(talk: Conversation, shown: Turn, model: "ByteLM", order: Order) -> None:
    """A turn of the line; `model` and `order` are those for what is asked from now on."""
    running = shown.job.running
    with st.chat_message("user"):
        if st.session_state.get("chat_editing") == shown.number:
            _edit(talk, shown, model, order)
        else:
            st.html(figures.said(shown.message))
    with st.chat_message("assistant"):
        st.session_state.chat_polling = running
        st.fragment(_reply, run_every=0.3 if running else None, key=f"chat_reply_{shown.number}")(shown)
        if running:
            st.button("Stop", key="chat_stop", icon=":material/stop:", on_click=talk.stop)
            return
        if shown.job.error:
            st.error(shown.job.error)
        _buttons(talk, shown, model, order)
        if shown.steps:
            newest = shown is talk.last
            key = f"chat_ribbon_{shown.number}_{newest}"
            box = st.expander("Byte by byte, and how else it could go on", newest, key=key, on_change="rerun")
            if box.open:
                with box:
                    st.fragment(show.guarded, key=f"{key}_inside")(_ribbon, talk, shown)


def verdict(shown: Turn) -> str:
    """What made a reply an abstention, and the two figures that decide."""
    gate, abstain = shown.order.gate, shown.abstain
    head = "" if abstain is None else f"abstain probability {abstain:.3f}"
    if shown.declined == GATE:
        return f":violet-badge[declined by the gate] {head} is at least the threshold {gate:.3f}"
    if head and gate is not None:
        head += f", threshold {gate:.3f}"
    return " ".join(filter(None, [":orange-badge[declined in words]" if shown.declined == WORDS else "", head]))


def context(shown: Turn) -> str:
    """How the context is filled, in words."""
    n = shown.forgotten
    forgotten = "" if not n else " The first turn is forgotten." if n == 1 else f" The first {n} turns are forgotten."
    return f"bytes, of the {shown.context} that the model reads at once.{forgotten}"


def python(shown: Turn) -> str:
    """What gives the same reply without the dashboard."""
    earlier = ", ".join(f"chat.Turn({turn.message!r}, {turn.reply!r})" for turn in line_to(shown)[:-1])
    order = shown.order
    return PYTHON.format(
        name=order.checkpoint,
        turns=f"[{earlier}]",
        message=shown.message,
        room=shown.room,
        s=order.sampling,
        gate=order.gate,
        forced=list(order.forced),
        changes=order.interventions,
    )


def command(order: Order) -> str:
    """What begins such a conversation in a terminal."""
    gate = "off" if order.gate is None else f"{order.gate:g}"
    under = f" --intervene {shlex.quote(order.interventions)}" if order.interventions else ""
    return COMMAND.format(name=shlex.quote(order.checkpoint), s=order.sampling, gate=gate) + under


def _reply(shown: Turn) -> None:
    """The reply so far; drawn again by itself until the job ends, then once more for the buttons."""
    job, order = shown.job, shown.order
    running, steps = job.running, shown.steps
    st.html(figures.replied(steps) if steps else figures.waiting(running))
    state = "writing" if running else "stopped" if job.stopped else "done"
    notes = [
        "" if running else verdict(shown),
        f"`{order.checkpoint}`: {state}, {len(steps)} bytes, {len(steps) / max(job.seconds, 1e-3):.0f} bytes/s",
        f"engine: {shown.engine}" if steps else "",
        f"seed {order.sampling.seed}, temperature {order.sampling.temperature:g}, top-p {order.sampling.top_p:g}",
        f"led on from byte {len(order.forced) - 1}" if order.forced else "",
        f"the first {shown.prompt.cut:,} bytes of the message did not fit" if shown.prompt.cut else "",
    ]
    st.caption(" · ".join(filter(None, notes)))
    if not running and st.session_state.chat_polling:
        st.rerun()


def _buttons(talk: Conversation, shown: Turn, model: "ByteLM", order: Order) -> None:
    variants, n = talk.variants(shown), shown.number
    here = variants.index(shown)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if len(variants) > 1:
            for sign, step, help_ in (("‹", -1, "The variant before"), ("›", 1, "The next variant")):
                if step == 1:
                    st.caption(f"{here + 1}/{len(variants)}", width="content")
                if st.button(
                    sign,
                    key=f"chat_{step}_{n}",
                    help=help_,
                    type="tertiary",
                    disabled=not 0 <= here + step < len(variants),
                ):
                    talk.show(variants[here + step])
                    st.rerun()
        if st.button("Regenerate", key=f"chat_again_{n}", help="Another reply, with the next seed.", type="tertiary"):
            talk.again(model, order, shown)
            st.rerun()
        if st.button(
            "Edit", key=f"chat_edit_{n}", help="Change the message; what was stays beside it.", type="tertiary"
        ):
            st.session_state.chat_editing = n
            st.rerun()
        if shown.declined == GATE and st.button(
            "Answer anyway", key=f"chat_anyway_{n}", help="The same, without the gate.", type="tertiary"
        ):
            talk.anyway(services.model(shown.order.checkpoint), shown)
            st.rerun()


def _edit(talk: Conversation, shown: Turn, model: "ByteLM", order: Order) -> None:
    with st.form(f"chat_form_{shown.number}", border=False):
        key = f"chat_box_{shown.number}"
        message = st.text_area("Message", shown.message, key=key, max_chars=inputs.LONGEST_TEXT)
        with st.container(horizontal=True):
            send = st.form_submit_button("Send", type="primary")
            cancel = st.form_submit_button("Cancel")
    if send and message and message.strip():
        talk.edit(model, order, shown, message)
    if send or cancel:
        st.session_state.chat_editing = None
        st.rerun()


def _ribbon(talk: Conversation, shown: Turn) -> None:
    steps, n = shown.steps, shown.number
    st.html(figures.ribbon(steps))
    st.html(figures.key(steps))
    st.caption(figures.reading(steps))
    with st.container(horizontal=True):
        with st.popover("Go on otherwise", icon=":material/alt_route:"):
            _branch(talk, shown)
        csv = lambda: figures.numbers(steps).to_csv(index=False)  # noqa: E731
        st.download_button("Numbers (CSV)", csv, f"reply-{n}.csv", key=f"chat_csv_{n}", type="tertiary")
    read, order = bytes(shown.prompt.ids), shown.order
    xray.panel(order.checkpoint, read + shown.raw, f"chat_{n}", len(read), order.interventions)


def _branch(talk: Conversation, shown: Turn) -> None:
    """Choose a byte, at first the least sure one, and what shall stand there instead."""
    steps, n = shown.steps, shown.number
    st.write("What if another byte stood there? The reply is written anew from it, beside this one.")
    least = min(range(len(steps)), key=lambda i: steps[i].probability)
    place = st.selectbox(
        "Byte", range(len(steps)), least, lambda i: figures.in_its_place(steps, i), key=f"chat_place_{n}"
    )
    others = [other for other in steps[place].alternatives if other[0] != steps[place].byte]
    key = f"chat_other_{n}_{place}"
    other = st.selectbox("Instead", others, format_func=lambda found: figures.alternative(*found), key=key)
    if st.button("Go on from there", key=f"chat_branch_{n}", type="primary"):
        talk.branch(services.model(shown.order.checkpoint), shown, place, other[0])
        st.rerun()
