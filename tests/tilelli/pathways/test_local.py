import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from tilelli.pathways import LocalPathway
from tilelli.ternary import quantize


def pathway(kernel_size: int = 3, ternary: bool = False, d_model: int = 4) -> LocalPathway:
    torch.manual_seed(0)
    made = LocalPathway(d_model, kernel_size, ternary)
    with torch.no_grad():
        made.weight.normal_()
        made.bias.normal_()
    return made.requires_grad_(False)


def test_a_convolution_worked_by_hand() -> None:
    local = pathway(kernel_size=2, d_model=1)
    local.weight.copy_(torch.tensor([[10.0, 1.0]]))  # ten times the byte before, plus this one
    local.bias.fill_(0.5)
    out, _ = local(torch.tensor([[[1.0], [2.0], [3.0]]]))
    assert out.flatten().tolist() == [1.5, 12.5, 23.5]


@pytest.mark.parametrize("kernel_size", [1, 2, 5])
def test_it_is_a_depthwise_convolution(kernel_size: int) -> None:
    local, h = pathway(kernel_size), torch.randn(2, 7, 4)
    padded = F.pad(h.mT, (kernel_size - 1, 0))
    plain = F.conv1d(padded, local.weight[:, None], local.bias, groups=4).mT
    torch.testing.assert_close(local(h)[0], plain)


def test_it_is_ternary_when_asked() -> None:
    local, h = pathway(ternary=True), torch.randn(1, 5, 4)
    trits, scale = quantize(local.weight)
    with torch.no_grad():
        out = local(h)[0]
    local.rounding.ternary = False
    local.weight.copy_(trits * scale)
    torch.testing.assert_close(out, local(h)[0])


@pytest.mark.parametrize("kernel_size", [1, 3])
def test_changing_a_later_byte_leaves_earlier_outputs_alone(kernel_size: int) -> None:
    local, h = pathway(kernel_size), torch.randn(1, 8, 4)
    changed = h.clone()
    changed[:, 5] += 1
    before, after = local(h)[0], local(changed)[0]
    assert torch.equal(before[:, :5], after[:, :5])
    assert not torch.equal(before[:, 5], after[:, 5])


def test_it_sees_no_further_than_its_kernel() -> None:
    local, h = pathway(3), torch.randn(1, 8, 4)
    changed = h.clone()
    changed[:, 2] += 1
    moved = (local(h)[0] != local(changed)[0]).any(dim=-1)[0]
    assert moved.nonzero().flatten().tolist() == [2, 3, 4]


@given(st.integers(1, 6), st.lists(st.integers(1, 4), min_size=1, max_size=5))
def test_going_on_equals_one_pass_however_it_is_cut(kernel_size: int, lengths: list[int]) -> None:
    local, h = pathway(kernel_size), torch.randn(2, sum(lengths), 4)
    past, pieces = None, []
    for piece in h.split(lengths, dim=1):
        out, past = local(piece, past)
        assert past.shape == (2, kernel_size - 1, 4)
        pieces.append(out)
    torch.testing.assert_close(torch.cat(pieces, dim=1), local(h)[0])
