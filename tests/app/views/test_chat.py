import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app import services
from app.parts.conversation import Conversation, Order
from tests.app.conftest import APP
from tests.conftest import MakeModel
from tilelli.generation import Sampling

PAGE = APP / "views" / "chat.py"


@pytest.fixture
def chats(folder: Path, tiny: MakeModel) -> Path:
    """Beside the usual checkpoints one that has an abstain head and says that it was tuned."""
    model = tiny(abstain=True, context=96)
    model.provenance = {"tuning": {}, "figures": {"threshold": 0.25}}
    model.save_pretrained(folder / "chat")
    for kind in ("routed", "vanilla"):
        tiny(kind, context=96).save_pretrained(folder / kind)
    return folder


def opened(folder: Path, name: str = "chat", **query: str) -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=30)
    page.session_state["checkpoint"] = str(folder / name)
    page.query_params.update({"chat_gate": "false"} | query)
    return page.run()


def talk(page: AppTest) -> Conversation:
    found = page.session_state["chat"]
    assert isinstance(found, Conversation)
    return found


def say(page: AppTest, message: str) -> AppTest:
    page.chat_input[0].set_value(message).run()
    return settled(page)


def settled(page: AppTest) -> AppTest:
    """The page once the reply has been written."""
    for turn in talk(page).all():
        turn.job.wait()
    page.run()
    assert not page.exception
    assert not page.error
    return page


def press(page: AppTest, key: str) -> AppTest:
    page.button(key=key).click().run()
    return settled(page)


def messages(page: AppTest) -> list[str]:
    return [turn.message for turn in talk(page).line]


def shown(page: AppTest) -> str:
    return " ".join(item.proto.body for item in page.get("html")) + " ".join(c.value for c in page.caption)


def test_an_empty_page_offers_questions_that_can_be_clicked(chats: Path) -> None:
    page = opened(chats)
    assert not page.exception
    assert page.title[0].value.endswith("?")
    press(page, "chat_example_Who are you?")
    assert messages(page) == ["Who are you?"]
    assert not page.info


@pytest.mark.parametrize("kind", ["chat", "routed", "vanilla"])
def test_a_reply_has_a_ribbon_of_what_the_model_has_parts_for(chats: Path, kind: str) -> None:
    page = say(opened(chats, kind), "Hello")
    assert "<div>sure</div>" in shown(page)
    assert ("<div>pathway</div>" in shown(page)) == (kind != "vanilla")
    assert ("<div>abstain</div>" in shown(page)) == (kind == "chat")


def test_a_model_that_was_not_taught_to_chat_says_so_and_still_replies(chats: Path) -> None:
    page = say(opened(chats, "routed"), "Hello")
    assert "was never taught to chat" in page.info[0].value
    assert page.toggle(key="chat_gate").disabled
    assert "no abstain head" in shown(page)
    assert not opened(chats).toggle(key="chat_gate").disabled


@pytest.mark.parametrize(
    "message", ["🦊", "a" * 10_000, "كيف حالك؟", "two\nlines", "<script>alert(1)</script>", "`*[x"]
)
def test_any_message_can_be_said(chats: Path, message: str) -> None:
    page = say(say(opened(chats), message), "And now?")
    assert messages(page) == [message, "And now?"]
    assert "<script" not in shown(page)


def test_a_blank_message_is_not_sent(chats: Path) -> None:
    page = opened(chats)
    page.chat_input[0].set_value("  \n ").run()
    assert not page.exception
    assert talk(page).line == []


def test_regenerate_edit_and_the_switches_keep_every_variant(chats: Path) -> None:
    page = say(say(opened(chats), "One"), "Two")
    press(page, "chat_again_1")
    assert messages(page) == ["One"]
    assert "2/2" in shown(page)
    press(page, "chat_-1_3")
    assert messages(page) == ["One", "Two"]
    page.button(key="chat_edit_2").click().run()
    page.text_area(key="chat_box_2").set_value("Three")
    next(button for button in page.button if button.label == "Send").click().run()
    settled(page)
    assert messages(page) == ["One", "Three"]
    press(page, "chat_-1_4")
    assert messages(page) == ["One", "Two"]


def test_a_reply_goes_on_from_another_byte(chats: Path) -> None:
    page = say(opened(chats), "Hello")
    first = talk(page).line[0]
    page.selectbox(key="chat_place_1").set_value(2).run()
    press(page, "chat_branch_1")
    branch = talk(page).line[0]
    assert branch.raw[:2] == first.raw[:2]
    assert branch.order.forced[2] != first.raw[2]
    assert "led on from byte 2" in shown(page)


def test_the_gate_is_the_checkpoints_own_and_can_be_overruled(chats: Path) -> None:
    page = opened(chats, chat_gate="true")
    assert page.slider(key="chat_threshold").value == 0.25
    page.slider(key="chat_threshold").set_value(0.0).run()
    say(page, "One")
    assert "declined by the gate" in shown(page)
    press(page, "chat_anyway_1")
    assert "declined by the gate" not in shown(page)


def test_sampling_and_seed_stand_in_the_link(chats: Path) -> None:
    page = say(opened(chats, chat_seed="7", chat_temperature="0.5", chat_new="4", chat_threshold="0.9"), "One")
    sampling = talk(page).line[0].order.sampling
    assert (sampling.seed, sampling.temperature, sampling.max_new) == (7, 0.5, 4)
    assert page.slider(key="chat_threshold").value == 0.9


def test_another_checkpoint_goes_on_with_the_conversation_and_each_reply_names_its_own(chats: Path) -> None:
    page = say(opened(chats), "One")
    page.session_state["checkpoint"] = str(chats / "vanilla")
    say(page.run(), "Two")
    assert messages(page) == ["One", "Two"]
    assert f"`{chats / 'chat'}`: done" in shown(page)
    assert f"`{chats / 'vanilla'}`: done" in shown(page)


def test_the_threshold_follows_the_checkpoint(chats: Path) -> None:
    page = opened(chats, chat_threshold="0.9")
    page.session_state["checkpoint"] = str(chats / "routed")
    page.run()
    page.session_state["checkpoint"] = str(chats / "chat")
    assert page.run().slider(key="chat_threshold").value == 0.25


def test_the_meter_counts_bytes_and_says_what_is_forgotten(chats: Path) -> None:
    page = opened(chats)
    for number in range(4):
        say(page, f"message number {number}")
    assert "of the 96 that the model reads at once. The first" in shown(page)
    assert "was written without what stands above this line" in shown(page)


def test_the_python_that_the_page_shows_gives_the_same_reply(chats: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = say(say(opened(chats), 'He said "no"'), "{Two}")
    exec(page.code[0].value, {})
    assert capsys.readouterr().out.strip() == talk(page).line[1].reply


def test_stop_keeps_the_part_that_was_written(chats: Path) -> None:
    page, name = opened(chats), str(chats / "chat")
    endless = Order(name, "", Sampling(max_new=1_000_000), forced=(97,) * 1_000_000)
    turn = talk(page).say(services.model(name), endless, "One")
    while not turn.steps:
        pass
    page.run()
    page.button(key="chat_stop").click().run()
    assert not turn.job.running
    assert "stopped, " in shown(page)
    assert messages(say(page, "Two")) == ["One", "Two"]


def test_a_new_conversation_is_empty(chats: Path) -> None:
    page = say(opened(chats), "One")
    page.button(key="chat_new_conversation").click().run()
    assert talk(page).line == []
    assert json.loads(talk(page).as_json()) == []
    assert "The conversation appears here" in page.info[0].value


def test_a_context_too_short_to_chat_in_is_a_sentence(folder: Path) -> None:
    page = opened(folder, "routed")
    page.chat_input[0].set_value("Hello").run()
    assert not page.exception
    assert "The context is too short to chat in" in page.error[0].value
