import pytest
import torch
from torch.nn import functional as F

from tilelli.pathways import DensePathway
from tilelli.ternary import quantize


@torch.no_grad()
def test_it_is_two_products_with_a_bend_between() -> None:
    dense, h = DensePathway(4, 6, ternary=False), torch.randn(2, 3, 4)
    plain = F.gelu(h @ dense.up.weight.T, approximate="tanh") @ dense.down.weight.T
    torch.testing.assert_close(dense(h), plain)


@torch.no_grad()
def test_both_products_are_ternary_when_asked() -> None:
    dense, h = DensePathway(4, 6, ternary=True), torch.randn(2, 3, 4)
    (up, up_scale), (down, down_scale) = quantize(dense.up.weight), quantize(dense.down.weight)
    plain = F.gelu(h @ up.T * up_scale, approximate="tanh") @ down.T * down_scale
    torch.testing.assert_close(dense(h), plain)


@pytest.mark.parametrize("ternary", [False, True])
@torch.no_grad()
def test_every_byte_stands_alone(ternary: bool) -> None:
    dense, h = DensePathway(4, 6, ternary), torch.randn(1, 8, 4)
    changed = h.clone()
    changed[:, 5] += 1
    moved = (dense(h) != dense(changed)).any(dim=-1)[0]
    assert moved.nonzero().flatten().tolist() == [5]
    torch.testing.assert_close(dense(h[:, 3:4]), dense(h)[:, 3:4])
