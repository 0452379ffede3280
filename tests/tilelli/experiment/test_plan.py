import re
from pathlib import Path

import pytest

from tests.tilelli.experiment.conftest import PLAN
from tilelli.errors import ConfigError, InputError
from tilelli.experiment.plan import Comparison, Plan

ROOT = Path(__file__).parents[3]


def read(tmp_path: Path, text: str) -> Plan:
    path = tmp_path / "plan.yaml"
    path.write_text(text)
    return Plan.from_yaml(path)


@pytest.mark.parametrize("path", sorted((ROOT / "configs" / "plans").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_plans_that_ship_can_be_carried_out(path: Path) -> None:
    plan = Plan.from_yaml(path)
    assert len(plan.jobs()) == len(plan.arms) * len(plan.seeds)
    contexts = {(job.recipe.model.context, job.recipe.training.steps) for job in plan.jobs()}
    assert len(contexts) == 1


def test_an_arm_changes_a_part_of_the_recipe_and_keeps_the_rest(plan: Plan) -> None:
    vanilla, routed = plan.arms["vanilla"], plan.arms["routed"]
    assert (vanilla.title, vanilla.recipe.model.kind, vanilla.recipe.model.d_model) == ("plain", "vanilla", 8)
    assert (routed.title, routed.recipe.model.kind, routed.recipe.model.ternary) == ("routed", "routed", ())
    assert vanilla.recipe.training == routed.recipe.training


def test_all_arms_of_a_seed_come_before_the_next_seed(plan: Plan) -> None:
    assert [job.name for job in plan.jobs()] == ["vanilla-0", "routed-0", "vanilla-1", "routed-1"]
    assert [job.seed for job in plan.jobs(["routed"])] == [0, 1]
    assert [job.name for job in plan.jobs(seeds=[1])] == ["vanilla-1", "routed-1"]


def test_records_stand_beside_the_plan(plan: Plan) -> None:
    assert plan.records == plan.path.parent / "small"


@pytest.mark.parametrize(("arms", "seeds", "seen"), [(["rooted"], None, "rooted"), (None, [7], "7")])
def test_a_run_that_is_not_planned_is_refused(
    plan: Plan, arms: list[str] | None, seeds: list[int] | None, seen: str
) -> None:
    with pytest.raises(InputError, match=f"The plan has no such run: {seen}"):
        plan.jobs(arms, seeds)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("baseline:", "basline:", "unknown setting: 'basline'. Did you mean 'baseline'"),
        ("baseline: vanilla", "baseline: vanila", "no such baseline: 'vanila'. Did you mean 'vanilla'"),
        ("baseline: vanilla", "", "no such baseline: None"),
        ("  training:", "  trainin:", "section recipe has an unknown setting: 'trainin'. Did you mean 'training'"),
        ("d_model", "d_modl", "arm vanilla, section model has an unknown setting: 'd_modl'. Did you mean 'd_model'"),
        ("{ternary: []}", "{tenary: []}", "arm routed, section model has an unknown setting: 'tenary'"),
        ("{model: {ternary: []}}", "{modle: {ternary: []}}", "arm routed has an unknown setting: 'modle'"),
        ("{model: {ternary: []}}", "{model: 3}", "arm routed: model holds no settings: 3"),
        ("{model: {ternary: []}}", "", "arm routed is empty"),
        ("{ternary: []}", "{context: 32}", "would read other bytes than the rest: context"),
        ("model: {ternary: []}", "training: {steps: 9}", "would read other bytes than the rest: steps"),
        ("  routed:", "  ../routed:", "a name no file can bear: '../routed'"),
        ("  routed:", "  7:", "a name no file can bear: 7"),
        ("[0, 1]", "[]", "has no seeds"),
        ("[0, 1]", "[0, x]", "has no seeds"),
        ("[0, 1]", "[-1]", "has no seeds"),
        ("arm: routed", "arm: roted", "comparison 1 names an unknown arm: 'roted'. Did you mean 'routed'"),
        ("below: 0", "belw: 0", "comparison 1 has an unknown setting: 'belw'. Did you mean 'below'"),
        ("below: 0", "below: 0, above: 1", "comparison 1 cannot be judged"),
        (", below: 0", "", "comparison 1 cannot be judged"),
        ("below: 0", "below: 0, judged_by: men", "unknown judge: 'men'. Did you mean 'mean'"),
        ("title:", "{", "The plan is not YAML"),
        (PLAN, "[]", r"plan.yaml is empty"),
    ],
)
def test_a_mistake_in_a_plan_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in PLAN
    with pytest.raises(ConfigError) as error:
        read(tmp_path, PLAN.replace(old, new))
    assert message in str(error.value)


def test_a_plan_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"The plan cannot be read: .*absent\.yaml \(No such file"):
        Plan.from_yaml(tmp_path / "absent.yaml")


@pytest.mark.parametrize(
    ("target", "met", "missed"),
    [
        ({"below": 0.0}, (-1.0, -2.0, -0.1), (-1.0, -2.0, 0.0)),
        ({"below": 1.5}, (1.0, 0.5, 1.4), (1.0, 0.5, 1.6)),
        ({"above": 0.0}, (1.0, 0.1, 2.0), (1.0, -0.1, 2.0)),
        ({"below": 1.5, "judged_by": "mean"}, (1.4, 0.0, 3.0), (1.6, 0.0, 3.0)),
    ],
)
def test_a_claim_is_met_only_where_all_that_judges_it_lies(
    target: dict[str, float], met: tuple[float, float, float], missed: tuple[float, float, float]
) -> None:
    comparison = Comparison.from_dict(target)
    assert comparison.met(*met)
    assert not comparison.met(*missed)


@pytest.mark.parametrize(
    ("pupil", "seen"),
    [
        ("{teacher: nobody, training: {distill: 0.5}}", "has an unknown teacher"),
        ("{teacher: routed}", "teacher routed, distill 0"),
        ("{training: {distill: 0.5}}", "teacher none, distill 0.5"),
        ("{teacher: pupil, training: {distill: 0.5}}", "teacher pupil, distill 0.5"),
    ],
)
def test_an_arm_cannot_be_taught_by_just_anybody(tmp_path: Path, pupil: str, seen: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(seen)):
        read(tmp_path, PLAN.replace("seeds:", f"  pupil: {pupil}\nseeds:"))
