import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from tests.tilelli.experiment.conftest import CORPUS, HELD_OUT, PLAN, TEST
from tilelli.base import ByteLM
from tilelli.checkpoint import load as load_checkpoint
from tilelli.checkpoint import weights_hash
from tilelli.data.corpus import Corpus
from tilelli.errors import DataError, TrainingError
from tilelli.evaluation import evaluate
from tilelli.experiment.plan import Plan
from tilelli.experiment.record import load, load_all
from tilelli.experiment.runner import Desk, carry_out, read_test
from tilelli.training.loop import Step


class PowerCutError(Exception):
    """Stands for the end of everything: nothing is saved after it."""


def a_desk(plan: Plan, runs: Path) -> tuple[Desk, list[str]]:
    lines: list[str] = []
    return Desk(plan, runs, lines.append), lines


def weights(plan: Plan) -> dict[str, str]:
    return {name: record.weights for name, record in load_all(plan)[0].items()}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which all runs of the plan are done; shared, so only to be copied."""
    folder = tmp_path_factory.mktemp("done")
    (folder / "plans").mkdir()
    (folder / "plans" / "small.yaml").write_text(PLAN)
    plan = Plan.from_yaml(folder / "plans" / "small.yaml")
    carry_out(a_desk(plan, folder / "runs")[0], plan.jobs(), CORPUS, HELD_OUT)
    return folder


@pytest.fixture
def desk(done: Path, plan: Plan, tmp_path: Path) -> Desk:
    """All runs of the plan are done."""
    shutil.copytree(done, tmp_path, dirs_exist_ok=True)
    return a_desk(plan, tmp_path / "runs")[0]


def test_every_run_leaves_a_record_of_what_its_folder_holds(desk: Desk) -> None:
    records, _ = load_all(desk.plan)
    assert list(records) == ["vanilla-0", "routed-0", "vanilla-1", "routed-1"]
    for name, record in records.items():
        model = load_checkpoint(desk.runs / name, ByteLM)
        assert record.weights == weights_hash(model)
        assert record.parameters == model.num_parameters()
        assert record.validation.bits == pytest.approx(evaluate(model, HELD_OUT.documents).bits, abs=0.06)
        assert (record.steps, record.bytes_seen, record.test) == (6, 6 * 2 * 16, None)
        assert [step for step, _ in record.curve] == [3, 6]


def test_records_name_no_folder(desk: Desk) -> None:
    for path in desk.plan.records.iterdir():
        assert "somewhere" not in path.read_text()
        assert str(desk.runs) not in path.read_text()


def test_killed_and_stopped_runs_go_on_to_the_same_weights(desk: Desk, plan: Plan, tmp_path: Path) -> None:
    whole = weights(plan)
    for path in plan.records.iterdir():
        path.unlink()

    def die(name: str, step: Step) -> None:
        if (name, step.step) == ("routed-0", 3):
            raise PowerCutError

    other, lines = a_desk(plan, tmp_path / "again")
    with pytest.raises(PowerCutError):
        carry_out(dataclasses.replace(other, on_step=die), plan.jobs(), CORPUS, HELD_OUT)
    asked = iter([False, False, False, *[True] * 9])  # before either run; after a step; then yes
    carry_out(dataclasses.replace(other, should_stop=lambda: next(asked)), plan.jobs(), CORPUS, HELD_OUT)
    assert lines[-1] == "routed-0: stopped after step 4; the same command goes on with it."
    assert list(weights(plan)) == ["vanilla-0"]
    carry_out(other, plan.jobs(), CORPUS, HELD_OUT)
    assert weights(plan) == whole


def test_what_is_recorded_is_not_made_again(desk: Desk) -> None:
    lines: list[str] = []
    carry_out(
        dataclasses.replace(desk, say=lines.append, runs=desk.runs.parent / "no"), desk.plan.jobs(), CORPUS, HELD_OUT
    )
    assert lines == [f"{job.name}: has its record." for job in desk.plan.jobs()]


def test_a_run_that_another_process_has_taken_is_left_to_it(plan: Plan, tmp_path: Path) -> None:
    desk, lines = a_desk(plan, tmp_path / "runs")
    jobs = plan.jobs(seeds=[0])
    with desk.taken(jobs[0]) as mine:
        assert mine
        carry_out(desk, jobs, CORPUS, HELD_OUT)
    assert lines[0] == "vanilla-0: another process is at it."
    assert list(weights(plan)) == ["routed-0"]


def test_a_run_that_fails_does_not_stop_the_others(plan: Plan, tmp_path: Path) -> None:
    desk, lines = a_desk(plan, tmp_path / "runs")
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "vanilla-0").write_text("in the way")
    with pytest.raises(TrainingError, match="Some runs failed: vanilla-0"):
        carry_out(desk, plan.jobs(seeds=[0]), CORPUS, HELD_OUT)
    assert lines[0].startswith("vanilla-0: failed. The folder of the run cannot be made")
    assert list(weights(plan)) == ["routed-0"]


def test_a_stale_record_is_made_again_in_a_folder_of_its_own(desk: Desk, tmp_path: Path) -> None:
    desk.plan.path.write_text(PLAN.replace("steps: 6", "steps: 4"))
    plan = Plan.from_yaml(desk.plan.path)
    with pytest.raises(TrainingError, match="Some runs failed"):
        carry_out(dataclasses.replace(desk, plan=plan), plan.jobs(["routed"], [0]), CORPUS, HELD_OUT)
    other, _ = a_desk(plan, tmp_path / "other")
    carry_out(other, plan.jobs(["routed"], [0]), CORPUS, HELD_OUT)
    assert load(plan.records / "routed-0.json").steps == 4


@pytest.mark.parametrize(("split", "texts"), [("training", (TEST, HELD_OUT)), ("validation", (CORPUS, TEST))])
def test_a_plan_is_carried_out_on_one_text(desk: Desk, split: str, texts: tuple[Corpus, Corpus]) -> None:
    with pytest.raises(DataError, match=f"vanilla-0 has another {split} text"):
        carry_out(desk, desk.plan.jobs(), *texts)


def test_what_judges_is_never_trained_on(plan: Plan, tmp_path: Path) -> None:
    both = Corpus("both", [*CORPUS.documents, HELD_OUT.documents[0]], 0)
    with pytest.raises(DataError, match="Held-out documents are in the training text: 1 of 2 documents"):
        carry_out(a_desk(plan, tmp_path)[0], plan.jobs(), both, HELD_OUT)


def test_the_test_split_is_read_once(desk: Desk) -> None:
    jobs, lines = desk.plan.jobs(), list[str]()
    read_test(desk, jobs, TEST)
    first = load_all(desk.plan)
    assert all(record.test and record.test.sha256 == TEST.sha256 for record in first[0].values())
    read_test(dataclasses.replace(desk, say=lines.append), jobs, TEST)
    assert load_all(desk.plan) == first
    assert lines[0] == "vanilla-0: its test figures stand; the same weights are not tested twice."


def test_the_test_split_waits_for_the_last_run(plan: Plan, tmp_path: Path) -> None:
    desk, _ = a_desk(plan, tmp_path / "runs")
    carry_out(desk, plan.jobs(["routed"]), CORPUS, HELD_OUT)
    with pytest.raises(TrainingError, match="runs are missing: 2 of 4: vanilla-0, vanilla-1"):
        read_test(desk, plan.jobs(), TEST)
    read_test(desk, plan.jobs(["routed"]), TEST)
    assert all(record.test for record in load_all(plan)[0].values())


@pytest.mark.parametrize("seen", [CORPUS, HELD_OUT])
def test_text_that_choices_were_made_on_is_no_test(desk: Desk, seen: Corpus) -> None:
    with pytest.raises(DataError, match="The test split has been seen before"):
        read_test(desk, desk.plan.jobs(), seen)


def test_all_runs_are_judged_on_one_test_split(desk: Desk) -> None:
    read_test(desk, desk.plan.jobs(["routed"]), TEST)
    with pytest.raises(DataError, match="routed-0 was judged on another test split"):
        read_test(desk, desk.plan.jobs(), Corpus("other", [b"Quite another text."], 0))


def test_only_the_weights_of_the_record_are_tested(desk: Desk) -> None:
    with pytest.raises(TrainingError, match="The run's folder does not hold its weights: vanilla-0"):
        read_test(dataclasses.replace(desk, runs=desk.runs / "nowhere"), desk.plan.jobs(), TEST)
    path = desk.plan.records / "routed-0.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"weights": "others"}))
    with pytest.raises(TrainingError, match="The run's folder does not hold its weights: routed-0"):
        read_test(desk, desk.plan.jobs(), TEST)


TAUGHT = PLAN.replace("seeds:", "  pupil: {teacher: routed, training: {distill: 0.5}}\nseeds:")


def test_a_run_with_a_teacher_says_who_taught_it(desk: Desk) -> None:
    desk.plan.path.write_text(TAUGHT)
    plan = Plan.from_yaml(desk.plan.path)
    desk = dataclasses.replace(desk, plan=plan)
    carry_out(desk, plan.jobs(["pupil"], [1]), CORPUS, HELD_OUT)
    records, left_out = load_all(plan)
    assert records["pupil-1"].teacher == {"run": "routed-1", "weights": records["routed-1"].weights}
    assert load_checkpoint(desk.runs / "pupil-1", ByteLM).provenance["teacher"] == records["routed-1"].weights
    assert not left_out
    plan.path.write_text(TAUGHT.replace("teacher: routed", "teacher: vanilla"))
    assert "teacher was routed-1, is vanilla-1" in load_all(Plan.from_yaml(plan.path))[1][0]


def test_a_pupil_waits_for_its_teacher(plan: Plan, tmp_path: Path) -> None:
    plan.path.write_text(TAUGHT)
    desk, lines = a_desk(Plan.from_yaml(plan.path), tmp_path / "runs")
    with pytest.raises(TrainingError, match="Some runs failed: pupil-0"):
        carry_out(desk, desk.plan.jobs(["pupil"], [0]), CORPUS, HELD_OUT)
    assert "A run's teacher is not trained yet: routed-0 for pupil-0" in lines[0]
