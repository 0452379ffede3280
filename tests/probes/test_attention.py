import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from probes.attention import LARGEST_GRID, grid, kept_set, reach
from probes.heads import heads
from tests.conftest import MakeModel
from tilelli.base import ByteLM
from tilelli.errors import InputError
from tilelli.trace import Trace, trace

TEXT = list(b"The cat sat on t")


def by_hand() -> Trace:
    """Three bytes, one block, one head, two places: byte 0 sees itself, byte 1 both, byte 2 itself and byte 0."""
    keys = torch.tensor([[0, 2], [1, 0], [2, 0]])[None, None, None]
    weights = torch.tensor([[1.0, 0.0], [0.75, 0.25], [0.5, 0.5]])[None, None, None]
    nothing = torch.zeros(0)
    return Trace(torch.tensor([[97, 98, 99]]), nothing, None, keys, weights, nothing)


def test_a_kept_set_worked_by_hand() -> None:
    kept = kept_set(by_hand(), 0, 0, 1)
    assert kept.positions.tolist() == [1, 0]
    assert kept.weights.tolist() == [0.75, 0.25]
    assert kept.table().to_dict("list") == {
        "query": [1, 1],
        "key": [1, 0],
        "distance": [0, 1],
        "attention": [0.75, 0.25],
    }


def test_an_empty_place_is_not_a_key() -> None:
    assert kept_set(by_hand(), 0, 0, 0).positions.tolist() == [0]


def test_a_grid_worked_by_hand() -> None:
    square = grid(by_hand(), 0, 0)
    expected = [[1, np.nan, np.nan], [0.25, 0.75, np.nan], [0.5, np.nan, 0.5]]
    np.testing.assert_array_equal(square.weights, np.array(expected, dtype=np.float32))
    assert square.weights.dtype == np.float32
    assert square.table()["attention"].tolist() == [1, 0.25, 0.75, 0.5, 0.5]


def test_reach_worked_by_hand() -> None:
    result = reach(by_hand(), 0, 0)
    np.testing.assert_allclose(result.keys, [3 / 5, 1 / 5, 1 / 5])
    np.testing.assert_allclose(result.attention, [2.25 / 3, 0.25 / 3, 0.5 / 3])
    assert result.mean == pytest.approx((0.25 + 2 * 0.5) / 3)


def test_one_byte_looks_only_at_itself(model: ByteLM) -> None:
    seen = trace(model, [65])
    assert kept_set(seen, 0, 0, 0).positions.tolist() == [0]
    assert reach(seen, 0, 0).table().values.tolist() == [[0, 0, 1, 1]]


def test_attention_adds_up_to_one_for_every_byte(model: ByteLM) -> None:
    seen = trace(model, TEXT)
    sums = np.nansum(grid(seen, 1, 1).weights, axis=1)
    np.testing.assert_allclose(sums, 1, rtol=1e-5)
    assert kept_set(seen, 1, 1, 9).weights.sum() == pytest.approx(1, rel=1e-5)


def test_no_byte_looks_ahead(model: ByteLM) -> None:
    square = grid(trace(model, TEXT), 0, 1).weights
    assert np.isnan(square[np.triu_indices(len(TEXT), 1)]).all()


def test_the_kept_keys_come_heaviest_first(model: ByteLM) -> None:
    assert (np.diff(kept_set(trace(model, TEXT), 0, 0, 15).weights) <= 0).all()


def test_a_routed_head_keeps_top_k_and_a_vanilla_head_keeps_all(routed: ByteLM, vanilla: ByteLM) -> None:
    assert len(kept_set(trace(routed, TEXT), 0, 0, 15).positions) == routed.config.top_k
    assert len(kept_set(trace(vanilla, TEXT), 0, 0, 15).positions) == 16


def test_the_grid_and_the_kept_set_say_the_same(model: ByteLM) -> None:
    seen = trace(model, TEXT)
    kept, row = kept_set(seen, 1, 0, 12), grid(seen, 1, 0).weights[12]
    np.testing.assert_array_equal(row[kept.positions], kept.weights)
    assert np.isfinite(row).sum() == len(kept.positions)


@given(st.integers(1, 40))
def test_bins_of_distances_cover_every_distance_once(T: int) -> None:
    keys = torch.arange(T)[None, None, None, :, None]
    seen = Trace(torch.zeros(1, T, dtype=torch.int64), torch.zeros(0), None, keys, torch.ones(keys.shape), keys)
    table = reach(seen, 0, 0).table()
    covered = [d for a, b in zip(table["from"], table["to"], strict=True) for d in range(a, b + 1)]
    assert covered == list(range(T))
    assert table["keys"].sum() == pytest.approx(1)


def test_the_mean_reach_of_a_head_is_that_of_its_distribution(model: ByteLM) -> None:
    seen = trace(model, TEXT)
    assert reach(seen, 1, 0).mean == pytest.approx(heads(seen).reach[1, 0], rel=1e-5)


def test_one_of_several_texts_is_that_text_alone(model: ByteLM) -> None:
    both = torch.tensor([TEXT, TEXT[::-1]])
    assert kept_set(trace(model, both), 0, 0, 5, text=1).positions.tolist() == (
        kept_set(trace(model, both[1]), 0, 0, 5).positions.tolist()
    )


def test_a_long_text_is_cut_to_the_bytes_that_end_with_the_one_asked_for(tiny: MakeModel) -> None:
    seen = trace(tiny("vanilla", context=300), [i % 256 for i in range(300)])
    square = grid(seen, 0, 0, last=279)
    assert square.first == 280 - LARGEST_GRID
    assert square.weights.shape == (LARGEST_GRID, LARGEST_GRID)
    kept = kept_set(seen, 0, 0, 279)
    inside = kept.positions >= square.first
    np.testing.assert_array_equal(square.weights[-1, kept.positions[inside] - square.first], kept.weights[inside])
    assert grid(seen, 0, 0, last=3).first == 0


@pytest.mark.parametrize(
    ("block", "head", "query", "text", "what"),
    [(1, 0, 0, 0, "block: 1"), (0, -1, 0, 0, "head: -1"), (0, 0, 3, 0, "byte: 3"), (0, 0, 0, 1, "text: 1")],
)
def test_what_is_not_there_is_refused_in_words(block: int, head: int, query: int, text: int, what: str) -> None:
    with pytest.raises(InputError, match=f"no such {what}"):
        kept_set(by_hand(), block, head, query, text)


def test_a_grid_that_ends_nowhere_is_refused() -> None:
    with pytest.raises(InputError, match="no such byte: 9"):
        grid(by_hand(), 0, 0, last=9)


def test_where_nothing_attends_there_is_no_reach(tiny: MakeModel) -> None:
    seen = trace(tiny(pathways=("local", "dense")), TEXT)
    assert not len(kept_set(seen, 0, 0, 3).positions)
    with pytest.raises(InputError, match="no attention to look at"):
        reach(seen, 0, 0)
