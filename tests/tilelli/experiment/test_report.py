from pathlib import Path

import pytest

from tests.tilelli.experiment.conftest import PLAN, MakeRecord
from tilelli.errors import InputError
from tilelli.experiment.plan import Plan
from tilelli.experiment.report import put, write_report

PLAIN, BETTER = (200.0, 200.0, 400.0), (196.0, 190.0, 392.0)


def report(plan: Plan, tmp_path: Path) -> str:
    write_report(plan, tmp_path / "RESULTS.md")
    return (tmp_path / "RESULTS.md").read_text(encoding="utf-8")


def test_validation_figures_say_loudly_what_they_are(plan: Plan, make_record: MakeRecord, tmp_path: Path) -> None:
    make_record("vanilla", 0, PLAIN)
    make_record("routed", 0, BETTER)
    text = report(plan, tmp_path)
    assert "**These are validation figures, not test figures.**" in text
    assert "The test split has been read for 0 of 2 runs. 2 of 4 runs are done." in text
    assert "| plain | 1,000 | 192 | 0.2 | 2.0000 | – | 2.0000 | – | 3.0 |" in text
    assert "documents only |" in text
    assert "| Routing pays | interval below 0 % |" in text
    assert "**not yet: 1 of 2 seeds**" in text


def test_test_figures_say_what_they_are(plan: Plan, make_record: MakeRecord, tmp_path: Path) -> None:
    for seed in (0, 1):
        make_record("vanilla", seed, PLAIN, test=PLAIN)
        make_record("routed", seed, BETTER, test=(196, 196, 392))
    text = report(plan, tmp_path)
    assert "Bits per byte on the test split (3 documents, 400 bytes), read once" in text
    assert "| routed | 1,000 | 192 | 0.2 | 1.9600 | 1.9600 | 1.9600 | -2.00 [-2.00, -2.00] | 3.0 |" in text
    assert "**met**" in text
    assert "validation" not in text


def test_a_report_of_nothing_is_a_report(plan: Plan, tmp_path: Path) -> None:
    text = report(plan, tmp_path)
    assert "**Nothing is measured yet.** 0 of 4 runs are done." in text
    assert "| routed | – | – | – | – | – | – | – | – |" in text


def test_the_same_records_give_the_same_report(plan: Plan, make_record: MakeRecord, tmp_path: Path) -> None:
    make_record("vanilla", 0, PLAIN)
    make_record("routed", 0, BETTER)
    first, drawn = report(plan, tmp_path), (tmp_path / "docs" / "small.svg").read_bytes()
    assert report(plan, tmp_path) == first
    assert (tmp_path / "docs" / "small.svg").read_bytes() == drawn


def test_the_rest_of_the_file_is_left_alone(plan: Plan, tmp_path: Path) -> None:
    old = "<!-- small: begin -->\nold\n<!-- small: end -->"
    (tmp_path / "RESULTS.md").write_text(f"# Mine\n\nbefore\n\n{old}\n\nafter\n")
    text = report(plan, tmp_path)
    assert text.startswith("# Mine\n\nbefore\n\n<!-- small: begin -->")
    assert text.endswith("<!-- small: end -->\n\nafter\n")
    assert "old" not in text


def test_a_plan_without_a_section_gets_one_at_the_end() -> None:
    assert put("# Mine\n", "x", "new\n") == "# Mine\n\n<!-- x: begin -->\n\nnew\n\n<!-- x: end -->\n"


@pytest.mark.parametrize(
    "text",
    [
        "<!-- x: begin -->",
        "<!-- x: end -->",
        "<!-- x: end --><!-- x: begin -->",
        "<!-- x: begin --><!-- x: begin --><!-- x: end -->",
        "<!-- x: begin --><!-- x: end --><!-- x: end -->",
    ],
)
def test_marks_that_are_no_pair_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="The marks of x are not a pair"):
        put(text, "x", "new")


def test_a_report_that_cannot_be_written_is_refused(plan: Plan, text_file: Path) -> None:
    with pytest.raises(InputError, match="The report cannot be written"):
        write_report(plan, text_file / "RESULTS.md")


def test_a_title_cannot_end_its_cell(plan: Plan, tmp_path: Path) -> None:
    plan.path.write_text(PLAN.replace("title: plain", 'title: "a | b"'))
    assert "| a \\| b | – |" in report(Plan.from_yaml(plan.path), tmp_path)
