from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.tilelli.engine.test_kernels import blocked
from tilelli.engine import attention, integers

numba = pytest.importorskip("numba")

from tilelli.engine import bytewise  # noqa: E402
from tilelli.engine.bytewise import WAYS, Way  # noqa: E402

Case = tuple[np.ndarray, np.ndarray, np.ndarray]


def case(K: int, R: int, T: int, largest: bool = False) -> Case:
    """Words, steps (T, K filled up) and their sums by NumPy; `largest` makes them as large as they can be."""
    chance = np.random.default_rng(K)
    trits = np.ones((K, R), int) if largest else chance.integers(-1, 2, (K, R))
    steps = np.full((T, K), 127) if largest else chance.integers(-127, 128, (T, K))
    filled = np.zeros((T, -(-K // 16) * 16), np.int8)
    filled[:, :K] = steps
    return blocked(trits), filled, steps @ (trits + 1)


CASES = [case(1, 1, 1), case(70, 150, 3), case(160, 64, 1), case(4096, 3, 2, largest=True)]


def compiled(way: Way | None) -> Callable[..., None]:
    if way is not None and way not in bytewise.ways():
        pytest.skip(f"this processor has no {way.feature}")
    written = integers.add_up if way is None else bytewise.add_up_by(way)
    return numba.njit(nogil=True, boundscheck=False)(written)  # type: ignore[no-any-return]


@pytest.mark.parametrize("way", [None, *WAYS], ids=lambda way: way.feature if way else "as it stands")
def test_every_way_gives_the_same_sums(way: Way | None) -> None:
    add_up = compiled(way)
    for words, steps, expected in CASES:
        sums = np.full((len(steps), 64 * len(words)), 7, np.int32)
        add_up(words, steps, sums, 0, sums.shape[1])
        np.testing.assert_array_equal(sums[:, : expected.shape[1]], expected)


@pytest.mark.parametrize("way", [None, WAYS[0], WAYS[3]], ids=lambda way: way.feature if way else "as it stands")
def test_outputs_that_are_not_asked_for_are_left_alone(way: Way | None) -> None:
    words, steps, expected = CASES[1]
    sums = np.full((3, 192), 7, np.int32)
    compiled(way)(words, steps, sums, 64, 128)
    np.testing.assert_array_equal(sums[:, 64:128], expected[:, 64:128])
    assert (np.delete(sums, np.s_[64:128], axis=1) == 7).all()


@pytest.mark.parametrize("way", [None, WAYS[0], WAYS[2]], ids=lambda way: way.feature if way else "as it stands")
@pytest.mark.parametrize("quads", [1, 3, 300])
def test_a_tile_of_keys_is_matched_alike(way: Way | None, quads: int) -> None:
    if way is not None and way not in bytewise.ways():
        pytest.skip(f"this processor has no {way.feature}")
    written = attention.score_steps if way is None else bytewise.score_by(way)
    chance, sums = np.random.default_rng(quads), np.full(64, 7, np.int32)
    keys = chance.choice([0, 1, 128, 255], (quads, 64, 4)).astype(np.uint8)
    steps = chance.choice([-127, -1, 3, 127], 4 * quads).astype(np.int8)
    numba.njit(nogil=True, boundscheck=False)(written)(keys, steps, sums)
    np.testing.assert_array_equal(sums, np.einsum("qsj,qj->s", keys.astype(int), steps.reshape(-1, 4).astype(int)))


def test_a_way_is_gone_only_where_the_processor_and_the_compiler_know_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numba.config, "CPU_FEATURES", "+sse2,-avx512vnni")
    assert bytewise.ways() == []
    monkeypatch.setattr(numba.config, "CPU_FEATURES", "+avx2,+avx512vnni")
    assert [way.feature for way in bytewise.ways()] == ["avx512vnni", "avx2"]  # the best first
    names: dict[str, Any] = {**bytewise.NAMES, "stroke": dict.fromkeys((32, 64), "sse9.nonsense")}
    monkeypatch.setattr(bytewise, "NAMES", names)
    assert [way.feature for way in bytewise.ways()] == ["avx2"]
