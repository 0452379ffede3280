import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tilelli import generation
from tilelli.engine.writing import Reading, distribution, write
from tilelli.errors import InputError
from tilelli.sampling import Sampling

rows = st.integers(0, 10**6).map(lambda seed: 3 * np.random.default_rng(seed).normal(size=256).astype(np.float32))
settings = st.builds(
    Sampling,
    temperature=st.sampled_from([1e-300, 0.01, 0.8, 1.0, 3.0, 100.0]),
    top_k=st.sampled_from([0, 1, 2, 40, 255, 256]),
    top_p=st.sampled_from([0.0, 0.3, 0.9, 1.0]),
)


@given(rows, settings)
def test_bytes_are_drawn_from_the_distribution_that_torch_draws_from(logits: np.ndarray, sampling: Sampling) -> None:
    expected = generation.distribution(torch.from_numpy(logits), sampling).numpy()
    np.testing.assert_allclose(distribution(logits, sampling), expected, atol=1e-12)


def parrot(script: bytes, level: float = 50.0):  # type: ignore[no-untyped-def]
    """Stands in for a model: is all but certain of the bytes of `script`, one after another; its state is a count."""

    def read(ids: list[int], state: int | None) -> tuple[Reading, int]:
        end = (state or 0) + len(ids)
        logits = np.zeros((len(ids), 256), np.float32)
        logits[-1, script[end - 1]] = level
        return Reading(logits, [], None), end

    return read


def said(script: bytes, **settings: object) -> bytes:
    sampling = Sampling(**({"max_new": len(script), "temperature": 0} | settings))  # type: ignore[arg-type]
    return bytes(step.byte for step in write(parrot(script), 1000, b"!", sampling))


def test_a_text_ends_at_a_stop_string_at_the_end_of_a_document_or_after_enough() -> None:
    assert said(b"one. two", stop=(". ",)) == b"one"
    assert said(b"one\0two") == b"one"
    assert said(b"one\0two", stop_at_end=False) == b"one\0two"
    assert said(b"one", max_new=2) == b"on"
    assert said(b"one", max_new=0) == b""


def test_a_seed_decides_what_is_drawn_in_the_right_proportions() -> None:
    logits = np.full((1, 256), -np.inf, np.float32)
    logits[0, [65, 66]] = np.log([0.25, 0.75])
    reading = Reading(np.nan_to_num(logits, neginf=-1e4), [], None)

    def draws(seed: int) -> list[int]:
        sampling = Sampling(max_new=2000, temperature=1, seed=seed)
        return [step.byte for step in write(lambda ids, state: (reading, 0), 10, [1], sampling)]

    assert draws(1) == draws(1) != draws(2)
    assert set(draws(1)) == {65, 66}
    assert draws(1).count(66) / 2000 == pytest.approx(0.75, abs=0.04)  # four standard errors


def test_a_certain_byte_has_no_entropy_and_an_unknown_one_eight_bits() -> None:
    sure = next(iter(write(parrot(b"a"), 10, [1], Sampling(temperature=0))))
    assert (sure.byte, sure.alternatives[0][0], sure.pathways, sure.abstain) == (97, 97, (), None)
    assert (sure.probability, sure.entropy) == pytest.approx((1.0, 0.0), abs=1e-12)
    lost = next(iter(write(parrot(b"a", 0.0), 10, [1], Sampling())))
    assert (lost.probability, lost.entropy) == pytest.approx((1 / 256, 8.0))


@pytest.mark.parametrize("level", [float("nan"), float("inf")])
def test_logits_that_are_no_numbers_end_in_words(level: float) -> None:
    with pytest.raises(InputError, match="arithmetic overflows: logits that are not finite"):
        list(write(parrot(b"a", level), 10, [1], Sampling()))


def test_what_is_no_byte_is_refused_at_once() -> None:
    with pytest.raises(InputError, match="An id is not a byte: 256 at place 1"):
        write(parrot(b"a"), 10, [1, 256], Sampling())
