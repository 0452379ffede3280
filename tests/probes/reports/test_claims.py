"""What a report claims comes back from its file as it was, and a figure that is a tenth off is found out anywhere."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from probes.metrics import Measured
from probes.reports.claims import Claims, Figure, Pair, claimed, claims, here, read, written, wrong
from probes.store.store import Entry
from tests.probes.results import abstained, coverage, odd
from tilelli.errors import InputError

ENTRY = Entry(3, "2026-01-01", "abstain", "m", "a" * 64, "b", 0, {}, "0.1.0+x", "here", (), None)
FLOATS = st.floats(-1e6, 1e6, allow_subnormal=False)


def some() -> list[Claims]:
    return [claims(result, ENTRY, "python -m probes run") for result in (abstained(), coverage(), odd())]


def test_the_file_gives_back_what_was_claimed(tmp_path: Path) -> None:
    pairs = [Pair(0, 1, some()[0].figures[:2])]
    (tmp_path / "report.json").write_text(written(some(), pairs))
    assert read(tmp_path / "report.json") == (some(), pairs)
    assert json.loads((tmp_path / "report.json").read_text())["results"][0]["figures"][0]["figure"] == "hallucination"


def test_a_result_is_claimed_with_all_it_says() -> None:
    own = claims(abstained(), ENTRY, "")
    assert {(f.part, f.figure): f.measured for f in own.figures} == abstained().figures
    assert [(ruling.rule, ruling.word) for ruling in own.verdicts] == [("part: hallucination at most 0.15", "missed")]
    assert (own.weights, own.bank["name"], own.seed, own.code) == ("0" * 64, "made up", 0, "0.1.0+x")


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (Measured(0.5, 0.4, 0.6, 30), None),
        (Measured(0.5 + 9e-7, 0.4, 0.6, 30), None),
        (Measured(0.5 + 2e-6, 0.4, 0.6, 30), "0.500002, claimed 0.5; 1e-06 off is allowed"),
        (Measured(0.5, 0.4, 0.61, 30), "high end 0.61, claimed 0.6; 1e-06 off is allowed"),
        (Measured(0.5, 0.4, 0.6, 31), "31 rows, 30 were claimed"),
        (Measured(None, None, None, 30), "undefined, claimed 0.5"),
        (Measured(0.5, None, None, 30), "low end undefined, claimed 0.4"),
        (None, "it is not measured any more"),
    ],
)
def test_what_does_not_come_back_is_told(found: Measured | None, said: str | None) -> None:
    assert wrong(claimed(("p", "f"), Measured(0.5, 0.4, 0.6, 30)), found, same_machine=True) == said


def test_what_was_undefined_must_stay_so() -> None:
    nothing = claimed(("p", "f"), Measured(None, None, None, 0))
    assert wrong(nothing, Measured(None, None, None, 0), same_machine=True) is None
    assert wrong(nothing, Measured(0.5, None, None, 0), same_machine=True) == "0.5, claimed undefined"


def test_elsewhere_a_thousandth_of_the_size_is_allowed_on_top() -> None:
    figure, off = claimed(("p", "f"), Measured(0.5, 0.4, 0.6, 30)), Measured(0.5005, 0.4005, 0.5995, 30)
    assert wrong(figure, off, same_machine=False) is None
    assert wrong(figure, off, same_machine=True) is not None


@given(FLOATS, FLOATS, FLOATS, st.booleans(), st.booleans())
def test_a_figure_that_is_a_tenth_off_is_found_out(
    value: float, below: float, above: float, more: bool, same: bool
) -> None:
    """On either type of machine, however wide the interval, unless the figure is next to nothing."""
    assume(abs(value) > 1e-2 or (same and abs(value) > 1e-4 and max(abs(below), abs(above)) < 1))
    assume(not same or abs(value) > 1e-4 * max(abs(below), abs(above)))
    found = Measured(value, value - abs(below), value + abs(above), 30)
    off = replace(claimed(("p", "f"), found), value=value * (1.1 if more else 0.9))
    if not same and 1e-6 * max(1, abs(found.low or 0), abs(found.high or 0)) > 0.04 * abs(value):
        return  # a difference of two figures this large is not known so well
    assert wrong(off, found, same_machine=same) is not None


@given(FLOATS, FLOATS, FLOATS)
def test_a_figure_comes_back_as_itself_on_any_machine(value: float, low: float, high: float) -> None:
    found = Measured(value, low, high, 3)
    figure = claimed(("p", "f"), found)
    assert wrong(figure, found, same_machine=True) is wrong(figure, found, same_machine=False) is None
    assert 0 < figure.tolerance <= figure.elsewhere


def changed(**changes: Any) -> str:
    """A file with something wrong in its first result."""
    content = json.loads(written(some(), []))
    figure = changes.pop("figure", {})
    content["results"][0] |= changes
    content["results"][0]["figures"][0] |= figure
    return json.dumps(content)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "not the file of a report"),
        ("[]", "not the file of a report"),
        ("{}", r"KeyError: 'report'"),
        ('{"report": 2}', "of another form: 2"),
        ('{"report": 1, "results": 3, "pairs": []}', "TypeError"),
        (changed(seed="0"), "seed is '0'"),
        (changed(seed=True), "seed is True"),
        (changed(settings=[]), r"settings is \[\]"),
        (changed(figure={"value": "0.5"}), "value of 'hallucination' is '0.5'"),
        (changed(figure={"n": 1.5}), "n is 1.5"),
        (changed(figure={"tolerance": -1.0}), "the tolerance of 'hallucination' is -1.0"),
        (changed(bank={"name": 3, "sha256": ""}), "name is 3"),
        ("[" * 100_000, "not the file of a report"),
    ],
)
def test_a_file_that_is_no_report_is_refused_in_a_sentence(content: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text(content)
    with pytest.raises(InputError, match=said):
        read(tmp_path / "report.json")


def test_a_pair_of_results_that_are_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text(written(some(), [Pair(0, 3, ())]))
    with pytest.raises(InputError, match="a pair names result 3 of 3"):
        read(tmp_path / "report.json")
    with pytest.raises(InputError, match="The report cannot be read"):
        read(tmp_path / "gone.json")


def test_this_machine_is_of_the_type_that_provenance_tells() -> None:
    assert here() == coverage().provenance["machine"]
    assert asdict(Figure("p", "f", 1.0, None, None, 1, 0.0, 0.0))["part"] == "p"
