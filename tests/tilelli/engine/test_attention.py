"""Attention by the kernels is that of torch, in floats and in steps, whatever the width of a head."""

import numpy as np
import pytest
import torch

from tilelli.config import ModelConfig
from tilelli.engine import attention
from tilelli.engine.memory import claimed
from tilelli.pathways.sparse import mix, select
from tilelli.ternary import in_steps, rounded

F = np.float32


@pytest.mark.parametrize("width", [1, 5, 12, 48])
@pytest.mark.parametrize("bits", [0, 8])
@pytest.mark.parametrize("seen", [3, 64, 150])
def test_attention_is_that_of_torch(width: int, bits: int, seen: int) -> None:
    c = ModelConfig(n_blocks=2, n_heads=3, head_dim=width, top_k=7, ternary=("sparse",), activation_bits=bits)
    store = claimed(c, [None], [seen])[0].store
    qkv = torch.randn(seen, 3, 3, width, generator=torch.Generator().manual_seed(width))  # (T, qkv, H, head_dim)
    q, k, v = (rounded(qkv) if bits else qkv).permute(1, 2, 0, 3)[:, None]
    expected = mix(*select(q, k, 7), v)[0].swapaxes(0, 1).reshape(seen, -1)
    mixed, rows = np.zeros((seen, 3 * width), F), qkv.reshape(seen, -1).numpy().copy()
    for piece in (slice(0, 2), slice(2, seen)):
        places = store.places(piece.start, piece.stop)
        attention.attend(places, 1, 3, rows[piece], mixed[piece], 7, bits == 8, 0, 3)
    np.testing.assert_allclose(mixed, expected.numpy(), atol=1e-5)


def test_scores_in_steps_are_sums_of_whole_numbers_times_two_sizes() -> None:
    c = ModelConfig(n_blocks=1, n_heads=1, head_dim=6, ternary=("sparse",), activation_bits=8)
    store, chance = claimed(c, [None], [70])[0].store, np.random.default_rng(0)
    k, q, room = chance.normal(size=(70, 6)).astype(F), chance.normal(size=6).astype(F), np.zeros(8, np.int8)
    keys, values, sizes = attention.steps_of(store.places(0, 1)[0], 0, 6)
    for position, key in enumerate(k):
        attention.remember_steps(keys, values, sizes, position, key, key, room)
    scores = np.zeros(128, F)
    attention.match_steps(keys, sizes[0], 69, q, room, np.zeros(64, np.int32), scores)
    (steps, own), (query, size) = in_steps(torch.tensor(k)), in_steps(torch.tensor(q))
    exact = (steps @ query).numpy()
    np.testing.assert_allclose(scores[:70], exact * (size * own[:, 0]).numpy() / np.sqrt(6), rtol=1e-6)
    assert keys.dtype == np.uint8
    np.testing.assert_array_equal(keys[1, 1, 5], [128 + steps[69, 4], 128 + steps[69, 5], 128, 128])


def test_what_only_remembers_leaves_no_trace_but_memory() -> None:
    c = ModelConfig(n_blocks=1, n_heads=1, head_dim=4, ternary=("sparse",), activation_bits=8)
    store, rows = claimed(c, [None], [3])[0].store, np.ones((3, 12), F)
    attention.attend(store.places(0, 3), 0, 1, rows, np.zeros((3, 0), F), 2, True, 0, 1)
    assert (store.memory.values[0, 0, :3, :4] == 127).all()
    assert not store.memory.values[0, 0, 3:].any()
    assert not store.memory.values[..., 4:].any()


def test_where_no_score_is_a_number_nothing_is_made_up() -> None:
    """Products of queries and keys may be beyond floats where neither is: what stood there before is not passed on."""
    c = ModelConfig(n_blocks=1, n_heads=1, head_dim=2, ternary=("sparse",))
    store, rows, mixed = claimed(c, [None], [4])[0].store, np.ones((4, 6), F), np.full((4, 2), 777, F)
    rows[:, :4] = 1e25, 1e25, 1e25, -1e25
    with np.errstate(all="ignore"):
        attention.attend(store.places(0, 4), 0, 1, rows, mixed, 2, False, 0, 1)
    assert np.isnan(mixed).all()
