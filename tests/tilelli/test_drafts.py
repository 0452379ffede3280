import math

import pytest

from tests.conftest import MakeModel
from tilelli import chat
from tilelli.drafts import drafts
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
