from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import MakeModel
from tilelli import chat
from tilelli.chat import Turn
from tilelli.errors import InputError
from tilelli.gate import DRAFT, Gate
from tilelli.generation import Sampling, Written, stream
from tilelli.interventions import parse
from tilelli.tokenizer import ByteTokenizer

GREEDY = Sampling(max_new=12, temperature=0)


def text(ids: list[int]) -> str:
    return ByteTokenizer().decode(ids[1:])


def test_a_prompt_worked_by_hand() -> None:
    made = chat.prompt([Turn("Hi", "Hello!")], "  Who\nare you? ", context=256)
    assert text(made.ids) == "USER: Hi\nTILELLI: Hello!\nUSER: Who are you?\nTILELLI: "
    assert (made.ids[0], made.turns, made.cut) == (0, 1, 0)


def test_the_oldest_turns_are_forgotten_first() -> None:
    turns = [Turn(f"question {n}", f"reply {n}") for n in range(9)]
    made = chat.prompt(turns, "And now?", context=160)
    assert text(made.ids).startswith("USER: question 8\nTILELLI: reply 8\n")
    assert made.turns == 1


@given(st.lists(st.builds(Turn, st.text(), st.text()), max_size=4), st.text(max_size=400), st.integers(100, 300))
def test_a_prompt_leaves_room_for_the_reply_and_keeps_the_format(turns: list[Turn], message: str, context: int) -> None:
    if not message.replace("\0", " ").split():
        with pytest.raises(InputError, match="There is no message to reply to"):
            chat.prompt(turns, message, context)
        return
    made = chat.prompt(turns, message, context)
    assert len(made.ids) <= context - chat.ROOM
    assert 0 not in made.ids[1:]
    assert text(made.ids).endswith("\nTILELLI: ")
    assert text(made.ids).count("\n") == 2 * made.turns + 1


def test_of_a_message_that_is_too_long_the_end_is_kept() -> None:
    made = chat.prompt([], "ⵣ" * 100 + " end", context=128)
    assert text(made.ids).endswith("ⵣ end\nTILELLI: ")
    assert made.cut + len(text(made.ids).encode()) == len("ⵣ".encode()) * 100 + 4 + len("USER: \nTILELLI: ")


def test_a_context_without_room_is_refused() -> None:
    with pytest.raises(InputError, match="The context is too short to chat in: 90 bytes"):
        chat.prompt([], "Hello", context=90)


def test_the_gate_declines_from_its_threshold_on(tiny: MakeModel) -> None:
    model, ids = tiny(abstain=True, context=64), chat.encode("USER: Hi\nTILELLI:")
    p = chat.abstain_probability(model, ids)
    assert p is not None
    declined = list(chat.reply(model, ids, GREEDY, gate=p))
    assert bytes(step.byte for step in declined).decode() == chat.DECLINED
    free = [step.byte for step in chat.reply(model, ids, GREEDY, gate=p + 1e-6)]
    assert free == [step.byte for step in chat.reply(model, ids, GREEDY)]
    assert declined[0].abstain == pytest.approx(p)


def test_a_model_without_a_head_never_declines(tiny: MakeModel) -> None:
    model, ids = tiny(context=64), chat.encode("USER: Hi\nTILELLI:")
    assert chat.abstain_probability(model, ids) is None
    assert [s.byte for s in chat.reply(model, ids, GREEDY, gate=0.0)] == [
        s.byte for s in chat.reply(model, ids, GREEDY)
    ]


def test_a_reply_may_be_led_to_begin_otherwise(tiny: MakeModel) -> None:
    model, ids = tiny(context=64), chat.encode("USER: Hi\nTILELLI:")
    led = [step.byte for step in chat.reply(model, ids, GREEDY, forced=[32, 89])]
    assert led[:2] == [32, 89]
    assert led[2:] == [step.byte for step in chat.reply(model, [*ids, 32, 89], Sampling(max_new=10, temperature=0))]


def test_the_threshold_is_the_checkpoints_own_where_it_has_one(tiny: MakeModel) -> None:
    model = tiny(abstain=True)
    assert chat.threshold(model) == chat.THRESHOLD
    model.provenance = {"figures": {"threshold": 0.3}}
    assert chat.threshold(model) == 0.3


@pytest.mark.parametrize("drafts", [False, True])
def test_another_engine_writes_what_is_free_and_the_reply_is_the_same(tiny: MakeModel, drafts: bool) -> None:
    model, ids, asked = tiny(abstain=True, context=64), chat.encode("USER: Hi\nTILELLI:"), list[int]()
    if drafts:
        model.provenance = {"figures": Gate(1.0, 0.1, 0.1, 0.1, 0.0).figures()}

    def write(ids: Sequence[int], sampling: Sampling) -> Iterator[Written]:
        asked.append(sampling.max_new)
        return stream(model, ids, sampling)

    expected, found = (list(chat.reply(model, ids, GREEDY, gate=1.0, write=other)) for other in (None, write))
    assert [step.byte for step in found] == [step.byte for step in expected]
    assert found[0].abstain == pytest.approx(expected[0].abstain, abs=1e-5)
    assert asked == [DRAFT, 12][not drafts :]
    list(chat.reply(model, ids, GREEDY, interventions=parse("remove:local"), write=write))
    assert len(asked) == 1 + drafts  # interventions are left to torch
