import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from tests.conftest import MakeModel
from tilelli import ModelConfig, TilelliLM, VanillaLM
from tilelli.base import ByteLM, build
from tilelli.errors import ConfigError, InputError
from tilelli.interventions import Given, parse
from tilelli.pathways import PATHWAYS
from tilelli.state import DecodeState
from tilelli.trace import Recorder, trace

CONTEXT = 16
CLOSE = {"rtol": 1e-4, "atol": 1e-4}


def some_bytes(T: int = CONTEXT, B: int = 2, seed: int = 0) -> Tensor:
    return torch.randint(256, (B, T), generator=torch.Generator().manual_seed(seed))


def in_pieces(model: ByteLM, ids: Tensor, lengths: list[int]) -> Tensor:
    """Logits of `ids` read piece by piece, each from the state before it."""
    state, pieces = None, []
    for piece in ids.split(lengths, dim=1):
        logits, state = model(piece, state)
        pieces.append(logits)
    return torch.cat(pieces, dim=1)


def test_every_byte_gets_a_logit_for_every_byte(model: ByteLM) -> None:
    logits, state = model(some_bytes(5))
    assert logits.shape == (2, 5, 256)
    assert logits.dtype == torch.float32
    assert state.position == 5


@given(st.integers(0, CONTEXT - 1), st.integers(0, 10**6))
def test_changing_a_later_byte_leaves_earlier_logits_alone(model: ByteLM, place: int, seed: int) -> None:
    ids = some_bytes(seed=seed)
    changed = ids.clone()
    changed[:, place] = (changed[:, place] + 1) % 256
    before, after = model(ids)[0], model(changed)[0]
    torch.testing.assert_close(before[:, :place], after[:, :place], **CLOSE)
    assert not torch.allclose(before[:, place], after[:, place])


@given(st.integers(1, CONTEXT - 1), st.integers(0, 10**6))
def test_cached_decoding_equals_the_full_pass_wherever_it_is_cut(model: ByteLM, cut: int, seed: int) -> None:
    ids = some_bytes(seed=seed)
    torch.testing.assert_close(in_pieces(model, ids, [cut, CONTEXT - cut]), model(ids)[0], **CLOSE)


def test_cached_decoding_one_byte_at_a_time_equals_the_full_pass(model: ByteLM) -> None:
    ids = some_bytes()
    torch.testing.assert_close(in_pieces(model, ids, [1] * CONTEXT), model(ids)[0], **CLOSE)


@pytest.mark.parametrize("kernel_size", [1, 5, 30])
@pytest.mark.parametrize("top_k", [1, 64])
def test_cached_decoding_holds_for_narrow_and_wide_pathways(tiny: MakeModel, kernel_size: int, top_k: int) -> None:
    model, ids = tiny("routed", kernel_size=kernel_size, top_k=top_k), some_bytes()
    torch.testing.assert_close(in_pieces(model, ids, [1] * CONTEXT), model(ids)[0], **CLOSE)


def test_texts_in_a_batch_do_not_see_each_other(model: ByteLM) -> None:
    ids = some_bytes(B=3)
    torch.testing.assert_close(model(ids)[0][1:2], model(ids[1:2])[0], **CLOSE)


def test_a_state_can_be_gone_on_from_twice(model: ByteLM) -> None:
    ids = some_bytes()
    _, state = model(ids[:, :8])
    first = model(ids[:, 8:], state)[0]
    model(some_bytes(3, seed=1), state)
    assert torch.equal(model(ids[:, 8:], state)[0], first)
    assert state.position == 8


def test_a_model_remembers_nothing_of_a_conversation(model: ByteLM) -> None:
    ids = some_bytes()
    first = model(ids)[0]
    model(some_bytes(7, seed=1))
    assert torch.equal(model(ids)[0], first)


def test_a_text_longer_than_the_context_is_refused(model: ByteLM) -> None:
    with pytest.raises(InputError, match="longer than the context: 17 bytes for 16 positions"):
        model(some_bytes(17))


def test_going_on_past_the_context_is_refused(model: ByteLM) -> None:
    _, state = model(some_bytes(15))
    assert isinstance(state, DecodeState)
    with pytest.raises(InputError, match="17 bytes for 16 positions"):
        model(some_bytes(2), state)


def test_keeping_as_many_keys_as_there_are_bytes_is_keeping_all(tiny: MakeModel) -> None:
    ids = some_bytes()
    logits = [tiny("routed", top_k=top_k)(ids)[0] for top_k in (CONTEXT, 10 * CONTEXT, 2)]
    torch.testing.assert_close(logits[0], logits[1])
    assert not torch.allclose(logits[0], logits[2])


def own_weights(model: ByteLM, ids: Tensor) -> Tensor:
    weights = trace(model, ids).router_weights
    assert weights is not None
    return weights  # (L, B, T, P)


def test_forcing_what_the_router_chose_changes_nothing(routed: ByteLM) -> None:
    ids = some_bytes()
    forced = [Given(dict(enumerate(own_weights(routed, ids))))]
    torch.testing.assert_close(routed(ids, interventions=forced)[0], routed(ids)[0])


def test_forcing_one_block_leaves_the_router_of_the_block_before_alone(routed: ByteLM) -> None:
    ids, seen = some_bytes(), Recorder(attention=False)
    routed(ids, interventions=[Given({1: torch.tensor([1.0, 0.0, 0.0])})], trace=seen)
    assert torch.equal(seen.router[0], own_weights(routed, ids)[0])
    assert torch.equal(seen.router[1], torch.tensor([1.0, 0.0, 0.0]).expand(2, CONTEXT, 3))


def test_without_any_pathway_only_embedding_and_position_speak(routed: ByteLM) -> None:
    ids = some_bytes()
    stream = routed.embedding(ids) + routed.positions.weight[:CONTEXT]
    plain = routed.norm(stream) @ routed.embedding.weight.T
    torch.testing.assert_close(routed(ids, interventions=parse("zero"))[0], plain)


def test_a_block_is_the_weighted_sum_of_its_pathways(tiny: MakeModel) -> None:
    model, ids = tiny("routed", n_blocks=1), some_bytes()
    block = model.blocks[0]
    x = model.embedding(ids) + model.positions.weight[:CONTEXT]
    h = block.norm(x)
    outputs = torch.stack((block.local(h)[0], block.sparse(h)[0], block.dense(h)), dim=-1)  # (B, T, D, P)
    x = x + 3.0 * (outputs * block.router(h)[:, :, None]).sum(dim=-1)
    torch.testing.assert_close(model(ids)[0], model.norm(x) @ model.embedding.weight.T, **CLOSE)


@pytest.mark.parametrize("pathway", [0, 1, 2])
def test_each_pathway_has_a_say(routed: ByteLM, pathway: int) -> None:
    ids = some_bytes()
    only = torch.eye(3)[pathway]
    assert not torch.allclose(
        routed(ids, interventions=[Given({0: only})])[0], routed(ids, interventions=[Given({0: 0 * only})])[0]
    )


@pytest.mark.parametrize("part", ["local", "sparse", "dense"])
def test_making_a_part_ternary_changes_what_it_says(tiny: MakeModel, part: str) -> None:
    ids = some_bytes()
    assert not torch.allclose(tiny("routed", ternary=[part])(ids)[0], tiny("routed", ternary=[])(ids)[0])


def test_running_and_training_agree_on_ternary_weights(routed: ByteLM) -> None:
    ids = some_bytes()
    with torch.no_grad():
        running = routed(ids)[0]
    torch.testing.assert_close(routed(ids)[0], running, **CLOSE)


def test_every_parameter_learns_something() -> None:
    model = TilelliLM(ModelConfig(d_model=16, n_blocks=2, n_heads=2, head_dim=8, top_k=4, context=CONTEXT))
    logits, _ = model(some_bytes())
    logits.square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in model.parameters())


def test_a_fresh_model_is_nearly_unsure(tiny: MakeModel) -> None:
    logits = build(tiny().config)(some_bytes())[0]
    assert torch.nn.functional.cross_entropy(logits.flatten(0, 1), some_bytes(seed=1).flatten()) < 6.0  # ln 256 = 5.5


def test_the_seed_decides_the_fresh_weights() -> None:
    weights = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        weights.append(TilelliLM(ModelConfig(d_model=16, context=CONTEXT)).embedding.weight)
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_parameters_are_counted_with_the_shared_head_once(tiny: MakeModel) -> None:
    # 256 bytes and 16 positions of width 16, the last norm; two blocks of a norm, router, local, sparse, dense
    block = 2 * 16 + (16 * 3 + 3) + (16 * 3 + 16) + 4 * 16 * 16 + 2 * 16 * 32
    assert tiny("routed").num_parameters() == 256 * 16 + 16 * 16 + 2 * 16 + 2 * block


def test_a_model_of_the_wrong_kind_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"TilelliLM needs kind routed: vanilla\. Use tilelli\.base\.build\."):
        TilelliLM(ModelConfig(kind="vanilla"))


@pytest.mark.parametrize(("kind", "expected"), [("routed", TilelliLM), ("vanilla", VanillaLM)])
def test_build_makes_the_kind_that_the_configuration_names(kind: str, expected: type) -> None:
    assert type(build(ModelConfig(kind=kind, d_model=8, context=8))) is expected


@pytest.mark.parametrize(("kind", "block"), [("routed", 2), ("routed", -1), ("vanilla", 0)])
def test_an_intervention_where_no_router_is_is_refused(tiny: MakeModel, kind: str, block: int) -> None:
    with pytest.raises(InputError, match="no router to intervene in"):
        tiny(kind)(torch.zeros(1, 3, dtype=torch.int64), interventions=[Given({block: torch.ones(3) / 3})])


def test_through_local_the_dense_pathway_reads_each_byte_with_those_before_it(tiny: MakeModel) -> None:
    block, bare = tiny(through_local=True).blocks[0], tiny().blocks[0]
    x = torch.randn(2, CONTEXT, 16)
    h = bare.norm(x)
    for place, expected in enumerate((bare.local(h)[0], bare.sparse(h)[0], bare.dense(h + bare.local(h)[0]))):
        changed = block(x, None, None, lambda w, _, p=place: torch.eye(3)[p].expand_as(w))[0] - x
        torch.testing.assert_close(changed, bare.mix_scale * expected, **CLOSE)


def test_through_local_the_router_sees_what_it_saw(tiny: MakeModel) -> None:
    ids = some_bytes()
    assert torch.equal(own_weights(tiny(through_local=True), ids)[0], own_weights(tiny(), ids)[0])


def test_a_model_through_local_decodes_in_pieces_as_in_one_go(tiny: MakeModel) -> None:
    model, ids = tiny(through_local=True), some_bytes()
    torch.testing.assert_close(in_pieces(model, ids, [1, 4, CONTEXT - 5]), model(ids)[0], **CLOSE)


@pytest.mark.parametrize("absent", ["local", "sparse", "dense"])
def test_a_model_without_a_pathway_is_the_same_as_one_that_never_uses_it(tiny: MakeModel, absent: str) -> None:
    kept = [name for name in PATHWAYS if name != absent]
    model, ids = tiny(pathways=kept), some_bytes()
    weights = own_weights(model, ids)
    assert torch.equal(weights[..., PATHWAYS.index(absent)], torch.zeros(2, 2, CONTEXT))
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(2, 2, CONTEXT))
    assert not any(f".{absent}." in name for name, _ in model.named_parameters())
    whole = tiny()
    whole.load_state_dict({**whole.state_dict(), **{n: p for n, p in model.named_parameters() if ".router." not in n}})
    torch.testing.assert_close(whole(ids, interventions=[Given(dict(enumerate(weights)))])[0], model(ids)[0])


@pytest.mark.parametrize("absent", ["local", "sparse", "dense"])
def test_a_model_without_a_pathway_decodes_step_by_step_as_in_one_go(tiny: MakeModel, absent: str) -> None:
    model, ids = tiny(pathways=[name for name in PATHWAYS if name != absent]), some_bytes()
    torch.testing.assert_close(in_pieces(model, ids, [1, 4, CONTEXT - 5]), model(ids)[0], **CLOSE)


def test_a_pathway_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ConfigError, match="pathways is not known: 'wide'"):
        ModelConfig(pathways=("local", "wide"))
    with pytest.raises(ConfigError, match="A block needs a pathway"):
        ModelConfig(pathways=())


def test_the_abstain_head_speaks_for_every_byte(tiny: MakeModel) -> None:
    seen = trace(tiny(abstain=True), some_bytes()).abstain
    assert seen is not None
    assert seen.shape == (2, CONTEXT)
    assert ((seen > 0) & (seen < 1)).all()
    assert trace(tiny(), some_bytes()).abstain is None
