import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilelli.engine.choosing import Rules, Told, next_byte
from tilelli.engine.writing import Reading, distribution, write
from tilelli.sampling import ALTERNATIVES, Sampling


def chosen(
    logits: np.ndarray, number: float, temperature: float, top_k: int = 0, top_p: float = 1.0
) -> tuple[int, Told]:
    """The byte, and what is told of it: here of the second text of three."""
    rules = Rules(*(np.array([9, value, 9]) for value in (temperature, top_k, top_p, -1)))
    others = (1, 3, ALTERNATIVES)
    figures = np.zeros(others, np.int64), np.zeros(others), np.zeros((1, 3, 3)), np.zeros((1, 3))
    told = Told(*np.zeros((2, 1, 3)), *figures)
    byte = next_byte(logits, rules, 1, number, told, 0)
    assert not any(array[0, [0, 2]].any() for array in told)
    return byte, Told(*(array[0, 1] for array in told))


@given(
    seed=st.integers(0, 10**6),
    temperature=st.sampled_from([0.0, 0.3, 1.0, 5.0]),
    top_k=st.sampled_from([0, 1, 5, 40, 256]),
    top_p=st.sampled_from([1.0, 0.9, 0.3, 0.0]),
    level=st.sampled_from([0.0, 1.0, 30.0]),
)
def test_a_byte_is_chosen_and_told_of_as_in_numpy(
    seed: int, temperature: float, top_k: int, top_p: float, level: float
) -> None:
    chance = np.random.default_rng(seed)
    logits = (level * chance.normal(size=256)).astype(np.float32)
    logits[chance.integers(0, 256, 40)] = logits[7]  # some are equal
    sampling = Sampling(1, temperature, top_k, top_p, seed, stop_at_end=False)
    (expected,) = write(lambda ids, state: (Reading(logits[None], [], None), 0), 10, [1], sampling)
    byte, found = chosen(logits, np.random.default_rng(seed).random(), temperature, top_k, top_p)
    assert byte == expected.byte
    assert found.probability == pytest.approx(expected.probability, rel=1e-6, abs=1e-37)
    assert found.entropy == pytest.approx(expected.entropy, abs=1e-6)
    assert found.others.tolist() == [other for other, _ in expected.alternatives]
    assert found.chances == pytest.approx([chance for _, chance in expected.alternatives], rel=1e-6, abs=1e-37)


def test_every_number_leads_to_a_byte_that_may_be_chosen() -> None:
    logits = np.linspace(-40, 3, 256).astype(np.float32)
    sampling = Sampling(temperature=0.7, top_k=3, top_p=0.95)
    allowed = np.flatnonzero(distribution(logits, sampling))
    for number in (0.0, 0.5, 1 - 2**-53):
        assert chosen(logits, number, 0.7, 3, 0.95)[0] in allowed


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nothing_is_chosen_where_a_logit_is_no_number(bad: float) -> None:
    logits = np.zeros(256, np.float32)
    logits[200] = bad
    assert chosen(logits, 0.5, 0.0)[0] == -1
