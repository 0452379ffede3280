import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilelli.engine.choosing import Rules, Told, next_byte
from tilelli.engine.writing import Reading, distribution, write
from tilelli.sampling import ALTERNATIVES, Sampling


def told(number: int) -> Told:
    rows = np.zeros((number, ALTERNATIVES), np.int64)
    return Told(np.zeros(number), np.zeros(number), rows, np.zeros((number, ALTERNATIVES)))


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
    found, number = told(1), np.random.default_rng(seed).random()
    byte = next_byte(logits, Rules(temperature, top_k, top_p, -1), number, found, 0)
    assert byte == expected.byte
    assert found.probability[0] == pytest.approx(expected.probability, rel=1e-9)
    assert found.entropy[0] == pytest.approx(expected.entropy, abs=1e-9)
    assert found.others[0].tolist() == [other for other, _ in expected.alternatives]
    assert found.chances[0] == pytest.approx([chance for _, chance in expected.alternatives], rel=1e-9)


def test_every_number_leads_to_a_byte_that_may_be_chosen() -> None:
    logits = np.linspace(-40, 3, 256).astype(np.float32)
    sampling = Sampling(temperature=0.7, top_k=3, top_p=0.95)
    allowed = np.flatnonzero(distribution(logits, sampling))
    for number in (0.0, 0.5, 1 - 2**-53):
        assert next_byte(logits, Rules(0.7, 3, 0.95, -1), number, told(1), 0) in allowed


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nothing_is_chosen_where_a_logit_is_no_number(bad: float) -> None:
    logits = np.zeros(256, np.float32)
    logits[200] = bad
    assert next_byte(logits, Rules(0.0, 0, 1.0, -1), 0.5, told(1), 0) == -1
