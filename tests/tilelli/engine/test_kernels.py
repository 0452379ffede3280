import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tilelli.config import ModelConfig
from tilelli.engine import attention, compiler, integers, kernels, matrix, selection
from tilelli.engine.arrays import room
from tilelli.engine.helpers import board
from tilelli.engine.matrix import Matrix, Scratch
from tilelli.pathways import LocalPathway
from tilelli.ternary import TernaryLinear

F = np.float32
numbers = st.lists(st.sampled_from([-3.5, -1.0, 0.0, 0.0, 0.25, 2.0, 2.0, 7.5, 1e30, -1e30]), min_size=1, max_size=40)


def test_every_kernel_is_known_to_the_compiler() -> None:
    names = [helper.__name__ for helper in compiler.helpers()]
    assert {"_attention", "attend", "multiply", "choose", "accumulate", "in_steps", "deal"} < set(names)
    assert not {"write", "assist", "add_up", "score", "score_steps", "mix", "gather", "reaching"} & set(names)
    assert set(compiler.OWN) | set(compiler.ARRAYS) | set(compiler.INLINED) < set(names)


def test_exponentials_are_right_to_the_last_digits_and_no_number_stays_none() -> None:
    values = np.linspace(-87, 88, 3001, dtype=F)
    found = values.copy()
    selection.exponentials(found, len(found))
    np.testing.assert_allclose(found, np.exp(values.astype(np.float64)), rtol=3e-7)
    edges = np.array([-np.inf, -1e30, -88, 0, np.nan], F)
    selection.exponentials(edges, 5)
    np.testing.assert_array_equal(edges, [0, 0, 0, 1, np.nan])
    kept = np.array([0, 7], F)
    selection.exponentials(kept, 1)
    assert kept.tolist() == [1, 7]


@given(numbers, st.integers(1, 45))
def test_the_best_keys_are_kept_and_of_equal_ones_the_earlier(scores: list[float], top_k: int) -> None:
    row, chosen = np.array(scores, F), np.full(len(scores), -1)
    kept = selection.choose(row, len(scores), top_k, chosen)
    best = sorted(range(len(scores)), key=lambda s: (-scores[s], s))[:top_k]
    assert chosen[:kept].tolist() == sorted(best)
    assert row[:kept].tolist() == [F(scores[s]) for s in sorted(best)]


@pytest.mark.parametrize("n", [1, 15, 16, 17, 40, 256, 300])
def test_a_processor_that_gathers_by_itself_gathers_the_same(n: int) -> None:
    pytest.importorskip("numba")
    import numba

    from tilelli.engine import vectors

    if not vectors.gathers():
        pytest.skip("this processor cannot")
    gather = numba.njit(error_model="numpy")(vectors.gather())
    scores, room = np.random.default_rng(n).normal(size=n).astype(F), n + 5
    scores[n // 2 :: 7] = np.nan
    for threshold in (-9, 0, 1.5, 9):
        rows = [np.append(scores, np.full(5, 7, F)) for _ in range(2)]
        chosen = [np.full(room, -1, np.int32) for _ in range(2)]
        found = [
            one(row, n, F(threshold), places)
            for one, row, places in zip((gather, selection.gather), rows, chosen, strict=True)
        ]
        assert found[0] == found[1] == np.sum(scores >= threshold)
        np.testing.assert_array_equal(rows[0][: found[0]], rows[1][: found[0]])
        np.testing.assert_array_equal(chosen[0][: found[0]], chosen[1][: found[0]])
        assert (rows[0][n:] == 7).all()
        assert (chosen[0][n:] == -1).all()


@pytest.mark.parametrize("seen", [1, 16, 17, 300])
def test_and_counts_the_same(seen: int) -> None:
    numba = pytest.importorskip("numba")
    from tilelli.engine import vectors

    if not vectors.gathers():
        pytest.skip("this processor cannot")
    counted = numba.njit(error_model="numpy")(vectors.reaching())
    scores = np.append(np.random.default_rng(seen).normal(size=seen).astype(F), np.full(20, 7, F))
    scores[: seen // 3 : 5] = np.nan
    for threshold in (-9, -0.5, 0.7):
        thresholds = F(threshold), F(threshold + 0.5), F(9)
        expected = selection.reaching(scores, seen, *thresholds)
        assert counted(scores, seen, *thresholds) == expected == (*(np.sum(scores[:seen] >= t) for t in thresholds),)


def test_extremes_are_those_of_numbers_of_any_sign_and_size() -> None:
    for row in ([3.0], [-2.0, -5.0, -0.0], [0.0, -np.inf, np.inf, 1e-40], [-1e-40, 1e-40]):
        assert selection.extremes(np.array(row, F), len(row)) == (min(row), max(row))
    assert integers.largest(np.array([-3, 2, 0.5], F)) == 3
    assert integers.largest(np.zeros(4, F)) == F(integers.SMALLEST_SCALE)
    assert np.isnan(integers.largest(np.array([1, np.nan, 2], F)))


@given(st.integers(0, 1000), st.integers(2, 300), st.integers(1, 40))
def test_and_so_it_is_among_many_different_ones(seed: int, seen: int, top_k: int) -> None:
    scores = np.random.default_rng(seed).normal(size=seen).astype(F)
    row, chosen = scores.copy(), np.zeros(seen, np.int64)
    kept = selection.choose(row, seen, top_k, chosen)
    assert chosen[:kept].tolist() == sorted(np.argsort(-scores, kind="stable")[:top_k])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_scores_that_are_no_numbers_end_the_search_within_bounds(bad: float) -> None:
    for places in ([0], [3, 4, 5], range(9)):
        row, chosen = np.arange(9, dtype=F), np.zeros(9, np.int64)
        row[list(places)] = bad
        with np.errstate(invalid="ignore"):
            assert 0 <= selection.choose(row, 9, 4, chosen) <= 4
        assert chosen.min() >= 0
        assert chosen.max() < 9


def scratch(T: int) -> Scratch:
    """For T streams and matrices of up to 96 inputs or 128 outputs."""
    return room(ModelConfig(d_model=16, n_heads=8, head_dim=5, expand=4.0), T).scratch


def packed(trits: np.ndarray, side: int, shifts: list[int]) -> np.ndarray:
    """Trits (K, R) plus one as words (K / 16, R), outputs filled up to a multiple of `side`."""
    K, R = trits.shape
    codes = np.ones((-(-K // 16) * 16, -(-R // side) * side), np.uint32)
    codes[:K, :R] = trits + 1
    return sum(codes[j::16] << np.uint32(shift) for j, shift in enumerate(shifts))


def blocked(trits: np.ndarray) -> np.ndarray:
    """The words of `integers.add_up`: (R / 64, 4 K)."""
    words = packed(trits, 64, integers.SHIFTS.tolist())
    return (
        np.hstack([words[:, first : first + 64] for first in range(0, words.shape[1], 64)])
        .reshape(len(words), -1, 64)
        .swapaxes(0, 1)
        .reshape(-1, 64 * len(words))
        .copy()
    )


@pytest.mark.parametrize("shape", [(1, 1), (3, 16), (17, 5), (40, 67)])
@pytest.mark.parametrize("T", [1, 3, 4, 9])
def test_a_product_with_trits_is_that_with_the_floats_they_stand_for(shape: tuple[int, int], T: int) -> None:
    chance = np.random.default_rng(0)
    trits, x = chance.integers(-1, 2, shape), chance.normal(size=(T, shape[0])).astype(F)
    floats, words = trits[None].astype(F), packed(trits, 1, list(range(0, 32, 2)))[None]
    for one, scale in (
        (Matrix(floats[:0], words, np.array([0.5], F), stepped=False), 0.5),
        (Matrix(floats, words[:0], np.zeros(0, F), stepped=False), 1),
    ):
        y = np.full((T, shape[1]), 9, F)
        matrix.multiply(one, 0, x, y, board(), scratch(T))
        np.testing.assert_allclose(y, scale * (x @ trits), atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 1), (17, 5), (40, 67)])
def test_a_product_in_steps_is_what_torch_makes_of_it_to_the_last_bit(shape: tuple[int, int]) -> None:
    layer = TernaryLinear(*shape, ternary=True, activation_bits=8)
    x = torch.randn(3, shape[0])
    x[1] = 0
    with torch.no_grad():
        (trits, scale), expected = layer.rounding.parts(layer.weight), layer(x).numpy()
    words = blocked(trits.numpy().T.astype(int))[None]
    one = Matrix(np.zeros((0, *shape), F), words, np.array([scale], F), stepped=True)
    y = np.full((3, shape[1]), 9, F)
    matrix.multiply(one, 0, x.numpy(), y, board(), scratch(3))
    np.testing.assert_array_equal(y, expected)


def test_the_convolution_goes_on_where_it_stopped() -> None:
    local, h = LocalPathway(3, 4, ternary=False), torch.randn(6, 3)
    torch.nn.init.normal_(local.weight)
    expected = local(h[None])[0][0].detach().numpy()
    inputs, out = np.zeros((6, 3), F), np.zeros((6, 3), F)
    places = np.zeros((6, 6), np.int64)
    places[:, attention.INPUTS], places[:, attention.ROOM] = inputs.ctypes.data, 6
    places[:, attention.POSITION] = range(6)
    filters = local.weight.detach().numpy().T
    for piece in (slice(0, 1), slice(1, 4), slice(4, 6)):
        kernels._local(filters, np.zeros(3, F), 0, h[piece].numpy(), places[piece], out[piece])
    np.testing.assert_allclose(out, expected, atol=1e-6)
