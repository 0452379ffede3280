import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from tests.conftest import TEXT, TINY
from tilelli import TilelliLM
from tilelli.base import ByteLM
from tilelli.checkpoint import load, weights_hash
from tilelli.config import Recipe, TrainingConfig
from tilelli.data.batch import Batch
from tilelli.data.corpus import Corpus
from tilelli.data.windows import Windows
from tilelli.errors import DataError, TrainingError
from tilelli.training import loop, step
from tilelli.training.loop import Step, train
from tilelli.training.optimizer import Optimizers, make_optimizer
from tilelli.training.pretraining import pretraining
from tilelli.training.run import RunFolder

CORPUS = Corpus("somewhere/cats.txt", [TEXT.encode() * 3] * 8, 0)
HELD_OUT = [TEXT.encode()]
PLAN = TrainingConfig(
    steps=12,
    batch_size=4,
    learning_rate=1e-2,
    warmup_steps=2,
    precision="float32",
    log_every=1,
    eval_every=4,
    save_every=5,
    eval_bytes=60,
)
Record = dict[str, object]


class PowerCutError(Exception):
    """Stands for the end of everything: nothing is saved after it."""


def run(
    folder: Path,
    resume: bool = False,
    kind: str = "routed",
    on_step: Callable[[Step], None] | None = None,
    **changes: object,
) -> ByteLM:
    recipe = Recipe(TINY.twin(kind), dataclasses.replace(PLAN, **changes))
    return train(pretraining(recipe, CORPUS, HELD_OUT), RunFolder(folder), resume, on_step)


def stopped_run(folder: Path, at: int) -> None:
    """A run that is asked to stop after step `at`, and does."""
    steps = iter(range(1, 100))
    train(pretraining(Recipe(TINY, PLAN), CORPUS, HELD_OUT), RunFolder(folder), should_stop=lambda: next(steps) == at)


def killed_run(folder: Path, at: int) -> None:
    """A run that dies after step `at`, with no time to save."""

    def die(step: Step) -> None:
        if step.step == at:
            raise PowerCutError

    with pytest.raises(PowerCutError):
        run(folder, on_step=die)


def figures(folder: Path) -> list[Record]:
    """All that was logged, less the speed, which is never the same twice."""
    return [{k: v for k, v in record.items() if k != "bytes_per_second"} for record in RunFolder(folder).metrics()]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    run(folder)
    return folder


@pytest.mark.parametrize("kind", ["routed", "vanilla"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_training_lowers_the_loss(tmp_path: Path, kind: str, precision: str) -> None:
    steps: list[Step] = []
    run(tmp_path, kind=kind, on_step=steps.append, steps=50, precision=precision, eval_every=50, save_every=50)
    assert steps[0].bpb == pytest.approx(8, abs=1)
    assert steps[-1].bpb < 4.5
    assert steps[-1].held_out_bpb is not None
    assert steps[-1].held_out_bpb < 4.5


def test_every_step_is_told(tmp_path: Path) -> None:
    steps: list[Step] = []
    run(tmp_path, on_step=steps.append)
    assert [step.step for step in steps] == list(range(1, 13))
    assert {step.steps for step in steps} == {12}
    assert [step.held_out_bpb is None for step in steps] == [True] * 3 + [False] * 9


def test_what_is_logged_is_complete(whole: Path) -> None:
    records = figures(whole)
    trained = [record for record in records if "bpb" in record]
    assert [record["step"] for record in trained] == list(range(1, 13))
    assert [record["step"] for record in records if "held_out_bpb" in record] == [4, 8, 12]
    assert all(sum(shares) == pytest.approx(1, abs=1e-3) for record in trained for shares in record["shares"])  # type: ignore[attr-defined]


def test_the_same_seed_gives_the_same_model_and_another_another(whole: Path, tmp_path: Path) -> None:
    run(tmp_path / "same")
    run(tmp_path / "other", seed=1)
    first, same, other = (
        weights_hash(load(folder, ByteLM)) for folder in (whole, tmp_path / "same", tmp_path / "other")
    )
    assert first == same != other
    assert figures(tmp_path / "same") == figures(whole)


@pytest.mark.parametrize("at", [1, 5, 7, 12])
def test_a_run_that_was_stopped_and_resumed_ends_like_one_that_was_not(whole: Path, tmp_path: Path, at: int) -> None:
    stopped_run(tmp_path, at)
    assert RunFolder(tmp_path).metrics()[-1]["step"] == at
    assert load(tmp_path, ByteLM).provenance["steps"] == at
    run(tmp_path, resume=True)
    assert figures(tmp_path) == figures(whole)
    assert weights_hash(load(tmp_path, ByteLM)) == weights_hash(load(whole, ByteLM))


@pytest.mark.parametrize("at", [3, 5, 9])
def test_a_run_that_was_killed_and_resumed_ends_like_one_that_was_not(whole: Path, tmp_path: Path, at: int) -> None:
    killed_run(tmp_path, at)
    run(tmp_path, resume=True)
    assert figures(tmp_path) == figures(whole)
    assert weights_hash(load(tmp_path, ByteLM)) == weights_hash(load(whole, ByteLM))


def test_a_run_may_be_stopped_again_and_again(whole: Path, tmp_path: Path) -> None:
    for _ in range(4):
        steps = iter(range(1, 100))
        task = pretraining(Recipe(TINY, PLAN), CORPUS, HELD_OUT)
        train(task, RunFolder(tmp_path), True, should_stop=lambda: next(steps) == 3)  # noqa: B023
    assert figures(tmp_path) == figures(whole)


def test_a_finished_run_resumed_is_left_as_it_is(whole: Path, tmp_path: Path) -> None:
    first = run(tmp_path)
    again = run(tmp_path, resume=True)
    assert again.provenance == first.provenance
    assert figures(tmp_path) == figures(whole)


def test_a_kill_between_the_two_files_of_a_save_loses_nothing(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*arguments: object) -> None:
        raise PowerCutError

    with monkeypatch.context() as patch:
        patch.setattr(loop, "save_checkpoint", die)
        with pytest.raises(PowerCutError):
            run(tmp_path, save_every=12)
    run(tmp_path, resume=True, save_every=12)
    assert weights_hash(load(tmp_path, ByteLM)) == weights_hash(load(whole, ByteLM))


def test_resuming_what_never_began_is_beginning(whole: Path, tmp_path: Path) -> None:
    run(tmp_path / "new", resume=True)
    assert figures(tmp_path / "new") == figures(whole)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 13}, r"The run was started with another training: steps was 12, is 13\. Use the same, or another"),
        ({"seed": 5, "learning_rate": 0.5}, "another training: learning_rate was 0.01, is 0.5, seed was 0, is 5"),
        ({"kind": "vanilla"}, "another model: kind was routed, is vanilla"),
    ],
    ids=["steps", "seed and rate", "kind"],
)
def test_a_run_is_not_resumed_with_other_settings(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    stopped_run(tmp_path, 3)
    with pytest.raises(TrainingError, match=message):
        run(tmp_path, resume=True, **changes)  # type: ignore[arg-type]


def test_a_run_from_before_a_setting_existed_had_its_default(whole: Path, tmp_path: Path) -> None:
    stopped_run(tmp_path, 5)
    forget(tmp_path / "state.safetensors", "distill")
    run(tmp_path, resume=True)
    assert weights_hash(load(tmp_path, ByteLM)) == weights_hash(load(whole, ByteLM))
    forget(tmp_path / "state.safetensors", "steps")
    with pytest.raises(TrainingError, match="steps was 1000, is 12"):
        run(tmp_path, resume=True)


def forget(state: Path, setting: str) -> None:
    """Make a saved run as one was before the setting existed."""
    with safe_open(state, framework="pt") as file:
        facts = json.loads(file.metadata()["facts"])
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    del facts["training"][setting]
    save_file(tensors, state, metadata={"facts": json.dumps(facts)})


def test_a_resumed_run_may_log_evaluate_and_save_at_other_times(whole: Path, tmp_path: Path) -> None:
    stopped_run(tmp_path, 5)
    run(tmp_path, resume=True, log_every=2, eval_every=3, save_every=4, eval_bytes=30)
    assert weights_hash(load(tmp_path, ByteLM)) == weights_hash(load(whole, ByteLM))


def test_a_run_is_not_resumed_with_other_data(tmp_path: Path) -> None:
    stopped_run(tmp_path, 3)
    other = dataclasses.replace(CORPUS, documents=[*CORPUS.documents[:-1], b"Something else altogether."])
    with pytest.raises(TrainingError, match=f"another data: was {CORPUS.sha256}, is {other.sha256}"):
        train(pretraining(Recipe(TINY, PLAN), other, HELD_OUT), RunFolder(tmp_path), resume=True)


def test_a_refused_resume_leaves_the_run_as_it_was(tmp_path: Path) -> None:
    stopped_run(tmp_path, 3)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(TrainingError):
        run(tmp_path, resume=True, seed=1)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_folder_that_holds_a_run_is_refused(tmp_path: Path) -> None:
    stopped_run(tmp_path, 3)
    with pytest.raises(TrainingError, match=r"already holds a run: .*\. Add --resume, or choose another --out\."):
        run(tmp_path)


def test_a_loss_that_is_no_number_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ruined(model: ByteLM, config: TrainingConfig) -> Optimizers:
        with torch.no_grad():
            model.norm.weight.fill_(float("nan"))
        return make_optimizer(model, config)

    monkeypatch.setattr(step, "make_optimizer", ruined)
    with pytest.raises(TrainingError, match="The loss is no longer a number: step 1"):
        run(tmp_path)
    assert not RunFolder(tmp_path).has_state()


def test_a_corpus_that_is_too_short_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="shorter than one window: 6 bytes for windows of 17"):
        train(pretraining(Recipe(TINY, PLAN), Corpus("here", [b"tiny"], 0), HELD_OUT), RunFolder(tmp_path))


def test_two_models_are_shown_exactly_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Tensor] = []

    class Watched(Windows):
        def batch(self, step: int) -> Batch:
            shown.append((rows := super().batch(step)).ids)
            return rows

    monkeypatch.setattr("tilelli.training.pretraining.Windows", Watched)
    for kind in ("routed", "vanilla"):
        run(tmp_path / kind, kind=kind)
    assert len(shown) == 24
    assert torch.equal(torch.stack(shown[:12]), torch.stack(shown[12:]))


def test_provenance_is_enough_to_train_the_model_again(whole: Path) -> None:
    told = load(whole, TilelliLM).provenance
    assert told["recipe"] == {"model": TINY.to_dict(), "training": PLAN.to_dict()}
    assert told["data"] == {"source": "cats.txt", "sha256": CORPUS.sha256, "documents": 8, "bytes": CORPUS.bytes}
    assert (told["steps"], told["bytes_seen"]) == (12, 12 * 4 * 16)
    assert [step for step, _ in told["held_out"]] == [4, 8, 12]


def test_no_path_of_the_machine_is_told(whole: Path) -> None:
    assert "somewhere" not in (whole / "training.json").read_text()
    assert str(whole) not in (whole / "training.json").read_text()


def test_the_checkpoint_of_a_run_is_the_model_that_was_returned(tmp_path: Path) -> None:
    model = run(tmp_path)
    assert weights_hash(load(tmp_path, ByteLM)) == weights_hash(model)
    assert not model.training
