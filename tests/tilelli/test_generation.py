import math
from types import SimpleNamespace
from typing import cast

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from tests.conftest import MakeModel
from tilelli.base import ByteLM
from tilelli.errors import ConfigError, InputError
from tilelli.generation import Sampling, distribution, stream, window_start
from tilelli.state import DecodeState
from tilelli.trace import Recorder, trace

CONTEXT = 16
logit_rows = st.integers(0, 10**6).map(lambda seed: 3 * torch.randn(256, generator=torch.Generator().manual_seed(seed)))


class Parrot:
    """Stands in for a model: is all but certain of the bytes of `script`, one after another."""

    def __init__(self, script: bytes) -> None:
        self.script, self.config = script, SimpleNamespace(context=1000)

    def __call__(
        self, ids: Tensor, state: DecodeState | None, trace: Recorder, interventions: object
    ) -> tuple[Tensor, DecodeState]:
        end = (state.position if state else 0) + ids.shape[1]
        logits = 50.0 * F.one_hot(torch.tensor([[self.script[end - 1]]]), 256).float()
        return logits, DecodeState(end, ())


def said(script: str | bytes, *stop: str) -> bytes:
    """What a parrot of `script` is heard to say with these stop strings."""
    raw = script.encode() if isinstance(script, str) else script
    sampling = Sampling(max_new=len(raw), temperature=0, stop=stop)
    return bytes(step.byte for step in stream(cast(ByteLM, Parrot(raw)), b"!", sampling))


def uncached(model: ByteLM, prompt: list[int], count: int) -> list[int]:
    """The obvious greedy continuation: the whole window is read again for every byte."""
    text = list(prompt) or [0]
    for _ in range(count):
        window = text[window_start(len(text), CONTEXT) :]
        text.append(int(model(torch.tensor([window]))[0][0, -1].argmax()))
    return text[-count:]


@pytest.mark.parametrize("length", [0, 1, CONTEXT - 1, CONTEXT, CONTEXT + 1, 3 * CONTEXT + 5])
def test_cached_writing_equals_reading_the_window_again_for_every_byte(model: ByteLM, length: int) -> None:
    prompt = torch.randint(256, (length,)).tolist()
    written = list(model.stream(prompt, 3 * CONTEXT, temperature=0, stop_at_end=False))
    assert written == uncached(model, prompt, 3 * CONTEXT)
    assert len(set(written)) > 1


def test_drawn_bytes_too_stand_in_the_window_of_their_length(model: ByteLM) -> None:
    text = [65]
    for step in stream(model, text, Sampling(max_new=3 * CONTEXT, temperature=2, stop_at_end=False)):
        window = text[window_start(len(text), CONTEXT) :]
        p = model(torch.tensor([window]))[0][0, -1].softmax(dim=-1)
        assert step.probability == pytest.approx(p[step.byte].item(), rel=1e-3, abs=1e-6)
        assert step.entropy == pytest.approx(torch.special.entr(p).sum().item() / math.log(2), rel=1e-3, abs=1e-4)
        text.append(step.byte)


@given(st.integers(0, 10_000), st.integers(2, 300))
def test_a_window_fits_and_keeps_at_least_half_a_context(length: int, context: int) -> None:
    start = window_start(length, context)
    assert start % (context // 2) == 0
    assert length - start <= context
    assert start == 0 if length <= context else length - start > context - context // 2


def test_the_window_slides_by_half_a_context() -> None:
    assert [window_start(length, 16) for length in (0, 16, 17, 24, 25, 32, 33)] == [0, 0, 8, 8, 16, 16, 24]


def test_the_seed_decides_what_is_written(model: ByteLM) -> None:
    texts = [model.generate([65], 40, temperature=1.5, seed=seed, stop_at_end=False) for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]


def test_the_global_seed_is_neither_used_nor_moved(model: ByteLM) -> None:
    torch.manual_seed(1)
    first = model.generate([65], 20, seed=3)
    torch.manual_seed(2)
    before = torch.get_rng_state()
    assert model.generate([65], 20, seed=3) == first
    assert torch.equal(torch.get_rng_state(), before)


def test_two_interleaved_streams_equal_their_single_runs(model: ByteLM) -> None:
    settings = {"max_new": 40, "temperature": 1.5, "stop_at_end": False}
    alone = [list(model.stream([prompt], seed=prompt, **settings)) for prompt in (65, 66)]
    together = list(zip(*(model.stream([prompt], seed=prompt, **settings) for prompt in (65, 66)), strict=True))
    assert [list(column) for column in zip(*together, strict=True)] == alone


def test_the_prompt_stands_before_the_continuation_and_is_left_alone(model: ByteLM) -> None:
    prompt = [65, 66]
    text = model.generate(prompt, 5, stop_at_end=False)
    assert prompt == [65, 66] == text[:2]
    assert len(text) == 7


def test_bytes_are_a_prompt_too(model: ByteLM) -> None:
    assert list(model.stream(b"AB", 9)) == list(model.stream([65, 66], 9))


def test_an_empty_prompt_is_the_beginning_of_a_document(model: ByteLM) -> None:
    assert list(model.stream([], 9)) == list(model.stream([0], 9))


def test_nothing_new_is_nothing(model: ByteLM) -> None:
    assert list(model.stream([65], 0)) == []


@pytest.mark.parametrize("bad", [256, -1])
def test_an_id_that_is_no_byte_is_refused_before_the_first_byte(model: ByteLM, bad: int) -> None:
    with pytest.raises(InputError, match=rf"An id is not a byte: {bad} at place 1\. Encode text with ByteTokenizer"):
        model.stream([65, bad])


@pytest.mark.parametrize(
    "settings", [{"temperature": -1}, {"top_p": 1.1}, {"top_k": 257}, {"max_new": -1}, {"temperature": float("nan")}]
)
def test_impossible_settings_are_refused(model: ByteLM, settings: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=f"{next(iter(settings))} is out of range"):
        model.generate([65], **settings)


def test_greedy_takes_the_likeliest_and_so_does_top_one(model: ByteLM) -> None:
    greedy = model.generate([65], 20, temperature=0)
    assert model.generate([65], 20, temperature=5, top_k=1) == greedy
    assert model.generate([65], 20, temperature=1, top_p=0) == greedy


@given(logit_rows, st.floats(0.01, 100), st.integers(0, 256), st.floats(0, 1))
def test_a_distribution_adds_up_to_one_over_what_is_left(
    logits: Tensor, temperature: float, top_k: int, top_p: float
) -> None:
    p = distribution(logits, Sampling(temperature=temperature, top_k=top_k, top_p=top_p))
    assert p.sum().item() == pytest.approx(1)
    assert 1 <= (p > 0).sum() <= (top_k or 256)
    assert p.argmax() == logits.argmax()


@given(logit_rows, st.floats(0.01, 0.99))
def test_top_p_keeps_the_fewest_bytes_that_reach_it(logits: Tensor, top_p: float) -> None:
    p = logits.double().softmax(dim=-1)
    kept = distribution(logits, Sampling(temperature=1, top_p=top_p)) > 0
    assert p[kept].sum() >= top_p - 1e-9
    assert p[kept].sum() - p[kept].min() < top_p + 1e-9
    assert p[kept].min() >= p[~kept].max()


@given(logit_rows, st.integers(1, 255))
def test_top_k_keeps_the_likeliest_and_their_proportions(logits: Tensor, top_k: int) -> None:
    p = distribution(logits, Sampling(temperature=1, top_k=top_k))
    best = logits.topk(top_k).indices
    torch.testing.assert_close(p[best], logits[best].double().softmax(dim=-1))
    assert (p > 0).sum() == top_k


@pytest.mark.parametrize("temperature", [1e-3, 1e-300, 5e-324])
def test_the_smallest_temperature_is_greedy(temperature: float) -> None:
    logits = torch.linspace(-5, 5, 256)
    assert distribution(logits, Sampling(temperature=temperature))[255] == pytest.approx(1)


def test_temperature_divides_the_logits() -> None:
    logits = torch.randn(256)
    p = distribution(logits, Sampling(temperature=2))
    torch.testing.assert_close(p, (logits.double() / 2).softmax(dim=-1))


def test_a_parrot_says_its_script() -> None:
    assert said("hello") == b"hello"


def test_the_end_of_the_document_ends_the_text_and_is_not_part_of_it() -> None:
    assert said("ab\0cd") == b"ab"


@pytest.mark.parametrize(
    ("script", "stop", "heard"),
    [
        ("one. two", (". ",), "one"),
        ("one.two. ", (". ",), "one.two"),
        ("aaab", ("aab",), "a"),
        ("abcabd", ("abd",), "abc"),
        ("ab", ("abc",), "ab"),  # begun, never ended
        ("xabcd", ("bc", "abc"), "x"),  # both end at once: the longer one goes
        ("xabcd", ("abcd", "b"), "xa"),  # the one that ends first
        ("x€y", ("€",), "x"),
        ("stop", ("",), "stop"),
        ("stop", ("stop",), ""),
    ],
)
def test_a_stop_string_ends_the_text_and_is_not_part_of_it(script: str, stop: tuple[str, ...], heard: str) -> None:
    assert said(script, *stop) == heard.encode()


def cut_slowly(script: str, stops: list[str]) -> str:
    """The obvious version: the shortest beginning of `script` that ends in a stop string, less the longest such one."""
    for end in range(1, len(script) + 1):
        ending = [stop for stop in stops if script[:end].endswith(stop)]
        if ending:
            return script[: end - max(map(len, ending))]
    return script


@given(st.text("ab", max_size=12), st.lists(st.text("ab", min_size=1, max_size=4), max_size=3))
def test_stop_strings_cut_where_the_obvious_version_cuts(script: str, stops: list[str]) -> None:
    assert said(script, *stops) == cut_slowly(script, stops).encode()


def test_a_byte_that_begins_no_stop_string_is_shown_at_once() -> None:
    asked: list[int] = []

    def count() -> bool:
        asked.append(1)
        return False

    sampling = Sampling(max_new=4, temperature=0, stop=("bc",))
    heard = stream(cast(ByteLM, Parrot(b"abac")), b"!", sampling, count)
    assert [(step.byte, len(asked)) for step in heard] == [(97, 1), (98, 3), (97, 3), (99, 4)]


def test_a_stream_stops_when_it_is_asked_to(model: ByteLM) -> None:
    heard: list[int] = []
    sampling = Sampling(max_new=100, stop_at_end=False)
    for step in stream(model, [65], sampling, lambda: len(heard) == 3):
        heard.append(step.byte)
    assert len(heard) == 3


def test_every_byte_tells_what_else_was_likely_and_which_pathway_carried_it(tiny: MakeModel) -> None:
    model, ids = tiny(abstain=True), [1, 2, 3]
    seen = trace(model, ids)
    assert seen.router_weights is not None
    assert seen.abstain is not None
    first = next(stream(model, ids, Sampling(temperature=0)))
    assert first.alternatives[0] == (first.byte, pytest.approx(first.probability))
    values, likeliest = seen.probabilities[0, -1].topk(len(first.alternatives))
    assert [byte for byte, _ in first.alternatives] == likeliest.tolist()
    assert [p for _, p in first.alternatives] == pytest.approx(values.tolist(), rel=1e-4)
    assert first.pathways == pytest.approx(seen.router_weights[:, 0, -1].mean(dim=0).tolist(), rel=1e-4)
    assert first.abstain == pytest.approx(float(seen.abstain[0, -1]), rel=1e-4)


def test_a_vanilla_model_names_no_pathway(tiny: MakeModel) -> None:
    first = next(stream(tiny("vanilla"), [1, 2, 3]))
    assert (first.pathways, first.abstain) == ((), None)


def test_a_forced_beginning_is_written_and_judged(tiny: MakeModel) -> None:
    model = tiny()
    forced = [step.byte for step in stream(model, [1, 2], Sampling(max_new=6, temperature=0), forced=[9, 8])]
    assert forced == [9, 8, *(s.byte for s in stream(model, [1, 2, 9, 8], Sampling(max_new=4, temperature=0)))]
