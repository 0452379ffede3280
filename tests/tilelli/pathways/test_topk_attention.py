import threading
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from tests.tilelli.pathways.test_sparse import LENGTHS, plain, projections
from tilelli.engine import compiler
from tilelli.pathways import topk_attention
from tilelli.pathways.topk_attention import attend, keep_and_mix

Inputs = tuple[Tensor, ...]
Made = Callable[[int], Inputs]


@pytest.fixture(params=["torch", "machine code"])
def made(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Made:
    """Queries, keys and values of so many bytes, of the precision that has them computed in the way asked for."""
    exact = torch.float64
    if request.param == "machine code":
        pytest.importorskip("numba")
        monkeypatch.setattr(topk_attention, "WORTH", 0)
        monkeypatch.setattr(topk_attention, "_keep", None)  # torch's way, which would be an error
        exact = torch.float32
    return lambda T: tuple(tensor.detach().to(exact).requires_grad_() for tensor in projections(T))


def slow_and_fast(inputs: Inputs, top_k: int) -> tuple[Inputs, Inputs]:
    """Values and gradients of the plain version and of the fast one; where they are single, of the plain one in double
    precision."""
    incoming = torch.randn(inputs[0].shape, generator=torch.Generator().manual_seed(1)).double()
    found = []
    for function, exact in ((plain, torch.float64), (attend, inputs[0].dtype)):
        given = [tensor.detach().to(exact).requires_grad_() for tensor in inputs]
        out = function(*given, top_k)
        found.append((out, *torch.autograd.grad(out, given, incoming.to(exact))))
    return found[0], found[1]


@pytest.mark.parametrize("top_k", [1, 4, 300])
@pytest.mark.parametrize("T", LENGTHS)
def test_values_and_gradients_are_those_of_the_plain_version(made: Made, T: int, top_k: int) -> None:
    slow, fast = slow_and_fast(made(T), top_k)
    for expected, found in zip(slow, fast, strict=True):
        torch.testing.assert_close(found, expected.to(found.dtype), rtol=1e-4, atol=2e-6)


def test_the_gradient_is_that_of_small_differences() -> None:
    q, k, v = (tensor[:1, :1, :6].detach().requires_grad_() for tensor in projections(6))
    assert torch.autograd.gradcheck(lambda q, k, v: attend(q, k, v, 3), (q, k, v))


def test_torch_knows_all_that_it_has_to_know_of_the_operation(made: Made) -> None:
    sequences = tuple(tensor.detach().flatten(0, 1).requires_grad_() for tensor in made(70))
    torch.library.opcheck(keep_and_mix, (*sequences, 4), rtol=1e-4, atol=1e-6)


def test_who_computes_makes_no_difference_and_how_many_at_once_none_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba")
    generator = torch.Generator().manual_seed(0)
    inputs = tuple(torch.randn(3, 5, 130, 12, generator=generator) for _ in range(3))
    assert compiler.topk() is not None
    found = {}
    for way, worth, threads in (("torch", 10**9, 2), ("one", 0, 1), ("two", 0, 2), ("more than there are", 0, 20)):
        monkeypatch.setattr(topk_attention, "WORTH", worth)
        monkeypatch.setattr(topk_attention.torch, "get_num_threads", lambda threads=threads: threads)
        found[way] = slow_and_fast(inputs, 7)[1]
    for mixed, first, second, third in zip(*found.values(), strict=True):
        torch.testing.assert_close(first, mixed, rtol=1e-4, atol=2e-6)
        assert torch.equal(first, second)
        assert torch.equal(first, third)


def test_of_equal_scores_the_earlier_keys_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba")
    monkeypatch.setattr(topk_attention, "WORTH", 0)
    _, index, weights = keep_and_mix(torch.ones(1, 9, 4), torch.ones(1, 9, 4), torch.ones(1, 9, 4), 3)
    assert index[0].tolist() == [[0, 0, 0], [0, 1, 0], *[[0, 1, 2]] * 7]
    torch.testing.assert_close(weights[0, 1], torch.tensor([0.5, 0.5, 0.0]))


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_what_is_no_number_spoils_what_sees_it_and_no_other_text(made: Made, bad: float) -> None:
    q, k, v = (tensor.detach() for tensor in made(70))
    q[1, 2, 30], k[0, 1, 20] = bad, torch.nan
    out = attend(q, k, v, 4)
    assert out[0, [0, 2]].isfinite().all()
    assert out[1, :2].isfinite().all()
    assert not out[1, 2, 30].isfinite().any()
    assert not out[0, 1, 20:].isfinite().any()


def test_where_there_is_no_machine_code_torch_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topk_attention, "WORTH", 0)
    monkeypatch.setattr(compiler, "topk", lambda: None)
    q, k, v = (tensor.float() for tensor in projections(70))
    torch.testing.assert_close(attend(q, k, v, 4), plain(q, k, v, 4))


def test_small_texts_do_not_ask_for_machine_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiler, "topk", lambda: pytest.fail("asked for"))
    attend(*(tensor.float() for tensor in projections(70)), 4)


def test_no_thread_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba")
    monkeypatch.setattr(topk_attention, "WORTH", 0)
    monkeypatch.setattr(topk_attention.torch, "get_num_threads", lambda: 4)
    started, before = [], threading.active_count()
    monkeypatch.setattr(
        threading.Thread, "start", lambda self, start=threading.Thread.start: started.append(start(self))
    )
    attend(*(tensor.float() for tensor in projections(70)), 4)
    assert len(started) > 1
    assert threading.active_count() == before


def test_what_goes_wrong_in_a_thread_is_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*arguments: object) -> None:
        if arguments[-2] != 0:  # not the first share
            raise MemoryError

    monkeypatch.setattr(topk_attention, "WORTH", 0)
    monkeypatch.setattr(topk_attention.torch, "get_num_threads", lambda: 3)
    monkeypatch.setattr(compiler, "topk", lambda: compiler.TopK(failing, failing))
    with pytest.raises(MemoryError):
        attend(*(tensor.float() for tensor in projections(70)), 4)


@pytest.mark.parametrize("worth", [0, 10**9])
def test_going_backward_within_autocast_is_as_without(monkeypatch: pytest.MonkeyPatch, worth: int) -> None:
    monkeypatch.setattr(topk_attention, "WORTH", worth)
    inputs = tuple(tensor.detach().float().requires_grad_() for tensor in projections(70))
    expected = torch.autograd.grad(attend(*inputs, 4).square().sum(), inputs)
    with torch.autocast("cpu", torch.bfloat16):
        found = torch.autograd.grad(attend(*inputs, 4).square().sum(), inputs)
    torch.testing.assert_close(found, expected)
