import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from tests.tilelli.experiment.conftest import PLAN, MakeRecord
from tilelli.errors import DataError
from tilelli.evaluation import Score
from tilelli.experiment.plan import Plan
from tilelli.experiment.record import Record, Scores, load, load_all, stale


@pytest.fixture
def record(make_record: MakeRecord) -> Record:
    return make_record("routed", 0, (200, 300, 400.5), test=(100, 100, 100))


def test_a_record_comes_back_as_it_was(record: Record, plan: Plan) -> None:
    assert load(plan.records / "routed-0.json") == record


def test_bits_are_kept_to_a_tenth_and_sum_to_bits_per_byte() -> None:
    scores = Scores.of(Score(np.array([200.04, 300.06]), np.array([100, 150])), "x")
    assert scores == Scores("x", (200.0, 300.1), (100, 150))
    assert scores.bits_per_byte == pytest.approx(500.1 / 250)


def test_core_minutes_count_every_thread(record: Record) -> None:
    assert record.core_minutes == 3


@pytest.mark.parametrize(
    "changes",
    [
        {"arm": "vanilla"},
        {"validation": {}},
        {"curve": 3},
        {"extra": 1},
        {"test": {"sha256": "", "bits": [1], "bytes": []}},
    ],
)
def test_a_file_that_is_no_record_is_named(record: Record, plan: Plan, changes: dict[str, object]) -> None:
    path = plan.records / "routed-0.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(DataError, match=r"The record cannot be read: .*routed-0\.json"):
        load_all(plan)


@pytest.mark.parametrize("content", ["", "[]", "{}", "null", '{"arm": '])
def test_rubbish_is_no_record(record: Record, plan: Plan, content: str) -> None:
    (plan.records / "routed-0.json").write_text(content)
    with pytest.raises(DataError, match="The record cannot be read"):
        load_all(plan)


def changed_plan(plan: Plan, old: str, new: str) -> Plan:
    plan.path.write_text(PLAN.replace(old, new))
    return Plan.from_yaml(plan.path)


def test_a_record_of_another_recipe_is_left_out_and_says_why(record: Record, plan: Plan) -> None:
    records, left_out = load_all(changed_plan(plan, "steps: 6", "steps: 8"))
    assert records == {}
    assert left_out == ["routed-0 is left out, it was made by another recipe: steps was 6, is 8."]


def test_a_record_of_no_planned_run_is_left_out(record: Record, plan: Plan) -> None:
    assert load_all(changed_plan(plan, "[0, 1]", "[1]"))[1] == ["routed-0 is left out: the plan has no such run."]


def test_how_often_a_run_is_saved_does_not_matter(record: Record, plan: Plan) -> None:
    assert load_all(changed_plan(plan, "save_every: 2", "save_every: 3")) == ({"routed-0": record}, [])


def test_a_setting_younger_than_the_record_had_its_default(record: Record, plan: Plan) -> None:
    older = {part: {k: v for k, v in values.items() if k != "abstain"} for part, values in record.recipe.items()}
    assert stale(dataclasses.replace(record, recipe=older), plan.jobs(["routed"])[0]) == ""


def test_a_setting_that_is_gone_makes_a_record_stale(record: Record, plan: Plan) -> None:
    gone = record.recipe | {"model": record.recipe["model"] | {"wings": 2}}
    assert "'wings'" in stale(dataclasses.replace(record, recipe=gone), plan.jobs(["routed"])[0])


@pytest.mark.parametrize(("split", "field"), [("training", "data"), ("validation", "validation"), ("test", "test")])
def test_runs_on_different_texts_are_not_compared(
    record: Record, make_record: MakeRecord, plan: Plan, split: str, field: str
) -> None:
    other = make_record("vanilla", 0, (200, 300, 400), test=(100, 100, 100))
    text = {"sha256": "other"} if field == "data" else dataclasses.replace(getattr(other, field), sha256="other")
    dataclasses.replace(other, **{field: text}).save(plan.records)
    with pytest.raises(DataError, match=f"Two runs have different {split} texts: routed-0 and vanilla-0"):
        load_all(plan)


def test_a_plan_without_records_has_none(plan: Plan, tmp_path: Path) -> None:
    assert load_all(plan) == ({}, [])
