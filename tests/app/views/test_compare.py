from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from probes.report import number
from probes.store.store import Store
from tests.app.conftest import APP
from tests.app.views.following import follow
from tests.conftest import MakeModel
from tests.probes.results import coverage
from tests.probes.store.conftest import key
from tilelli import ByteTokenizer
from tilelli.base import ByteLM
from tilelli.checkpoint import load, weights_hash
from tilelli.evaluation import evaluate
from tilelli.interventions import parse

PAGE = APP / "views" / "compare.py"
TEXT = "The cat sat on the mat. " * 8


@pytest.fixture
def runs(folder: Path, tiny: MakeModel) -> Path:
    """`routed`, `vanilla`, a `twin` of the first with other weights, and `deep`, routed but of another shape."""
    tiny(seed=5).save_pretrained(folder / "twin")
    tiny(seed=6, n_blocks=3).save_pretrained(folder / "deep")
    return folder


def opened(runs: Path, *others: str, text: str = TEXT, first: str = "routed", **state: object) -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=60)
    page.session_state["checkpoint"] = str(runs / first)
    page.session_state["text"] = text
    page.session_state["compare_with"] = [str(runs / other) for other in others]
    for name, value in state.items():
        page.session_state[name] = value
    page.run()
    assert not page.exception
    return page


def words(page: AppTest) -> str:
    return "\n".join(element.value for element in (*page.markdown, *page.caption, *page.info, *page.warning))


def test_two_checkpoints_stand_side_by_side(runs: Path) -> None:
    page = opened(runs, "vanilla")
    assert page.title[0].value == "How do checkpoints differ?"
    assert not page.error
    for metric, kind in zip(page.metric, ("routed", "vanilla"), strict=True):
        score = evaluate(load(runs / kind, ByteLM), [TEXT.encode()])
        assert metric.value == f"{score.bits_per_byte:.3f}"
    assert set(page.dataframe[1].value["setting"]) == {"kind", "ternary"}
    assert "is not of one shape with A (kind)" in words(page)
    assert len(page.get("plotly_chart")) == 2


def test_twins_are_looked_into(runs: Path) -> None:
    page = opened(runs, "twin")
    assert "Their configurations are the same." in words(page)
    assert "of all choices, over blocks and bytes, B leans most on another pathway than A" in words(page)
    assert "trits flipped" in words(page)
    assert len(page.get("plotly_chart")) == 6


def test_four_are_each_held_against_the_first(runs: Path) -> None:
    page = opened(runs, "vanilla", "twin", "deep")
    assert len(page.metric) == 4
    assert all(
        f"\n{letter} needs" in words(page).replace("- ", "") or f"A and {letter}" in words(page) for letter in "BCD"
    )
    assert any("A or D" in element.proto.body for element in page.get("html"))


def test_nothing_chosen_is_a_sentence(runs: Path) -> None:
    page = opened(runs)
    assert page.info[0].value.startswith("Choose one to three more")
    assert not page.metric


def test_a_first_visit_shows_a_comparison_and_writes_it_into_the_link(runs: Path) -> None:
    page = AppTest.from_file(PAGE, default_timeout=60)
    page.session_state["checkpoint"] = "tilelli/mini"
    page.run()
    assert not page.exception
    assert page.query_params["compare_with"] in ("tilelli/mini-vanilla", ["tilelli/mini-vanilla"])
    assert len(page.metric) == 2


def test_a_link_opens_the_comparison_it_names_splices_included(runs: Path) -> None:
    spliced = f"{runs / 'routed'}::router::{runs / 'twin'}"
    page = AppTest.from_file(PAGE, default_timeout=60)
    page.session_state["checkpoint"] = str(runs / "routed")
    page.query_params["compare_with"] = [spliced, str(runs / "gone"), f"{runs / 'routed'}::router::{runs / 'vanilla'}"]
    page.run()
    assert not page.exception
    assert page.multiselect(key="compare_with").value == [spliced]
    assert "names a checkpoint that is not here" in page.warning[0].value
    assert "donor lacks this part: router" in page.warning[1].value
    assert page.dataframe[0].value["file_bytes"].isna().tolist() == [False, True]


def test_interventions_hold_for_every_routed_model_and_leave_out_what_they_do_not_fit(runs: Path) -> None:
    page = opened(runs, "twin", "vanilla", interventions="remove:dense@2")
    assert page.dataframe[0].value["under"].tolist() == ["remove:dense@2", "remove:dense@2", "–"]
    under = evaluate(load(runs / "twin", ByteLM), [TEXT.encode()], interventions=parse("remove:dense@2"))
    assert page.metric[1].value == f"{under.bits_per_byte:.3f}"
    page = opened(runs, "routed", "vanilla", first="deep", interventions="remove:dense@3")
    assert page.warning[0].value.startswith(f"`{runs / 'routed'}` is left out. There is no router")
    assert len(page.metric) == 2


def test_a_model_can_be_held_against_its_own_intervened_self(runs: Path) -> None:
    page = opened(runs, interventions="remove:dense@1")
    page.toggle(key="compare_unchanged").set_value(True).run()
    assert not page.exception
    assert page.dataframe[0].value["under"].tolist() == ["remove:dense@1", "–"]
    assert "The two hold the same weights, to the last bit." in words(page)
    assert "--also-unchanged" in page.code[1].value


def test_the_toggle_leaves_room_for_two_others(runs: Path) -> None:
    page = opened(runs, "vanilla", "twin", "deep", interventions="remove:dense@1")
    page.toggle(key="compare_unchanged").set_value(True).run()
    assert not page.exception
    assert len(page.metric) == 4
    assert len(page.multiselect(key="compare_with").value) == 2


def test_a_checkpoint_that_moves_to_the_sidebar_leaves_the_list(runs: Path) -> None:
    page = opened(runs, "twin", "vanilla")
    page.session_state["checkpoint"] = str(runs / "twin")
    page.run()
    assert not page.exception
    assert page.multiselect(key="compare_with").value == [str(runs / "vanilla")]


def test_all_write_the_same_prompt_with_the_same_seed(runs: Path) -> None:
    page = opened(
        runs, "vanilla", interventions="remove:dense@1", compare_new=20, compare_prompt="The cat", compare_seed=3
    )
    page.button(key="compare_start").click().run()
    jobs = page.session_state["compare_jobs"]
    tok = ByteTokenizer()
    for side, _, job, _ in jobs:
        written = bytes(item.byte for item in job.wait())
        assert side.interventions == ("remove:dense@1" if side.letter == "A" else "")
        if side.letter == "B":
            model = load(side.name, ByteLM)
            expected = model.generate(tok.encode("The cat"), max_new=20, temperature=0.8, top_p=1.0, seed=3)
            assert [*tok.encode("The cat"), *written] == expected
    page.run()
    assert not page.exception
    assert words(page).count("done, ") == 2
    assert "lower than each would reach alone" in words(page)


def test_stop_stops_all_and_another_choice_clears_them(runs: Path) -> None:
    page = opened(runs, "vanilla", "twin", compare_new=2000)
    page.button(key="compare_start").click().run()
    jobs = [job for _, _, job, _ in page.session_state["compare_jobs"]]
    if any(job.running for job in jobs):
        page.button(key="compare_stop").click().run()
    assert not any(job.running for job in jobs)
    page.multiselect(key="compare_with").set_value([str(runs / "vanilla")]).run()
    assert "compare_jobs" not in page.session_state
    assert not page.exception


@pytest.mark.parametrize(
    "text",
    ["", "x", "👩‍🚀 🌍", "سلام عليكم", "a\x00\n\t\u202eb", "<script>alert(1)</script>", "hello " * 1700],
    ids=ascii,
)
def test_any_text_survives(runs: Path, text: str) -> None:
    page = opened(runs, "vanilla", text=text)
    assert not page.error
    assert not any("<script" in element.proto.body for element in page.get("html"))
    if text == "x":
        assert "too few to say whether that is chance" in words(page)


def test_a_text_longer_than_the_page_draws_is_drawn_in_part(runs: Path) -> None:
    page = opened(runs, "vanilla", text="abcdefghij" * 30)
    page.slider(key="compare_from").set_value(44).run()
    assert not page.exception
    assert any("byte 299: j" in element.proto.body for element in page.get("html"))


def test_a_checkpoint_that_has_gone_is_a_sentence(runs: Path) -> None:
    page = opened(runs, "vanilla", first="gone")
    assert len(page.error) == 1


def test_the_same_elsewhere_runs_and_gives_the_figures_of_the_page(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = {"interventions": "remove:dense@1", "compare_new": 5}
    page = opened(runs, "twin", text="سلام 'a' \"b\" " * 20, **state)
    findings = [line.removeprefix("- ") for line in words(page).splitlines() if line.startswith("- ")]
    monkeypatch.chdir(tmp_path)
    python, command = (follow(page.code[number].value) for number in (0, 1))
    assert findings
    for finding in findings:
        assert finding in python
        assert finding in command
    assert command.count("Once upon a time") == 2


def test_widget_keys_begin_with_the_name_of_the_page(runs: Path) -> None:
    page = opened(runs, "twin", "deep", interventions="remove:dense@1")
    shared = {"text", "sample", "rows", "row_bank"}
    widgets = (*page.multiselect, *page.toggle, *page.slider, *page.number_input, *page.button, *page.text_area)
    assert all(widget.key in shared or widget.key.startswith("compare_") for widget in widgets)


def test_a_link_says_which_twin_is_looked_into(runs: Path, tiny: MakeModel) -> None:
    tiny(seed=7).save_pretrained(runs / "third")
    page = AppTest.from_file(PAGE, default_timeout=60)
    page.session_state["checkpoint"], page.session_state["text"] = str(runs / "routed"), TEXT
    page.session_state["compare_with"] = [str(runs / "twin"), str(runs / "third")]
    page.query_params["compare_twin"] = "C"
    page.run()
    assert not page.exception
    assert "of all choices, over blocks and bytes, C leans most on another pathway than A" in words(page)


def test_something_else_is_compared_when_what_was_compared_is_now_the_first(runs: Path) -> None:
    page = opened(runs, "vanilla")
    page.session_state["checkpoint"] = str(runs / "vanilla")
    page.run()
    assert not page.exception
    assert page.multiselect(key="compare_with").value == [page.multiselect(key="compare_with").options[0]]


def test_what_probes_found_of_both_stands_side_by_side(runs: Path) -> None:
    assert "No probe has been put to two of them" in words(opened(runs, "twin"))
    sides, store = [runs / "routed", runs / "twin"], Store()
    found = [coverage(seed=1), coverage(seed=2)]
    for side, result in zip(sides, found, strict=True):
        weights = weights_hash(load(side, ByteLM))
        store.put(key(probe="coverage", weights=weights, bank=""), replace(result, checkpoint=str(side)))
    store.put(key(probe="other", weights=weights, bank=""), replace(found[0], probe="other"))  # of one of them alone
    store.close()
    page = opened(runs, "twin")
    (table,) = [each.value for each in page.dataframe if {"part", "figure", "A", "B"} <= set(each.value)]
    place = next(iter(found[0].figures))
    row = table[(table["part"] == place[0]) & (table["figure"] == place[1])].iloc[0]
    assert [row["A"], row["B"]] == [number(result.figures[place]) for result in found]
    assert "**coverage" in words(page)
    assert "/results?ids=" in words(page)
    assert "**other" not in words(page)
