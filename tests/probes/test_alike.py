import numpy as np
import pytest
import torch

from probes import alike as module
from probes.alike import alike
from tests.conftest import MakeModel
from tests.probes.test_roles import TEXT, looking
from tilelli.base import ByteLM
from tilelli.trace import Trace, trace


def test_an_overlap_worked_by_hand() -> None:
    keys = torch.tensor([[[0, 2], [1, 0], [2, 0]], [[0, 2], [1, 0], [1, 2]]])[None, None]
    weights = torch.tensor([[[1, 0], [0.75, 0.25], [0.5, 0.5]], [[1, 0], [0.5, 0.5], [0.9, 0.1]]])[None, None]
    nothing = torch.zeros(0)
    found = alike(Trace(torch.tensor([[1, 2, 3]]), nothing, None, keys, weights, nothing))
    assert found.queries == 1  # only the third byte had anything to leave out
    np.testing.assert_allclose(found.overlap, [[1, 0.1], [0.1, 1]], rtol=1e-6)


def test_twins_are_found_and_named() -> None:
    t = torch.arange(len(TEXT))
    before = (t - 1).clamp(min=0)
    found = alike(looking(torch.stack((before, 0 * t, before)), TEXT))
    assert found.pairs.iloc[0][["head", "other_head", "overlap", "same"]].tolist() == [1, 3, 1.0, True]
    assert found.findings == (
        "Block 1, head 1 and block 1, head 3 do nearly the same: 100 % of their attention is on the same bytes "
        "(95 % interval 100 to 100, by chance 4).",
    )


def test_the_overlap_is_symmetric_and_one_with_itself(model: ByteLM) -> None:
    found = alike(trace(model, list(TEXT[:16])))
    np.testing.assert_array_equal(found.overlap, found.overlap.T)
    assert found.overlap.diagonal().tolist() == [1] * 4
    assert ((found.overlap >= 0) & (found.overlap <= 1 + 1e-6)).all()
    assert len(found.table()) == 6
    assert found.table()["overlap"].is_monotonic_decreasing


@pytest.mark.parametrize("kind", ["routed", "vanilla"])
def test_random_heads_are_no_duplicates(tiny: MakeModel, kind: str) -> None:
    found = alike(trace(tiny(kind, context=128), list(TEXT)))
    assert not found.pairs["same"].any()
    assert found.findings[0].startswith("No two heads are near-duplicates. The closest are block")


def test_of_a_long_text_some_bytes_are_compared_and_of_many_heads_some(
    model: ByteLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = trace(model, list(TEXT[:16]))
    monkeypatch.setattr(module, "CELLS", 300)
    monkeypatch.setattr(module, "MOST", 3)
    found = alike(seen)
    assert 0 < found.queries < 8
    assert (found.overlap.shape, found.left_out) == ((3, 3), 1)


@pytest.mark.parametrize("heads", [1, 2])
def test_one_byte_or_one_head_has_nothing_to_compare(tiny: MakeModel, heads: int) -> None:
    found = alike(trace(tiny(n_heads=heads, n_blocks=1), [65]))
    assert found.findings == ()
    assert found.queries == 0


def test_two_heads_that_look_everywhere_have_nothing_in_common() -> None:
    T = 64
    keys = torch.arange(T).expand(1, 1, 2, T, T)
    weights = torch.ones(T, T).tril().div(torch.arange(1, T + 1)[:, None]).expand(1, 1, 2, T, T)
    nothing = torch.zeros(0)
    pairs = alike(Trace(torch.zeros(1, T, dtype=torch.int64), nothing, None, keys, weights, nothing)).pairs
    assert pairs.iloc[0][["overlap", "chance", "same"]].tolist() == pytest.approx([1, 1, False])
