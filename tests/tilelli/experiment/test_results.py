import pytest

from tests.tilelli.experiment.conftest import PLAN, MakeRecord
from tilelli.experiment.plan import Plan
from tilelli.experiment.results import gather

PLAIN, BETTER = (200.0, 200.0, 400.0), (196.0, 196.0, 392.0)


def test_without_records_nothing_is_known_and_nothing_breaks(plan: Plan) -> None:
    found = gather(plan)
    assert (found.runs, found.planned, found.documents) == (0, 4, 0)
    assert [row.mean for row in found.rows] == [None, None]
    assert found.verdicts[0].words == "not yet: 0 of 2 seeds"


def test_a_table_of_two_seeds_worked_by_hand(plan: Plan, make_record: MakeRecord) -> None:
    for seed in (0, 1):
        make_record("vanilla", seed, PLAIN)
        make_record("routed", seed, BETTER)
    vanilla, routed = (found := gather(plan)).rows
    assert (vanilla.bpb, vanilla.mean, vanilla.difference, vanilla.core_minutes) == ((2, 2), 2, None, 3)
    assert (routed.bpb, routed.parameters, routed.bytes_seen) == ((1.96, 1.96), 1000, 192)
    assert routed.difference is not None
    assert (routed.difference.mean, routed.difference.low, routed.difference.high) == pytest.approx((-2, -2, -2))
    assert (found.documents, found.bytes, found.verdicts[0].words) == (3, 400, "met")


def test_only_seeds_that_both_have_are_paired(plan: Plan, make_record: MakeRecord) -> None:
    make_record("vanilla", 0, PLAIN)
    make_record("routed", 0, BETTER)
    make_record("routed", 1, (900, 900, 900))
    found = gather(plan)
    assert found.rows[0].bpb == (2, None)
    assert found.rows[1].difference is not None
    assert found.rows[1].difference.each == pytest.approx((-2,))
    assert found.verdicts[0].words == "not yet: 1 of 2 seeds"


def test_a_claim_that_fails_is_missed(plan: Plan, make_record: MakeRecord) -> None:
    for seed in (0, 1):
        make_record("vanilla", seed, BETTER)
        make_record("routed", seed, PLAIN)
    assert gather(plan).verdicts[0].words == "missed"


def test_the_test_split_counts_once_every_run_has_read_it(plan: Plan, make_record: MakeRecord) -> None:
    make_record("vanilla", 0, PLAIN, test=(100, 100, 200))
    make_record("routed", 0, BETTER)
    found = gather(plan)
    assert (found.split, found.tested, found.rows[0].bpb[0]) == ("validation", 1, 2)
    make_record("routed", 0, BETTER, test=(110, 110, 220))
    found = gather(plan)
    assert (found.split, found.tested, found.rows[0].bpb[0], found.rows[1].bpb[0]) == ("test", 2, 1, 1.1)


def test_what_is_left_out_is_told(plan: Plan, make_record: MakeRecord) -> None:
    make_record("routed", 0, BETTER)
    plan.path.write_text(PLAN.replace("d_model: 8", "d_model: 16"))
    found = gather(Plan.from_yaml(plan.path))
    assert (found.runs, found.left_out[0]) == (
        0,
        "routed-0 is left out, it was made by another recipe: d_model was 8, is 16.",
    )
