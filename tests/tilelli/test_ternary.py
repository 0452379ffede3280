import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from tilelli.ternary import TernaryLinear, TernaryWeight, in_steps, quantize, straight_through

matrices = st.lists(st.lists(st.floats(-100, 100, width=32), min_size=3, max_size=3), min_size=1, max_size=5).map(
    torch.tensor
)


@given(matrices)
def test_trits_are_trits(weight: Tensor) -> None:
    trits, _ = quantize(weight)
    assert set(trits.flatten().tolist()) <= {-1.0, 0.0, 1.0}


@given(matrices)
def test_a_trit_never_has_the_opposite_sign(weight: Tensor) -> None:
    trits, _ = quantize(weight)
    assert (trits * weight >= 0).all()


def test_the_scale_is_the_mean_size_worked_by_hand() -> None:
    trits, scale = quantize(torch.tensor([[4.0, -1.0], [0.0, -3.0]]))
    assert scale.item() == 2.0
    assert trits.tolist() == [[1.0, 0.0], [0.0, -1.0]]  # -1 / 2 is halfway and rounds to even


def test_a_matrix_of_zeros_stays_zero() -> None:
    trits, scale = quantize(torch.zeros(3, 3))
    assert not trits.any()
    assert scale > 0


@given(matrices)
def test_rounding_a_rounded_matrix_keeps_its_trits(weight: Tensor) -> None:
    trits, _ = quantize(weight)
    assert torch.equal(quantize(trits)[0], trits) or not trits.any()


@given(matrices)
def test_the_gradient_passes_straight_through(weight: Tensor) -> None:
    latent, incoming = weight.clone().requires_grad_(), torch.randn(weight.shape)
    straight_through(latent).backward(incoming)
    assert latent.grad is not None
    assert torch.equal(latent.grad, incoming)


@given(matrices)
def test_going_forward_the_weight_is_trits_times_scale(weight: Tensor) -> None:
    trits, scale = quantize(weight)
    torch.testing.assert_close(straight_through(weight), trits * scale, rtol=1e-5, atol=1e-4)


def test_a_layer_that_is_not_ternary_is_an_ordinary_one() -> None:
    layer, h = TernaryLinear(4, 3, ternary=False), torch.randn(2, 4)
    plain = nn.Linear(4, 3, bias=False)
    plain.weight = layer.weight
    assert torch.equal(layer(h), plain(h))


def test_a_ternary_layer_multiplies_with_trits_times_scale() -> None:
    layer, h = TernaryLinear(4, 3, ternary=True), torch.randn(2, 4)
    trits, scale = quantize(layer.weight.detach())
    torch.testing.assert_close(layer(h), h @ (trits * scale).T)


def test_training_and_running_see_the_same_weight() -> None:
    layer, h = TernaryLinear(4, 3, ternary=True), torch.randn(2, 4)
    with torch.no_grad():
        running = layer(h)
    torch.testing.assert_close(layer(h).detach(), running)


@torch.no_grad()
def test_the_kept_weight_follows_the_latent_one() -> None:
    rounding, latent = TernaryWeight(ternary=True), torch.tensor([1.0, -1.0])
    assert rounding(latent).tolist() == [1.0, -1.0]
    assert rounding(latent) is rounding(latent)
    latent.mul_(-2)
    assert rounding(latent).tolist() == [-2.0, 2.0]


def test_the_kept_weight_follows_an_optimizer() -> None:
    layer, h = TernaryLinear(4, 3, ternary=True), torch.randn(2, 4)
    with torch.no_grad():
        before = layer(h)
    optimizer = torch.optim.AdamW(layer.parameters(), lr=0.5)
    layer(h).sum().backward()
    optimizer.step()
    with torch.no_grad():
        after = layer(h)
    trits, scale = quantize(layer.weight.detach())
    torch.testing.assert_close(after, h @ (trits * scale).T)
    assert not torch.allclose(before, after)


def test_rounding_adds_nothing_to_a_checkpoint() -> None:
    assert list(TernaryLinear(4, 3, ternary=True).state_dict()) == ["weight"]


@pytest.mark.parametrize("grad", [True, False])
def test_the_latent_weight_is_left_as_it_was(grad: bool) -> None:
    layer = TernaryLinear(4, 3, ternary=True)
    before = layer.weight.detach().clone()
    with torch.set_grad_enabled(grad):
        layer(torch.randn(2, 4))
    assert torch.equal(layer.weight.detach(), before)


def test_steps_are_worked_by_hand() -> None:
    steps, size = in_steps(torch.tensor([[2.54, -1.27, 0.0, 0.009], [-1.0, 0.5, 0.25, 1.0], [0.0, 0.0, 0.0, 0.0]]))
    assert steps.tolist() == [[127, -63, 0, 0], [-127, 63, 32, 127], [0, 0, 0, 0]]  # halfway, 63.5, counts as less
    assert size[:, 0].tolist() == pytest.approx([0.02, 1 / 127, 1e-8 / 127])


@given(matrices)
def test_steps_are_whole_and_the_largest_number_has_all_of_them(x: Tensor) -> None:
    steps, size = in_steps(x)
    assert torch.equal(steps, steps.round())
    largest = x.abs().amax(dim=1)
    assert (steps.abs().amax(dim=1)[largest > 1e-6] == 127).all()
    assert (steps.abs() <= 127).all()
    assert ((steps * size - x).abs() <= 0.51 * size).all()


def test_the_gradient_passes_through_rounded_inputs_as_if_they_were_not_rounded() -> None:
    layer, x, incoming = TernaryLinear(9, 5, True, 8), torch.randn(4, 9, requires_grad=True), torch.randn(4, 5)
    layer(x).backward(incoming)
    trits, scale = quantize(layer.weight.detach())
    steps, size = in_steps(x.detach())
    assert x.grad is not None
    assert layer.weight.grad is not None
    torch.testing.assert_close(x.grad, incoming @ (trits * scale), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(layer.weight.grad, incoming.T @ (steps * size))


def test_a_product_in_steps_is_a_sum_of_whole_numbers_however_wide() -> None:
    layer, x = TernaryLinear(65_536, 2, True, 8), torch.rand(3, 65_536) + 1  # all of one sign: the sums are large
    with torch.no_grad():
        layer.weight.abs_()
        (trits, scale), (steps, size) = quantize(layer.weight), in_steps(x)
        whole = steps.long() @ trits.T.long()
        assert whole.max() > 2**21
        assert torch.equal(layer(x), whole.float() * (size * scale))


def test_training_and_running_round_to_the_same_product() -> None:
    layer, x = TernaryLinear(300, 40, True, 8), 100 * torch.randn(7, 300)
    with torch.no_grad():
        running = layer(x)
    assert torch.equal(layer(x).detach(), running)


def test_inputs_of_a_layer_that_is_not_ternary_are_never_rounded() -> None:
    layer, x = TernaryLinear(4, 3, False, 8), torch.randn(2, 4)
    assert torch.equal(layer(x), x @ layer.weight.T)


def test_inputs_that_come_with_fewer_digits_are_rounded_to_no_more_steps() -> None:
    steps, size = in_steps(torch.randn(50, 33).bfloat16())
    assert size.dtype == torch.float32
    assert steps.abs().max() == 127


def test_what_lies_between_two_steps_is_not_left_to_the_last_digit() -> None:
    """Products of trits are whole multiples of one unit, which two engines know but for its last digit."""
    whole, units = torch.arange(-254.0, 255.0), torch.linspace(0.9, 1.1, 4001, dtype=torch.float64).float()[:, None]
    steps, _ = in_steps(whole * units)  # every other number lies halfway
    assert torch.equal(steps, steps[:1].expand_as(steps))
