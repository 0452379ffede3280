import math

import pytest
import torch
from torch.nn import functional as F

from tests.conftest import MakeModel
from tilelli.base import ByteLM
from tilelli.errors import InputError
from tilelli.trace import Recorder, Trace, places, trace

IDS = torch.randint(256, (2, 9), generator=torch.Generator().manual_seed(0))


def test_probabilities_are_those_of_a_plain_pass(model: ByteLM) -> None:
    seen = trace(model, IDS)
    torch.testing.assert_close(seen.probabilities, model(IDS)[0].softmax(dim=-1))
    assert torch.equal(seen.ids, IDS)


def test_shapes_are_as_written(routed: ByteLM) -> None:
    seen = trace(routed, IDS)
    assert seen.router_weights is not None
    assert seen.router_weights.shape == (2, 2, 9, 3)
    assert seen.kept_keys.shape == seen.kept_weights.shape == (2, 2, 2, 9, 4)
    assert seen.residual_norms.shape == (3, 2, 9)
    assert seen.byte_probabilities.shape == seen.bits.shape == (2, 8)
    assert seen.entropies.shape == (2, 9)


def test_router_weights_add_up_to_one_and_are_in_the_order_of_the_pathways(routed: ByteLM) -> None:
    seen, alone = trace(routed, IDS), Recorder(attention=False)
    routed(IDS, trace=alone)
    assert seen.router_weights is not None
    torch.testing.assert_close(seen.router_weights, torch.stack(alone.router))
    torch.testing.assert_close(seen.router_weights.sum(dim=-1), torch.ones(2, 2, 9))


def test_a_vanilla_model_has_no_router_weights_and_keeps_every_key(vanilla: ByteLM) -> None:
    seen = trace(vanilla, IDS)
    assert seen.router_weights is None
    assert torch.equal((seen.kept_weights > 0).sum(dim=-1)[0, 0, 0], torch.arange(1, 10))


def test_kept_keys_are_past_and_heaviest_first(model: ByteLM) -> None:
    seen = trace(model, IDS)
    filled = seen.kept_weights > 0
    assert (seen.kept_keys <= torch.arange(9)[:, None])[filled].all()
    assert (seen.kept_weights.diff(dim=-1) <= 0).all()
    torch.testing.assert_close(seen.kept_weights.sum(dim=-1), torch.ones(seen.kept_weights.shape[:-1]))


def test_the_kept_mass_is_what_the_kept_keys_hold_of_dense_attention(tiny: MakeModel) -> None:
    sparse, dense = trace(tiny(top_k=4), IDS), trace(tiny(top_k=16), IDS)  # the same weights, so the same scores
    spread = torch.zeros(2, 2, 9, 9).scatter(-1, dense.kept_keys[0], dense.kept_weights[0])
    held = spread.gather(-1, sparse.kept_keys[0]).sum(dim=-1)
    assert sparse.kept_mass is not None
    assert dense.kept_mass is not None
    torch.testing.assert_close(sparse.kept_mass[0], held)
    assert held.min() < 0.9
    torch.testing.assert_close(dense.kept_mass, torch.ones(2, 2, 2, 9))


def test_who_drops_no_key_or_has_none_has_no_kept_mass(vanilla: ByteLM, tiny: MakeModel) -> None:
    assert trace(vanilla, IDS).kept_mass is None
    mass = trace(tiny(pathways=("local", "dense")), IDS).kept_mass
    assert mass is not None
    assert mass.isnan().all()


def test_the_kept_mass_is_not_worked_out_unless_attention_is_wanted(routed: ByteLM) -> None:
    alone = Recorder(attention=False)
    routed(IDS, trace=alone)
    assert alone.mass == alone.kept == []


def test_the_first_norm_is_that_of_embedding_and_position(model: ByteLM) -> None:
    stream = model.embedding(IDS) + model.positions.weight[:9]
    torch.testing.assert_close(trace(model, IDS).residual_norms[0], stream.norm(dim=-1))


def test_the_mean_of_the_bits_is_the_cross_entropy(model: ByteLM) -> None:
    nats = F.cross_entropy(model(IDS[:, :-1])[0].flatten(0, 1), IDS[:, 1:].flatten())
    assert trace(model, IDS).bits.mean().item() == pytest.approx(nats.item() / math.log(2), rel=1e-4)


def test_tracing_one_text_is_tracing_a_batch_of_one(model: ByteLM) -> None:
    torch.testing.assert_close(trace(model, IDS[0].tolist()).probabilities, trace(model, IDS[:1]).probabilities)


def test_a_model_that_knows_nothing_is_eight_bits_unsure(tiny: MakeModel) -> None:
    model = tiny()
    model.embedding.weight.zero_()
    seen = trace(model, IDS)
    torch.testing.assert_close(seen.entropies, torch.full((2, 9), 8.0))
    torch.testing.assert_close(seen.bits, torch.full((2, 8), 8.0))


def test_a_certain_byte_is_no_surprise_and_an_impossible_one_is_finite() -> None:
    certain = F.one_hot(torch.tensor([[7, 7]]), 256).float()
    empty = torch.zeros(0)
    seen = [Trace(torch.tensor([[1, byte]]), certain, None, empty, empty, empty) for byte in (7, 8)]
    assert [s.bits.isfinite().all() for s in seen] == [True, True]
    assert seen[0].bits.item() == 0 < 90 < seen[1].bits.item()
    assert seen[0].entropies.tolist() == [[0.0, 0.0]]


def test_nothing_is_left_on_the_model(model: ByteLM) -> None:
    before = model(IDS)[0]
    trace(model, IDS)
    assert torch.equal(model(IDS)[0], before)
    assert not any(module._forward_hooks for module in model.modules())


def test_a_trace_needs_a_byte(model: ByteLM) -> None:
    with pytest.raises(InputError, match=r"There is nothing to trace: an empty text\. Give at least one byte\."):
        trace(model, [])


def test_a_trace_ends_with_the_context(model: ByteLM) -> None:
    assert trace(model, [65] * 16).probabilities.shape == (1, 16, 256)
    with pytest.raises(InputError, match="17 bytes for 16 positions"):
        trace(model, [65] * 17)


def test_what_is_not_a_byte_is_refused(routed: ByteLM) -> None:
    with pytest.raises(InputError, match="not a byte"):
        trace(routed, [1, 300])


@pytest.mark.parametrize("kind", ["routed", "vanilla"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_what_is_recorded_is_float32_whatever_the_model_computes_in(
    tiny: MakeModel, kind: str, dtype: torch.dtype
) -> None:
    seen, usual = trace(tiny(kind).to(dtype), IDS), trace(tiny(kind), IDS)
    for name, value in vars(seen).items():
        if isinstance(value, torch.Tensor) and name not in ("ids", "kept_keys"):
            assert value.dtype == torch.float32
    torch.testing.assert_close(seen.residual_norms, usual.residual_norms, rtol=0.1, atol=0.1)


def test_a_trace_says_which_pathways_there_are(tiny: MakeModel, vanilla: ByteLM) -> None:
    assert trace(tiny(pathways=["dense", "local"]), IDS).pathways == ("local", "dense")
    assert trace(vanilla, IDS).pathways == ()


@pytest.mark.parametrize("kind", ["routed", "vanilla"])
def test_the_size_of_a_trace_is_known_before(tiny: MakeModel, kind: str) -> None:
    model = tiny(kind)
    for T in (1, 3, 9):
        assert trace(model, IDS[0, :T]).kept_keys.numel() == places(model.config, T)
