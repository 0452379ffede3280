import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from tests.conftest import TEXT, MakeModel
from tilelli import chat
from tilelli.base import ByteLM
from tilelli.checkpoint import load
from tilelli.config import ModelConfig, Recipe, TrainingConfig, TuningConfig
from tilelli.data.corpus import Corpus
from tilelli.data.dialogues.split import plan
from tilelli.drafts import drafts
from tilelli.gate import DRAFT, Gate
from tilelli.sampling import Sampling
from tilelli.trace import trace
from tilelli.training.loop import train
from tilelli.training.run import RunFolder
from tilelli.training.sft import auroc, balanced_threshold, read_replies, tuning

CORPUS = Corpus("here", [TEXT.encode() * 9] * 3, 0)
PLAN = TrainingConfig(steps=6, batch_size=8, warmup_steps=1, precision="float32", eval_every=3, save_every=3)
RECIPE = Recipe(ModelConfig(), PLAN, TuningConfig(pairs=1000, rehearsal=0.3))
FLOATS = TuningConfig(pairs=1000, rehearsal=0.3, floats=True)
scores = st.lists(st.floats(0, 1), min_size=1, max_size=30).map(np.array)


@pytest.fixture(scope="module")
def base(tiny: MakeModel) -> ByteLM:
    return tiny(context=256)


@pytest.fixture(scope="module")
def whole(base: ByteLM, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    train(tuning(RECIPE, base, "base", CORPUS, CORPUS.documents), RunFolder(folder))
    return folder


def test_the_gate_is_fitted_and_goes_by_what_the_draft_costs(whole: Path) -> None:
    model, ids = load(whole, ByteLM), chat.encode("USER: Hi\nTILELLI:")
    gate = Gate.of(model.provenance)
    assert gate.drafts
    seen = trace(model, ids)
    assert seen.abstain is not None
    logit = float(torch.logit(seen.abstain[0, -1].double()))
    (draft,) = drafts(model, [ids], DRAFT)
    assert chat.abstain_probability(model, ids) == pytest.approx(gate.probability(logit, draft.bits), abs=1e-5)
    first, *others = chat.reply(model, ids, Sampling(max_new=5, temperature=0))
    assert first.abstain == pytest.approx(gate.probability(logit, draft.bits), abs=1e-5)
    assert gate.probability(logit, draft.bits) != pytest.approx(1 / (1 + math.exp(-logit)), abs=1e-3)
    assert all(step.abstain is not None for step in others)


def test_a_base_may_go_on_as_floats_with_itself_as_teacher(base: ByteLM) -> None:
    training = dataclasses.replace(PLAN, distill=0.5)
    task = tuning(dataclasses.replace(RECIPE, training=training, tuning=FLOATS), base, "base", CORPUS, [b"text"])
    assert base.config.ternary
    assert task.model.config.ternary == ()
    assert task.teacher is base


def test_the_base_goes_in_and_a_chat_model_with_a_head_comes_out(base: ByteLM, whole: Path) -> None:
    model = load(whole, ByteLM)
    assert model.config == dataclasses.replace(base.config, abstain=True)
    assert model.provenance["base"]["name"] == "base"
    assert model.provenance["tuning"]["pairs"] == 1000
    assert model.provenance["tuning"]["plan"] == plan(0).sha256 != plan(1).sha256
    assert chat.threshold(model) == model.provenance["figures"]["threshold"]
    assert 0 < chat.abstain_probability(model, chat.encode("USER: Hi\nTILELLI:")) < 1  # type: ignore[operator]


def test_before_the_first_step_the_words_are_those_of_the_base(base: ByteLM) -> None:
    model = tuning(RECIPE, base, "base", CORPUS, CORPUS.documents).model
    ids = torch.tensor([list(TEXT.encode())])
    torch.testing.assert_close(model(ids)[0], base(ids)[0])


def test_a_stopped_run_ends_as_one_that_was_not(base: ByteLM, whole: Path, tmp_path: Path) -> None:
    steps = iter(range(9))
    for resume in (False, True):
        task = tuning(RECIPE, base, "base", CORPUS, CORPUS.documents)
        train(task, RunFolder(tmp_path), resume, should_stop=lambda: next(steps) == 2)
    kept = [[r["bpb"] for r in RunFolder(folder).metrics() if "bpb" in r] for folder in (tmp_path, whole)]
    assert kept[0] == kept[1]


def test_the_loss_of_a_reply_is_that_of_its_bytes_alone(tiny: MakeModel, base: ByteLM) -> None:
    from tilelli.data.dialogue import banks

    rows = banks(0)["valid-premises"][:3]
    model = tiny(context=256, abstain=True)
    bits, head = read_replies(model, rows, batch_size=2)
    expected, count = 0.0, 0
    for row, logit in zip(rows, head, strict=True):
        prompt, text = chat.encode(row.prompt), [0, *row.text.encode()]
        seen = trace(model, text)
        expected += float(seen.bits[0, len(prompt) - 1 :].sum())
        count += len(text) - len(prompt)
        p = chat.abstain_probability(model, prompt)  # of a model without a gate of its own: the head's
        assert 1 / (1 + math.exp(-logit)) == pytest.approx(p, rel=1e-4)
    assert bits == pytest.approx(expected / count, rel=1e-4)


@given(scores, scores)
def test_auroc_is_that_of_scikit_learn(positive: np.ndarray, negative: np.ndarray) -> None:
    labels = [1] * len(positive) + [0] * len(negative)
    assert auroc(positive, negative) == pytest.approx(roc_auc_score(labels, [*positive, *negative]))


def test_the_threshold_makes_both_errors_equally_frequent() -> None:
    random = np.random.default_rng(0)
    declines, answers = random.beta(4, 2, 4000), random.beta(2, 4, 1000)
    threshold = balanced_threshold(declines, answers)
    assert (declines < threshold).mean() == pytest.approx((answers >= threshold).mean(), abs=0.002)
