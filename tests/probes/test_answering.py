import math

import pytest
import torch

from probes.answering import Answer, answer, loops
from probes.routing import from_trace
from tests.conftest import MakeModel
from tilelli import chat
from tilelli.base import ByteLM
from tilelli.generation import Sampling, Written
from tilelli.tokenizer import ByteTokenizer
from tilelli.trace import trace

PROMPTS = [f"USER: {said}\nTILELLI:" for said in ("Hi", "Ho", "Who are you?", "Hi", "ⵣ", "A", "What is a cat?", "x")]


def one_by_one(model: ByteLM, prompt: str, max_new: int) -> list[Written]:
    return list(chat.reply(model, chat.encode(prompt), Sampling(max_new=max_new, temperature=0)))


@pytest.mark.parametrize("kind", ["routed", "vanilla"])
@pytest.mark.parametrize("context", [16, 40, 128])  # the window slides, slides while writing, holds all
def test_side_by_side_they_reply_as_one_by_one(tiny: MakeModel, kind: str, context: int) -> None:
    for seed in range(3):
        model = tiny(kind, seed=seed, context=context, abstain=True)
        for prompt, found in zip(PROMPTS, answer(model, PROMPTS, max_new=30), strict=True):
            written = one_by_one(model, prompt, 30)
            assert found.reply == ByteTokenizer().decode([w.byte for w in written]).strip()
            assert found.ended == (len(written) < 30)
            assert found.abstain_p == pytest.approx(chat.abstain_probability(model, chat.encode(prompt)), abs=1e-6)


def test_rows_that_end_at_different_places_leave_one_another_alone(tiny: MakeModel) -> None:
    prompts = ["ab", "cd", "ef", "gh", "ij"]  # of equal length: they are answered side by side
    model = tiny(seed=9, context=128)
    with torch.no_grad():
        model.embedding.weight[ord("\n")] *= 2  # a line often ends
    written = [one_by_one(model, prompt, 40) for prompt in prompts]
    assert len({len(said) for said in written if 0 < len(said) < 40}) > 1
    for said, found in zip(written, answer(model, prompts, max_new=40), strict=True):
        assert found.reply == ByteTokenizer().decode([w.byte for w in said]).strip()
        assert found.ended == (len(said) < 40)


def test_certainty_is_the_mean_over_the_bytes_decided(tiny: MakeModel) -> None:
    model = tiny(context=128)
    (found,) = answer(model, PROMPTS[:1], max_new=20)
    written = one_by_one(model, PROMPTS[0], 20)
    assert len(written) == 20  # so that no end is among the bytes decided
    assert found.max_softmax_mean == pytest.approx(sum(w.probability for w in written) / 20, abs=1e-6)
    assert found.entropy_mean == pytest.approx(sum(w.entropy for w in written) / 20, abs=1e-5)


def test_a_reply_that_ends_at_once_is_empty_and_has_a_certainty(tiny: MakeModel) -> None:
    model = tiny("vanilla", context=64)
    with torch.no_grad():
        model.norm.weight.zero_()
        model.norm.bias.copy_(model.embedding.weight[0])  # always the end of the document
        model.norm.bias.mul_(3)
    (found,) = answer(model, PROMPTS[:1])
    assert (found.reply, found.ended, found.abstain_p, found.is_nothing) == ("", True, None, True)
    assert 0 < found.max_softmax_mean <= 1


def test_progress_counts_every_prompt(tiny: MakeModel) -> None:
    seen: list[tuple[int, int]] = []
    answer(tiny(context=64), PROMPTS, 1, lambda done, total: seen.append((done, total)))
    assert seen[-1] == (len(PROMPTS), len(PROMPTS))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert answer(tiny(context=64), []) == []


@pytest.mark.parametrize(
    ("text", "does"),
    [
        ("the cat and the cat and the cat and the cat and ", True),
        ("I don't know. " * 4, True),
        ("a" * 24, True),
        ("ha ha ha ha ha!", False),
        ("b-a-n-a-n-a", False),
        ("The capital of France is Paris.", False),
        ("", False),
    ],
)
def test_a_loop_is_told_from_a_laugh(text: str, does: bool) -> None:
    assert loops(text) == does


@pytest.mark.parametrize(
    ("reply", "nothing"), [("", True), ("?!.", True), ("a" * 40, True), ("7", False), ("ⵣ", False)]
)
def test_a_reply_without_a_letter_or_a_digit_says_nothing(reply: str, nothing: bool) -> None:
    assert Answer(reply, True, None, 1.0, 0.0).is_nothing == nothing


def test_what_reading_the_prompt_tells_is_what_a_trace_tells(tiny: MakeModel) -> None:
    model = tiny(context=128, abstain=True)
    (found,) = answer(model, PROMPTS[:1], max_new=4)
    seen = trace(model, chat.encode(PROMPTS[0]))
    surest = seen.probabilities[0].amax(dim=-1)
    assert found.max_softmax_last == pytest.approx(float(surest[-1]), abs=1e-6)
    assert found.prompt_max_softmax_mean == pytest.approx(float(surest[:-1].mean()), abs=1e-6)
    assert found.prompt_logprob_mean == pytest.approx(-float(seen.bits.mean()), abs=1e-5)
    entropy = from_trace(seen).entropy[:, 1:].mean(axis=0)
    assert found.router_conf == pytest.approx(1 - entropy.mean(), abs=1e-6)
    assert found.router_entropy_var == pytest.approx(entropy.var(), abs=1e-6)


def test_what_writing_tells_is_what_the_written_bytes_tell(tiny: MakeModel) -> None:
    model = tiny(context=128)
    (found,) = answer(model, PROMPTS[:1], max_new=20)
    written = one_by_one(model, PROMPTS[0], 20)
    logs = [math.log2(w.probability) for w in written]
    assert found.logprob_mean == pytest.approx(sum(logs) / 20, abs=1e-5)
    assert found.reply_p == pytest.approx(2 ** sum(logs), rel=1e-4)
    margins = [w.alternatives[0][1] - w.alternatives[1][1] for w in written]
    assert found.margin_mean == pytest.approx(sum(margins) / 20, abs=1e-6)


def test_vanilla_models_have_no_router_to_be_sure(tiny: MakeModel) -> None:
    (found,) = answer(tiny("vanilla", context=64), PROMPTS[:1], max_new=2)
    assert (found.router_conf, found.router_entropy_var) == (None, None)
