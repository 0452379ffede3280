import json
from dataclasses import replace
from pathlib import Path

import pytest

from app.parts.conversation import GATE, WORDS, Conversation, Order, Turn
from tests.conftest import MakeModel
from tilelli import chat
from tilelli.base import ByteLM
from tilelli.errors import InputError
from tilelli.gate import Gate
from tilelli.generation import Sampling

GREEDY = Order("runs/tiny", "0" * 64, Sampling(max_new=6, temperature=0, seed=3))
LONG = Order("runs/tiny", "0" * 64, Sampling(max_new=100_000), forced=tuple(b"a" * 100_000))


@pytest.fixture
def model(tiny: MakeModel) -> ByteLM:
    return tiny(abstain=True, context=96)


def said(model: ByteLM, *messages: str) -> Conversation:
    talk = Conversation()
    for message in messages:
        done(talk.say(model, GREEDY, message))
    return talk


def done(turn: Turn) -> Turn:
    turn.job.wait()
    return turn


def messages(talk: Conversation) -> list[str]:
    return [turn.message for turn in talk.line]


def test_a_reply_is_that_of_the_library(model: ByteLM) -> None:
    first, second = said(model, "One", "Two").line
    prompt = chat.prompt([chat.Turn("One", first.reply)], "Two", 96, second.room)
    assert second.prompt == prompt
    assert second.steps == list(chat.reply(model, prompt.ids, GREEDY.sampling))


def test_every_engine_gives_the_same_reply_and_it_is_said_who_wrote_it(model: ByteLM, tmp_path: Path) -> None:
    model.provenance = {"figures": Gate(1.0, 0.1, 0.1, 0.1, 0.0).figures()}
    model.save_pretrained(tmp_path)
    found = {}
    for engine in ("torch", "numpy"):
        order = replace(GREEDY, checkpoint=str(tmp_path), engine=engine, gate=1.0)
        talk = Conversation()
        found[engine] = turn = done(talk.say(model, order, "One"))
        assert turn.engine == engine
        assert json.loads(talk.as_json())[0]["written_by"] == engine
    assert found["torch"].raw == found["numpy"].raw
    assert found["torch"].abstain == pytest.approx(found["numpy"].abstain, abs=1e-5)
    assert done(talk.say(model, replace(order, gate=0.0), "Two")).engine == "torch"  # the gate's words are given
    assert done(talk.branch(model, turn, 1, 97)).engine == "torch"
    assert done(talk.say(model, replace(order, interventions="remove:local"), "Three")).engine == "torch"


def test_a_message_stops_the_reply_before_it_and_keeps_what_there_is(model: ByteLM) -> None:
    talk = Conversation()
    first = talk.say(model, LONG, "One")
    while not first.steps:
        pass
    talk.say(model, GREEDY, "Two")
    assert first.job.stopped
    assert not first.job.running
    assert 0 < len(first.steps) < 100_000
    assert talk.line[1].prompt.turns + talk.line[1].forgotten == 1


def test_regenerating_stands_beside_what_was_with_a_seed_of_its_own(model: ByteLM) -> None:
    talk = said(model, "One", "Two")
    first, second = talk.line
    again = done(talk.again(model, GREEDY, first))
    assert [turn.order.sampling.seed for turn in talk.variants(again)] == [3, 4]
    assert talk.line == [again]
    assert done(talk.again(model, GREEDY, first)).order.sampling.seed == 5
    talk.show(first)
    assert talk.line == [first, second]


def test_editing_drops_no_turn_but_shows_another_line(model: ByteLM) -> None:
    talk = said(model, "One", "Two", "Three")
    middle = talk.line[1]
    done(talk.edit(model, GREEDY, middle, "Other"))
    assert messages(talk) == ["One", "Other"]
    talk.show(middle)
    assert messages(talk) == ["One", "Two", "Three"]
    assert [turn.number for turn in talk.all()] == [1, 2, 3, 4]


def test_a_branch_keeps_the_bytes_before_and_puts_another_in_place(model: ByteLM) -> None:
    talk = said(model, "One")
    (turn,) = talk.line
    byte = next(b for b, _ in turn.steps[2].alternatives if b not in (0, 10, turn.raw[2]))
    branch = done(talk.branch(model, turn, 2, byte))
    assert branch.raw[:3] == turn.raw[:2] + bytes([byte])
    assert branch.order.sampling == turn.order.sampling
    assert talk.variants(turn) == [turn, branch]


def test_what_declines_is_the_gate_the_words_or_nothing(model: ByteLM) -> None:
    talk = said(model, "One")
    assert talk.line[0].declined is None
    gated = Order("runs/tiny", "", GREEDY.sampling, gate=0.0)
    declined = done(talk.say(model, gated, "Two"))
    assert (declined.declined, declined.reply) == (GATE, "I don't know.")
    anyway = done(talk.anyway(model, declined))
    assert anyway.declined is None
    assert anyway.abstain == declined.abstain
    words = Order("runs/tiny", "", Sampling(max_new=14, temperature=0), forced=tuple(b" I don't know."))
    assert done(talk.say(model, words, "Three")).declined == WORDS


def test_the_memory_adds_up_to_the_context(model: ByteLM) -> None:
    talk = said(model, "One", "Two")
    for turn in talk.line:
        assert sum(turn.memory.values()) == 96
        assert turn.memory["your message"] == len("\0USER: One\nTILELLI: ")
    assert talk.line[0].memory["earlier turns"] == 0


def test_the_oldest_turns_are_forgotten_and_counted(model: ByteLM) -> None:
    talk = said(model, *(f"message number {n}" for n in range(6)))
    assert [turn.forgotten for turn in talk.line][:2] == [0, 0]
    assert talk.line[-1].forgotten == 5 - talk.line[-1].prompt.turns > 0


def test_a_message_without_a_word_is_refused_and_leaves_no_turn(model: ByteLM) -> None:
    talk = said(model, "One")
    with pytest.raises(InputError, match="There is no message to reply to"):
        talk.say(model, GREEDY, " \0 ")
    assert messages(talk) == ["One"]


@pytest.mark.parametrize("message", ["🦊", "a" * 10_000, "كيف حالك؟", "two\nlines", "\ud800", "<script>"])
def test_any_message_gets_a_reply(model: ByteLM, message: str) -> None:
    (turn,) = said(model, message).line
    assert turn.job.error is None
    assert turn.steps
    assert len(turn.prompt.ids) + turn.room <= 96


def test_the_text_is_the_line_that_is_shown(model: ByteLM) -> None:
    talk = said(model, "One", "Two\nlines")
    text = talk.as_text()
    assert text.count("\n") == 4
    assert text.startswith("USER: One\nTILELLI: ")
    assert "\nUSER: Two lines\nTILELLI: " in text


def test_the_json_holds_every_variant_with_its_figures(model: ByteLM) -> None:
    talk = said(model, "One", "Two")
    done(talk.again(model, GREEDY, talk.line[1]))
    told = json.loads(talk.as_json())
    assert [(turn["turn"], turn["follows"], turn["shown"]) for turn in told] == [
        (1, None, True),
        (2, 1, False),
        (3, 1, True),
    ]
    assert told[0]["sampling"]["seed"] == 3
    assert len(told[0]["bytes"]) == len(talk.line[0].steps)
    assert {"byte", "probability", "alternatives", "pathways", "abstain"} <= set(told[0]["bytes"][0])
