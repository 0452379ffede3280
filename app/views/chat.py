"""A chat with a small model, and under every reply what went on in it."""

import streamlit as st

from app import inputs, services, show, sidebar
from app.figures import chat as figures
from app.parts import turns
from app.parts.conversation import Conversation, Order
from tilelli.header import read_header

EXAMPLES = ("What is the capital of Peru?", "Who are you?", "What is 3 plus 4?", "What did I eat yesterday?")
UNTAUGHT = (
    "`{name}` has read texts, but was never taught to chat: expect it to ramble. "
    "[Talk to tilelli/mini-chat](/chat?checkpoint=tilelli%2Fmini-chat), which was, or teach this one: "
    "`python -m tilelli sft --checkpoint {name} --data FOLDER --out runs/my-chat`."
)
EMPTY = "The conversation appears here. Ask something below, or begin with one of these:"


def new_conversation() -> None:
    st.session_state.chat.stop()
    st.session_state.chat = Conversation()


def keep() -> None:
    """A message waits here until it has been said, for the run that reads it may be cut short by another click."""
    st.session_state.chat_waiting = st.session_state.chat_message


def say(talk: Conversation, order: Order, message: str) -> None:
    talk.say(services.model(order.checkpoint), order, message)


def draw(talk: Conversation, order: Order) -> None:
    """The line of turns, and how much of the context it takes."""
    with st.container(horizontal=True):
        st.button("New conversation", key="chat_new_conversation", on_click=new_conversation, icon=":material/add:")
        with st.popover("Take away", type="tertiary", icon=":material/download:"):
            st.download_button("Text", talk.as_text, "chat.txt", key="chat_text")
            st.download_button("All variants and figures (JSON)", talk.as_json, "chat.json", key="chat_json")
    model = services.model(order.checkpoint)
    for number, turn in enumerate(line := talk.line):
        if number and number == line[-1].forgotten:
            st.caption(":material/vertical_align_top: The last reply was written without what stands above this line.")
        show.guarded(turns.turn, talk, turn, model, order)
    last = line[-1]
    st.html(figures.meter(last.memory, turns.context(last)))
    show.elsewhere(turns.python(last), turns.command(order))


def page(name: str) -> None:
    if "tuning" not in read_header(name).provenance:
        st.info(UNTAUGHT.format(name=name))
    with st.expander("How it replies: sampling, seed, and the gate that may decline", icon=":material/tune:"):
        sampling = inputs.ask_sampling(100, 0.3, most=figures.MOST, prefix="chat_")
        gate, engine, changes = inputs.ask_gate(name, prefix="chat_"), inputs.ask_engine(), sidebar.interventions(name)
        order = Order(name, services.identity(name), sampling, gate, interventions=changes, engine=engine)
    talk = st.session_state.setdefault("chat", Conversation())
    most = inputs.LONGEST_TEXT
    st.chat_input("Write a message", key="chat_message", max_chars=most, on_submit=keep)
    empty = st.empty()
    if not talk.first:
        with empty.container():
            st.info(EMPTY)
            with st.container(horizontal=True):
                for example in EXAMPLES:
                    if st.button(example, key=f"chat_example_{example}"):
                        st.session_state.chat_waiting = example
    if (message := st.session_state.pop("chat_waiting", None)) and message.strip():
        show.guarded(say, talk, order, message)
    if talk.first:
        empty.empty()
        draw(talk, order)


st.title("What does it say, and does it know?")
st.write(
    "Ask a small model something. It writes its reply byte by byte, each on a ground that is the stronger the less "
    "sure it was. A model that was taught to can also decline: in words, or by a **gate** that reads how likely the "
    "model itself holds it that no answer is right. Below a reply you see each byte, and can let it go on otherwise."
)
if chosen := st.session_state.get("checkpoint"):
    show.guarded(page, chosen)
