"""The Results page: what is stored, opened, compared and taken away; as the command line has it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app import stored
from probes.__main__ import main
from probes.paired import table
from probes.result import ProbeResult, plain
from probes.store.store import Store
from tests.app.conftest import APP
from tests.app.views.following import follow
from tests.probes.results import abstained, coverage, odd
from tests.probes.store.conftest import key


@pytest.fixture
def kept(folder: Path) -> list[int]:
    """Numbers of stored results: two of one probe on the same questions, and two others."""
    return [put(result) for result in (coverage(seed=1), coverage(seed=2), abstained(), odd())]


def put(result: ProbeResult) -> int:
    store = Store()
    own = key(probe=result.probe, weights=result.provenance["weights"], bank="b" * 64 * bool(result.provenance["bank"]))
    number = store.put(own, result)
    store.close()
    return number


def opened(*ids: int, **state: Any) -> AppTest:
    page = AppTest.from_file(APP / "views" / "results.py", default_timeout=60)
    if ids:
        page.query_params["ids"] = [str(number) for number in ids]
    for name, value in state.items():
        page.session_state[name] = value
    page.run()
    assert not page.exception
    return page


def frame(page: AppTest, column: str) -> list[dict[str, Any]]:
    """The table that has a column."""
    (found,) = [each.value for each in page.dataframe if column in each.value]
    return plain(found)


def figures(page: AppTest) -> list[dict[str, Any]]:
    (found,) = [each.value for each in page.dataframe if each.key and each.key.startswith("results_figures")]
    return plain(found)


def test_an_empty_store_says_how_to_get_a_first_result(folder: Path) -> None:
    page = opened()
    assert page.title[0].value == "What has been found so far?"
    assert "python -m probes run coverage" in page.info[0].value


def test_the_history_is_a_line_each_and_the_newest_is_opened(kept: list[int]) -> None:
    page = opened()
    assert [row["id"] for row in frame(page, "weights")] == kept[::-1]
    assert page.multiselect(key="results_ids").value == [kept[-1]]


def test_one_result_shows_what_the_command_line_shows(kept: list[int], tmp_path: Path) -> None:
    page = opened(kept[2])
    assert main(["history", str(kept[2]), "--json", str(tmp_path / "one.json")]) == 0
    content = json.loads((tmp_path / "one.json").read_text())
    assert figures(page) == content["summary"]
    said = "\n".join(text.value for text in page.markdown)
    assert "The rule is not kept, narrowly: the interval crosses the bound. part: hallucination at most 0.15" in said
    assert "Note: A note." in [caption.value for caption in page.caption]


def test_two_on_the_same_questions_are_compared_as_the_report_does(kept: list[int], tmp_path: Path) -> None:
    page = opened(*kept[:2])
    assert frame(page, "difference") == plain(table([coverage(seed=1), coverage(seed=2)]))
    assert main(["report", *map(str, kept[:2]), "--out", str(tmp_path / "r.html")]) == 0
    (pair,) = json.loads((tmp_path / "r.json").read_text())["pairs"]
    shown = {(row["part"], row["figure"]): row["value"] for row in frame(page, "difference")}
    assert shown == pytest.approx({(own["part"], own["figure"]): own["value"] for own in pair["figures"]})


def test_what_is_not_paired_is_said(kept: list[int]) -> None:
    fewer = replace(coverage(seed=5), rows=coverage(seed=5).rows[1:])
    page = opened(kept[0], put(fewer))
    assert "their rows are not paired" in page.info[0].value
    assert opened(kept[0], kept[2]).info[0].value == "They have no figure in common."


def test_results_are_narrowed_and_the_choice_follows(kept: list[int]) -> None:
    page = opened(kept[3])
    page.selectbox(key="results_probe").set_value("coverage").run()
    assert not page.exception
    assert [row["id"] for row in frame(page, "weights")] == [kept[1], kept[0]]
    assert page.multiselect(key="results_ids").value == [kept[1]]
    page.selectbox(key="results_verdict").set_value("missed").run()
    assert "None of 4 results is of this kind" in page.info[0].value


def test_a_link_to_results_that_are_not_here_opens_the_newest(kept: list[int]) -> None:
    assert opened(999).multiselect(key="results_ids").value == [kept[-1]]
    page = opened(*kept, *kept)
    assert not page.exception


def test_the_report_is_that_of_the_command_line(kept: list[int], tmp_path: Path) -> None:
    store = Store()
    times = {entry.id: entry.time for entry in store.history()}
    store.close()
    made = stored.report(tuple((number, times[number]) for number in kept[:3]))
    assert main(["report", *map(str, kept[:3]), "--out", str(tmp_path / "report.html")]) == 0
    for form, own in (("html", made.html), ("md", made.markdown), ("json", made.json)):
        assert (tmp_path / f"report.{form}").read_text() == own


def test_whatever_a_result_holds_the_page_shows_it(kept: list[int]) -> None:
    page = opened(kept[3])
    assert not page.error
    assert len(figures(page)) == 3


def test_what_the_page_says_under_elsewhere_runs(kept: list[int], tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    page = opened(kept[2])
    said = follow(page.code[-2].value)
    assert "hallucination" in said
    assert "0.3000" in said
    assert "report.json" in follow(page.code[-1].value)


def test_a_result_that_has_gone_or_a_store_that_is_broken_is_a_sentence(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "broken.db").write_bytes(b"this is no database " * 100)
    monkeypatch.setenv("TILELLI_DB", f"sqlite:///{folder}/broken.db")
    assert "Results cannot be kept or read" in opened().error[0].value
