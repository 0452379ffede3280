import pytest
import torch

from tests.conftest import MakeModel
from tilelli import ModelConfig
from tilelli.errors import InputError
from tilelli.generation import Sampling, stream
from tilelli.interventions import ACTIONS, Given, Intervention, parse, written
from tilelli.trace import trace

CONTEXT = 12
ids = torch.randint(0, 256, (2, CONTEXT), generator=torch.Generator().manual_seed(3))


def weights(model, text: str = ""):
    found = trace(model, ids, parse(text)).router_weights
    assert found is not None
    return found  # (L, B, T, P)


@pytest.mark.parametrize(
    "text",
    [
        "force:local",
        "remove:sparse@2",
        "swap:local+dense@1-2",
        "flatten",
        "shuffle:7@1",
        "top",
        "skip:0.25",
        "set:1,0,0.5",
        "zero@2",
        "shuffle:1234567",
        "skip:0.12345678",
        "skip:1e-09",
    ],
)
def test_what_is_written_is_what_was_read(text: str) -> None:
    assert written(parse(text)) == text


def test_several_are_written_one_after_another() -> None:
    both = parse("  remove:sparse \n top@1 ")
    assert both == (Intervention("remove", ("sparse",)), Intervention("top", blocks=(0, 0)))
    assert written(both) == "remove:sparse top@1"
    assert parse("") == ()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("explode", "no such intervention: 'explode'"),
        ("force", "pathways of force do not fit: none. Name 1 of local, sparse, dense"),
        ("force:local+dense", "pathways of force do not fit"),
        ("force:wide", "pathways of force do not fit: wide"),
        ("swap:local+local", "pathways of swap do not fit"),
        ("swap:local+local+sparse", "pathways of swap do not fit"),
        ("remove:local+local", "pathways of remove do not fit"),
        ("shuffle:1e300", r"no such seed: 1e\+300"),
        ("flatten:local", "pathways of flatten do not fit: local. Leave them out"),
        ("skip", "numbers of skip do not fit: none. Give 1"),
        ("skip:-1", "numbers of skip do not fit"),
        ("skip:nan", "numbers of skip do not fit"),
        ("set:1,2", "numbers of set do not fit"),
        ("skip:much", "not an intervention: 'skip:much'"),
        ("top@0", "no block 0"),
        ("top@", "not an intervention"),
        ("😀", "not an intervention"),
        ("top@" + "9" * 50, "not an intervention"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(text: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        parse(text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [("top@3", "block 3 of a routed model of 2"), ("top@1-9", "block 9 of"), ("top@2-1", "range of blocks is empty")],
)
def test_a_block_that_is_not_there_is_refused(tiny: MakeModel, text: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        trace(tiny(), ids, parse(text))


def test_a_vanilla_model_has_no_router(tiny: MakeModel) -> None:
    with pytest.raises(InputError, match="no router to intervene in: a vanilla model"):
        trace(tiny("vanilla"), ids, parse("top"))


def test_a_pathway_that_the_model_lacks_cannot_be_forced(tiny: MakeModel) -> None:
    with pytest.raises(InputError, match="model lacks a pathway: dense"):
        trace(tiny(pathways=["local", "sparse"]), ids, parse("force:dense"))


def test_each_action_does_what_its_name_says(tiny: MakeModel) -> None:
    model = tiny()
    own = weights(model)[0]  # only the first block's are independent of what was done to it
    one = torch.ones(2, CONTEXT)
    assert torch.equal(weights(model, "force:sparse@1")[0], torch.stack((0 * one, one, 0 * one), dim=-1))
    assert torch.equal(weights(model, "remove:local@1")[0], own * torch.tensor([0.0, 1, 1]))
    assert torch.equal(weights(model, "swap:local+dense@1")[0], own[..., [2, 1, 0]])
    torch.testing.assert_close(weights(model, "flatten@1")[0], torch.full_like(own, 1 / 3))
    assert torch.equal(weights(model, "zero@1")[0], 0 * own)
    assert torch.equal(weights(model, "set:0.5,0,2@1")[0], torch.tensor([0.5, 0, 2]).expand_as(own))
    assert torch.equal(weights(model, "top@1")[0], torch.where(own == own.amax(-1, keepdim=True), own, 0.0))
    assert torch.equal(weights(model, "skip:0.33@1")[0], torch.where(own >= 0.33, own, 0.0))


def test_shuffling_deals_out_the_same_weights_by_seed_and_position(tiny: MakeModel) -> None:
    model = tiny()
    own, dealt = weights(model)[0], weights(model, "shuffle:1@1")[0]
    torch.testing.assert_close(dealt.sort(dim=-1).values, own.sort(dim=-1).values)
    assert not torch.equal(dealt, own)
    assert torch.equal(dealt, weights(model, "shuffle:1@1")[0])
    assert not torch.equal(dealt, weights(model, "shuffle:2@1")[0])


@pytest.mark.parametrize("text", ["shuffle:5", "remove:sparse", "top", "skip:0.3", "swap:local+sparse@2"])
def test_writing_byte_by_byte_and_reading_at_once_agree(tiny: MakeModel, text: str) -> None:
    model, changes = tiny(), parse(text)
    written_ = [w.byte for w in stream(model, [65, 66], Sampling(max_new=8, temperature=0), interventions=changes)]
    read = trace(model, [65, 66, *written_[:-1]], changes)
    assert read.probabilities[0, 1:].argmax(dim=-1).tolist() == written_


def test_removing_a_pathway_is_zeroing_its_weight_and_nothing_else(tiny: MakeModel) -> None:
    model = tiny()
    removed, _ = model(ids, interventions=parse("remove:sparse"))
    first = weights(model)[0] * torch.tensor([1.0, 0, 1])
    second = weights(model, "remove:sparse@1")[1] * torch.tensor([1.0, 0, 1])
    torch.testing.assert_close(removed, model(ids, interventions=[Given({0: first, 1: second})])[0])


def test_swapping_twice_changes_nothing(tiny: MakeModel) -> None:
    model = tiny()
    both = parse("swap:local+dense swap:dense+local")
    assert torch.equal(model(ids, interventions=both)[0], model(ids)[0])


def test_the_model_is_left_as_it_was(tiny: MakeModel) -> None:
    model = tiny()
    before, _ = model(ids)
    for action, meaning in ACTIONS.items():
        pathways = ("local", "sparse")[: meaning.pathways]
        model(ids, interventions=[Intervention(action, pathways, (1.0,) * meaning.numbers)])
    assert torch.equal(model(ids)[0], before)


def test_absent_pathways_stay_absent(tiny: MakeModel) -> None:
    model = tiny(pathways=["local", "dense"])
    for text in ("flatten", "shuffle:1", "set:1,1,1"):
        assert torch.equal(weights(model, text)[..., 1], torch.zeros(2, 2, CONTEXT))
    torch.testing.assert_close(weights(model, "flatten")[..., 0], torch.full((2, 2, CONTEXT), 0.5))


def test_one_block_forced_to_each_pathway_and_mixed_by_hand_is_the_block(tiny: MakeModel) -> None:
    model = tiny(n_blocks=1, through_local=True)
    x = model.embedding(ids) + model.positions.weight[:CONTEXT]
    block = model.blocks[0]
    own = block(x, None, None)[0]
    parts = []
    for pathway in ("local", "sparse", "dense"):
        change = Intervention("force", (pathway,))
        forced = block(x, None, None, lambda w, present, change=change: change.change(w, 0, 0, present))[0]
        parts.append(forced - x)
    mixed = x + (torch.stack(parts, dim=-1) * weights(model)[0][:, :, None]).sum(dim=-1)
    torch.testing.assert_close(mixed, own, atol=1e-5, rtol=1e-5)


def test_a_vanilla_configuration_refuses_given_weights() -> None:
    with pytest.raises(InputError, match="no router"):
        Given({0: torch.ones(3)}).check(ModelConfig(kind="vanilla"))
