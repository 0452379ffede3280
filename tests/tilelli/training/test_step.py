import dataclasses
from collections.abc import Callable

import pytest
import torch

from tests.conftest import TEXT, TINY
from tilelli.base import ByteLM, build
from tilelli.config import Recipe, TrainingConfig
from tilelli.costs import cost_shares
from tilelli.data.batch import Batch
from tilelli.data.corpus import Corpus
from tilelli.errors import TrainingError
from tilelli.router import compute_loss
from tilelli.trace import Recorder
from tilelli.training.distributed import Group
from tilelli.training.optimizer import make_optimizer
from tilelli.training.pretraining import pretraining
from tilelli.training.step import Trainer, uses_bfloat16

DOCUMENTS = [TEXT.encode() * 3] * 8
PLAN = TrainingConfig(steps=4, batch_size=8, learning_rate=1e-2, warmup_steps=2, precision="float32")


def trainer(**changes: object) -> Trainer:
    return train_with(dataclasses.replace(PLAN, **changes), Group())


def train_with(plan: TrainingConfig, group: Group) -> Trainer:
    task = pretraining(Recipe(TINY, plan), Corpus("here", DOCUMENTS, 0), DOCUMENTS)
    return Trainer(plan, task.model, task.source, group)


@pytest.mark.parametrize("parts", [2, 4, 8])
def test_a_batch_in_parts_takes_the_same_step_as_a_whole_one(parts: int) -> None:
    whole, divided = trainer(), trainer(accumulate=parts)
    for step in range(3):
        a, b = whole.take(step), divided.take(step)
        assert b.bpb == pytest.approx(a.bpb, abs=1e-5)
        assert b.grad_norm == pytest.approx(a.grad_norm, rel=1e-4)
        torch.testing.assert_close(torch.tensor(b.shares), torch.tensor(a.shares), atol=1e-5, rtol=1e-4)


def taught(teacher_seed: int, **changes: object) -> Trainer:
    """A model of seed 0 that learns from an untrained one."""
    plan = dataclasses.replace(PLAN, balance=0.0, **changes)
    corpus = Corpus("here", DOCUMENTS, 0)
    torch.manual_seed(teacher_seed)
    task = pretraining(Recipe(TINY, plan), corpus, DOCUMENTS, build(TINY))
    return Trainer(plan, task.model, task.source, Group(), task.teacher)


def test_who_is_its_own_teacher_has_nothing_to_learn_from_it() -> None:
    assert taught(0, distill=1.0).take(0).grad_norm == pytest.approx(0, abs=1e-5)
    assert taught(1, distill=1.0).take(0).grad_norm > 1e-3


def test_a_teacher_counts_by_its_share_and_the_loss_told_is_that_of_the_text() -> None:
    text, half = trainer(balance=0.0).take(0), taught(0, distill=0.5).take(0)
    assert half.bpb == pytest.approx(text.bpb, abs=1e-5)
    assert half.grad_norm == pytest.approx(text.grad_norm / 2, rel=1e-3)


def test_learning_from_a_teacher_brings_a_model_nearer_to_it() -> None:
    made = taught(1, distill=1.0, steps=30)
    ids = torch.tensor([list(DOCUMENTS[0][:16])])
    wanted = made.teacher(ids)[0].softmax(dim=-1)  # type: ignore[misc]
    before = (made.model(ids)[0].softmax(dim=-1) - wanted).abs().sum()
    for step in range(30):
        made.take(step)
    assert (made.model(ids)[0].softmax(dim=-1) - wanted).abs().sum() < 0.7 * before


def test_a_model_may_begin_with_its_teachers_weights() -> None:
    made = taught(1, distill=1.0, inherit=True)
    assert made.teacher
    for own, given in zip(made.model.parameters(), made.teacher.parameters(), strict=True):
        assert torch.equal(own, given)
        assert own is not given
    with pytest.raises(TrainingError, match="inherit only from a teacher of its shape: no teacher"):
        trainer(inherit=True)


def test_a_teacher_and_its_weight_go_together() -> None:
    with pytest.raises(TrainingError, match=r"distill 0\.5 with no teacher"):
        trainer(distill=0.5)
    with pytest.raises(TrainingError, match="distill 0 with a teacher"):
        taught(1)


def test_the_parts_of_a_group_are_the_whole_batch() -> None:
    batch = Batch.of_text(torch.arange(12).view(6, 2))
    parts = torch.cat([Group(rank, 3).divide(batch).ids for rank in range(3)])
    assert sorted(parts.tolist()) == batch.ids.tolist()


@pytest.mark.parametrize(("size", "parts"), [(1, 3), (2, 8), (3, 1)])
def test_a_batch_that_cannot_be_divided_is_refused(size: int, parts: int) -> None:
    with pytest.raises(TrainingError, match=f"8 windows for {size} processes of {parts} parts"):
        train_with(dataclasses.replace(PLAN, accumulate=parts), Group(0, size))


@pytest.mark.parametrize(
    ("native", "half"),
    [({}, False), ({"avx2": True}, False), ({"avx512_bf16": True}, True), ({"amx_bf16": True}, True)],
)
def test_auto_is_bfloat16_where_the_processor_has_it(
    monkeypatch: pytest.MonkeyPatch, native: dict[str, bool], half: bool
) -> None:
    monkeypatch.setattr("torch.cpu.get_capabilities", lambda: native)
    assert [uses_bfloat16(precision, torch.device("cpu")) for precision in ("auto", "bfloat16", "float32")] == [
        half,
        True,
        False,
    ]


def test_matrices_decay_and_vectors_do_not(tiny: Callable[..., ByteLM]) -> None:
    model = tiny()
    decayed, spared = make_optimizer(model, PLAN).param_groups
    assert (decayed["weight_decay"], spared["weight_decay"]) == (0.1, 0.0)
    assert {p.ndim for p in spared["params"]} == {1}
    assert {p.ndim for p in decayed["params"]} == {2}
    assert len(decayed["params"]) + len(spared["params"]) == len(list(model.parameters()))


def test_a_budget_makes_the_router_ask_for_less() -> None:
    asked = []
    for budget in (0.0, 5.0):
        made, seen = trainer(budget=budget, steps=30), Recorder(attention=False)
        for step in range(30):
            made.take(step)
        made.model(torch.tensor([list(DOCUMENTS[0][:16])]), trace=seen)
        asked.append(torch.stack([compute_loss(w, cost_shares(TINY)) for w in seen.router]).mean().item())
    assert asked[1] < 0.8 * asked[0]
