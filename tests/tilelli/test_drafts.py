import math

import pytest

from tests.conftest import MakeModel
from tilelli import chat
from tilelli.drafts import Draft, drafted, drafts
from tilelli.gate import Gate
from tilelli.generation import stream
from tilelli.interventions import parse
from tilelli.sampling import Sampling

PROMPTS = ["USER: Hi\nTILELLI:", "USER: Ho\nTILELLI:", "USER: Who are you, and why?\nTILELLI:", "USER: ⵣ\nTILELLI:"]


@pytest.mark.parametrize("kind", ["routed", "vanilla"])
def test_drafts_side_by_side_are_the_replies_each_would_get_alone(tiny: MakeModel, kind: str) -> None:
    model, ids = tiny(kind, context=48), [chat.encode(prompt) for prompt in PROMPTS]
    for prompt, draft in zip(ids, drafts(model, ids, 40), strict=True):
        alone = list(chat.reply(model, prompt, Sampling(max_new=40, temperature=0, stop_at_end=True)))
        assert draft.reply == bytes(step.byte for step in alone)
        costs = [-math.log2(step.probability) for step in alone]
        assert draft.bits[: len(costs)] == pytest.approx(costs, rel=1e-3)
        assert len(draft.bits) - len(costs) in (0, 1)  # the end of the line, where there is one


def test_an_intervention_holds_for_reading_and_for_writing(tiny: MakeModel) -> None:
    model, ids, changes = tiny(context=64), chat.encode(PROMPTS[0]), parse("remove:sparse")
    alone = list(chat.reply(model, ids, Sampling(max_new=12, temperature=0), interventions=changes))
    (draft,) = drafts(model, [ids], 12, changes)
    assert draft.reply == bytes(step.byte for step in alone)
    assert draft.bits != drafts(model, [ids], 12)[0].bits


def test_the_answer_is_the_first_sentence_and_what_comes_after_it_costs_nothing() -> None:
    costs = tuple(float(n) for n in range(10))
    assert Draft(b"Xe. Yes.", costs[:9], None).answer_bits == (0.0, 1.0, 2.0, 3.0)
    assert Draft(b"Lima.", costs[:6], None).answer_bits == costs[:6]
    assert Draft(b"", (1.0,), None).answer_bits == (1.0,)


def test_the_gate_reads_head_answer_and_words_of_a_draft() -> None:
    gate = Gate(head=1.0, total=2.0, mean=0.0, words=4.0, bias=-1.0)
    assert Draft(b"Xe. Yes.", (0.5,) * 9, None).abstain(gate) is None
    for reply, words in ((b"Xe. Yes.", False), (b"Xe. No, I don't think so.", True)):
        draft = Draft(reply, (0.5,) * (len(reply) + 1), 0.25)
        assert draft.declines is words
        assert draft.abstain(gate) == gate.probability(0.25, (0.5,) * 4, words)


@pytest.mark.parametrize("abstain", [False, True])
def test_another_engine_drafts_the_same(tiny: MakeModel, abstain: bool) -> None:
    model, ids = tiny(context=48, abstain=abstain), chat.encode(PROMPTS[2])
    (expected,) = drafts(model, [ids], 40)
    found = drafted(model, ids, 40, lambda ids, sampling: stream(model, ids, sampling))
    assert (found.reply, found.head) == (expected.reply, expected.head)
    assert found.bits == pytest.approx(expected.bits, rel=1e-3)
