import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from tilelli.pathways import SparsePathway
from tilelli.pathways.sparse import held, mix, score, select
from tilelli.pathways.topk_attention import QUERIES, attend

LENGTHS = [1, QUERIES - 1, QUERIES, QUERIES + 1, 2 * QUERIES + 2]


def projections(T: int, gradient: bool = False) -> tuple[Tensor, ...]:
    """q, k, v of two texts and three heads, in double precision so that no two scores tie."""
    generator = torch.Generator().manual_seed(T)
    made = (torch.randn(2, 3, T, 5, generator=generator, dtype=torch.float64) for _ in range(3))
    return tuple(tensor.requires_grad_(gradient) for tensor in made)


def pathway(top_k: int, ternary: bool = False) -> SparsePathway:
    torch.manual_seed(0)
    return SparsePathway(8, 2, 4, top_k, ternary).requires_grad_(False)


def plain(q: Tensor, k: Tensor, v: Tensor, top_k: int) -> Tensor:
    return mix(*select(q, k, top_k), v)


@pytest.mark.parametrize("bits", [0, 8])
def test_it_learns_in_bfloat16_whether_its_activations_are_rounded_or_not(bits: int) -> None:
    torch.manual_seed(0)
    sparse, h = SparsePathway(16, 2, 8, 4, ternary=True, activation_bits=bits), torch.randn(2, 70, 16)
    exact = sparse(h)[0]
    with torch.autocast("cpu", torch.bfloat16):
        out = sparse(h)[0]
    assert F.cosine_similarity(out.float().flatten(), exact.flatten(), dim=0) > 0.9
    out.float().sum().backward()
    gradient = sparse.qkv.weight.grad
    assert gradient is not None
    assert gradient.isfinite().all()
    assert gradient.any()


@pytest.mark.parametrize("T", LENGTHS)
@pytest.mark.parametrize("extra", [0, 5])
def test_keeping_every_key_is_dense_attention(T: int, extra: int) -> None:
    q, k, v = projections(T)
    dense = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    torch.testing.assert_close(attend(q, k, v, T + extra), dense)
    torch.testing.assert_close(plain(q, k, v, T + extra), dense)


def test_a_query_keeps_the_best_of_the_past_worked_by_hand() -> None:
    k = torch.tensor([math.log(2), 0.0, math.log(6), 9.0])[None, None, :, None]
    q = torch.ones(1, 1, 4, 1)
    index, weights = select(q, k, top_k=2, sort=True)
    assert index[0, 0, 2].tolist() == [2, 0]  # the third query: log 6 and log 2 among the first three
    torch.testing.assert_close(weights[0, 0, 2], torch.tensor([0.75, 0.25]))


def test_what_kept_keys_hold_worked_by_hand() -> None:
    scores = torch.tensor([[math.log(2), -math.inf, -math.inf], [math.log(2), math.log(6), math.log(1)]])[None, None]
    index = torch.tensor([[0, 1], [1, 0]])[None, None]
    torch.testing.assert_close(held(scores, index), torch.tensor([1.0, 8 / 9])[None, None])


@given(st.integers(1, 12), st.integers(1, 15))
def test_what_is_held_grows_with_the_keys_kept_and_ends_at_all_of_it(T: int, top_k: int) -> None:
    q, k, _ = projections(T)
    scores = score(q, k)
    some, more = (held(scores, select(q, k, kept)[0]) for kept in (top_k, top_k + 1))
    assert (some <= more + 1e-12).all()
    torch.testing.assert_close(held(scores, select(q, k, T)[0]), torch.ones(2, 3, T, dtype=torch.float64))


@given(st.integers(1, 12), st.integers(1, 15), st.booleans())
def test_kept_keys_are_past_few_and_weigh_one(T: int, top_k: int, sort: bool) -> None:
    q, k, _ = projections(T)
    index, weights = select(q, k, top_k, sort)
    assert index.shape == weights.shape == (2, 3, T, min(top_k, T))
    filled = weights > 0
    assert (index <= torch.arange(T)[:, None])[filled].all()
    assert torch.equal(filled.sum(dim=-1), torch.arange(1, T + 1).clamp(max=top_k).expand(2, 3, T))
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(2, 3, T, dtype=torch.float64))


def test_sorting_puts_the_heaviest_first_and_changes_nothing_else() -> None:
    q, k, v = projections(9)
    index, weights = select(q, k, 4, sort=True)
    assert (weights.diff(dim=-1) <= 0).all()
    torch.testing.assert_close(mix(index, weights, v), plain(q, k, v, 4))


@pytest.mark.parametrize("ternary", [False, True])
@torch.no_grad()
def test_changing_a_later_byte_leaves_earlier_outputs_alone(ternary: bool) -> None:
    sparse, h = pathway(3, ternary), torch.randn(1, 9, 8)
    changed = h.clone()
    changed[:, 5:] += torch.randn(4, 8)
    before, after = sparse(h)[0], sparse(changed)[0]
    torch.testing.assert_close(before[:, :5], after[:, :5])
    assert not torch.allclose(before[:, 5], after[:, 5])


@given(st.integers(1, 9), st.lists(st.integers(1, 4), min_size=1, max_size=5))
def test_going_on_equals_one_pass_however_it_is_cut(top_k: int, lengths: list[int]) -> None:
    sparse, h = pathway(top_k), torch.randn(2, sum(lengths), 8)
    past, pieces = None, []
    for piece in h.split(lengths, dim=1):
        out, past = sparse(piece, past)
        pieces.append(out)
    torch.testing.assert_close(torch.cat(pieces, dim=1), sparse(h)[0], rtol=1e-4, atol=1e-5)


def test_writing_down_what_was_kept_changes_no_output() -> None:
    sparse, h, kept = pathway(3), torch.randn(2, 9, 8), []
    torch.testing.assert_close(sparse(h, kept=kept)[0], sparse(h)[0])
    [(index, weights)] = kept
    assert index.shape == weights.shape == (2, 2, 9, 3)


def test_it_is_attention_between_two_projections() -> None:
    sparse, h = pathway(99), torch.randn(1, 6, 8)
    q, k, v = (part.view(1, 6, 2, 4).transpose(1, 2) for part in (h @ sparse.qkv.weight.T).chunk(3, dim=-1))
    mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    torch.testing.assert_close(sparse(h)[0], mixed.transpose(1, 2).reshape(1, 6, 8) @ sparse.out.weight.T)
