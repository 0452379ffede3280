import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tilelli.pathways import PATHWAYS
from tilelli.router import Router, balance_loss, compute_loss


@torch.no_grad()
def test_weights_are_positive_and_add_up_to_one() -> None:
    weights = Router(8)(torch.randn(2, 5, 8))
    assert weights.shape == (2, 5, len(PATHWAYS))
    assert (weights > 0).all()
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(2, 5))


@torch.no_grad()
def test_every_byte_is_routed_by_itself() -> None:
    router, h = Router(8), torch.randn(1, 5, 8)
    torch.testing.assert_close(router(h[:, 2:3]), router(h)[:, 2:3])


@pytest.mark.parametrize(
    ("rows", "loss"),
    [
        ([[1 / 3, 1 / 3, 1 / 3]], 0.0),
        ([[1.0, 0.0, 0.0]], 2.0),
        ([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], 0.0),  # each sharp, together even
        ([[0.5, 0.5, 0.0]], 0.5),  # 3 * (1/4 + 1/4) - 1
        ([[1.0, 0.0, 0.0], [0.0, 0.5, 0.5]], 0.125),  # 3 * (1/4 + 1/16 + 1/16) - 1
    ],
)
def test_balance_worked_by_hand(rows: list[list[float]], loss: float) -> None:
    assert balance_loss(torch.tensor(rows)).item() == pytest.approx(loss, abs=1e-6)


@given(st.integers(0, 10**6))
def test_balance_lies_between_none_and_all_but_one(seed: int) -> None:
    scores = 20 * torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(seed))
    assert -1e-6 <= balance_loss(scores.softmax(dim=-1)).item() <= 2 + 1e-6


def test_the_balance_of_a_batch_is_the_mean_over_its_texts() -> None:
    weights = torch.randn(2, 4, 3).softmax(dim=-1)
    torch.testing.assert_close(balance_loss(weights), (balance_loss(weights[:1]) + balance_loss(weights[1:])) / 2)


def test_the_balance_loss_pulls_towards_the_starved_pathway() -> None:
    scores = torch.tensor([[3.0, 0.0, 0.0]], requires_grad=True)
    balance_loss(scores.softmax(dim=-1)).backward()
    assert scores.grad is not None
    assert scores.grad[0, 0] > 0 > scores.grad[0, 1]


@pytest.mark.parametrize(
    ("row", "loss"),
    [
        ([0.0, 0.0, 1.0], 0.5),
        ([1.0, 0.0, 0.0], 0.2),
        ([0.0, 0.9, 0.1], 0.3 * 1.1 * 0.9 + 0.5 * 1.1 * 0.1 / 0.2),
        ([0.5, 0.5, 0.0], 0.5 * 1.1 * 0.5 / 0.6),
    ],
)
def test_computing_worked_by_hand(row: list[float], loss: float) -> None:
    assert compute_loss(torch.tensor([[row]]), (0.2, 0.3, 0.5)).item() == pytest.approx(loss, abs=1e-6)


def test_less_is_asked_for_by_weights_that_leave_the_costly_out() -> None:
    few, all_alike = torch.tensor([[[0.9, 0.1, 0.0]]]), torch.full((1, 1, 3), 1 / 3)
    assert compute_loss(few, (0.01, 0.29, 0.7)) < compute_loss(all_alike, (0.01, 0.29, 0.7))
