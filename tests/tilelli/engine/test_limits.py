import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tests.conftest import TINY, MakeModel
from tilelli.config import ModelConfig
from tilelli.engine import integers, limits
from tilelli.engine.limits import Gauge, Rates, Work, limit, loops, work


def test_the_limit_is_what_takes_longer_reading_or_multiplying() -> None:
    found = limit(Work(trits=4_000_000, floats=250_000), Rates(near=4e9, far=1e9, trits=8e9, floats=1e9))
    assert found.memory == pytest.approx(2000)  # 1 MB of trits and 1 MB of floats at 4 GB/s
    assert found.arithmetic == pytest.approx(1 / (0.0005 + 0.00025))
    assert found.lower == found.arithmetic


def test_the_work_of_a_byte_counted_by_hand() -> None:
    config = ModelConfig(d_model=8, n_blocks=1, n_heads=1, head_dim=4, context=16, ternary=("dense",), kernel_size=2)
    attention, dense, rest = 8 * 12 + 4 * 8, 2 * 8 * 32, (8 * 2 + 8) + (3 * 8 + 3) + 2 * 16
    assert work(config) == Work(dense, attention + rest + 256 * 8 + 8)


@pytest.mark.parametrize("kind", ["routed", "vanilla"])
def test_every_weight_is_read_but_those_of_other_positions(tiny: MakeModel, kind: str) -> None:
    model = tiny(kind)
    assert sum(work(model.config)) == model.num_parameters() - (TINY.context - 1) * TINY.d_model


def test_the_loops_do_what_they_are_timed_for() -> None:
    read, trits, floats = loops()
    assert read(3, np.arange(1000)) == 3 * 499_500
    words, steps, sums = limits._trits()
    chance = np.random.default_rng(0)
    words[:] = chance.integers(0, 2**32, words.shape, np.uint32)
    steps[:] = chance.integers(-127, 128, steps.shape)
    expected = np.zeros_like(sums)
    integers.add_up(words, steps, expected, 0, integers.SIDE)
    trits(2, words, steps, sums)
    assert (sums[0, : integers.SIDE] == expected[0, : integers.SIDE]).all()
    weights, x, y = limits._floats()
    weights[:], x[:] = chance.normal(size=weights.shape), chance.normal(size=x.shape)
    floats(2, weights, x, y)
    np.testing.assert_allclose(y, 2 * (x @ weights), rtol=1e-4, atol=1e-4)


def test_threads_share_what_is_read_and_multiply_each_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FAR", 2**20)
    monkeypatch.setattr(limits, "SHORTEST", 1e-5)
    gauge = Gauge(size=8000, threads=2)
    assert [part.nbytes for (part,) in gauge._near] == [4000, 4000]
    assert len(gauge._trits) == 2
    assert gauge._trits[0][0] is not gauge._trits[1][0]
    assert all(0 < rate < math.inf for rate in gauge.rates())


def test_a_rate_is_the_fastest_of_some_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    took = iter([1e-9, 0.5, 0.25, 1.0])
    monkeypatch.setattr(limits, "_took", lambda *_: next(took))
    with ThreadPoolExecutor(1) as pool:
        assert (
            limits._rate(pool, lambda: None, [], 100) == 2 * 100 / 0.25
        )  # the first was too short, so that turns doubled


def test_arrays_begin_at_a_cache_line_as_those_of_the_engine_do() -> None:
    assert all(array.ctypes.data % 64 == 0 for array in (*limits._trits(), *limits._floats()))
