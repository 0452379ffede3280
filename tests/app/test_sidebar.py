from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.sidebar import NUMBERS, SAID, in_words
from tests.app.conftest import APP
from tests.conftest import MakeModel
from tilelli.interventions import ACTIONS, parse, written


def opened(folder: Path, kind: str = "routed", **parameters: str) -> AppTest:
    page = AppTest.from_file(APP / "main.py", default_timeout=60)
    page.query_params["checkpoint"] = str(folder / kind)
    for key, value in parameters.items():
        page.query_params[key] = value
    page.run()
    assert not page.exception
    return page


def words(page: AppTest) -> str:
    return str(page.sidebar.text_input(key="interventions").value or "")


def ends(page: AppTest) -> list[str]:
    return [button.label for button in page.sidebar.button if button.key == "intervene_end"]


def test_nothing_is_in_force_at_first(folder: Path) -> None:
    page = opened(folder)
    assert words(page) == ""
    assert not page.sidebar.warning
    assert not ends(page)


def test_what_is_chosen_is_put_in_force_and_can_be_ended(folder: Path) -> None:
    page = opened(folder)
    page.sidebar.button(key="intervene_add").click().run()
    assert words(page) == "remove:local"
    assert "local is removed in every block" in page.sidebar.warning[0].value
    page.sidebar.selectbox(key="intervene_action").select("force").run()
    page.sidebar.select_slider(key="intervene_blocks_2").set_range(2, 2).run()
    page.sidebar.button(key="intervene_add").click().run()
    assert words(page) == "remove:local force:local@2"
    page.sidebar.button(key="intervene_end").click().run()
    assert words(page) == ""
    assert not page.sidebar.warning


@pytest.mark.parametrize("action", SAID)
def test_every_action_can_be_put_together_and_is_told_in_words(folder: Path, action: str) -> None:
    page = opened(folder)
    page.sidebar.selectbox(key="intervene_action").select(action).run()
    page.sidebar.button(key="intervene_add").click().run()
    assert not page.exception
    assert not page.sidebar.error
    (change,) = parse(words(page))
    assert change.action == action
    assert in_words(change) in page.sidebar.warning[0].value


def test_all_actions_are_offered_with_the_numbers_they_want() -> None:
    assert set(SAID) == set(ACTIONS)
    assert {action: len(asked) for action, asked in NUMBERS.items()} == {
        action: meaning.numbers for action, meaning in ACTIONS.items() if meaning.numbers
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("remove:sparse", "sparse is removed in every block"),
        ("swap:local+dense@2", "local and dense are swapped in block 2"),
        ("set:1,0,0.5@1-3", "local, sparse and dense weigh 1, 0, 0.5 in blocks 1 to 3"),
        ("skip:0.25", "weights below 0.25 are dropped in every block"),
        ("zero@1", "nothing is added in block 1"),
    ],
)
def test_an_intervention_is_told_in_plain_words(text: str, said: str) -> None:
    assert in_words(parse(text)[0]) == said


@pytest.mark.parametrize("text", ["remove:spars", "explode", "top@9", "🦊", "remove:local " * 60 + "x"], ids=ascii)
def test_what_makes_no_sense_is_a_sentence_and_can_be_cleared(folder: Path, text: str) -> None:
    page = opened(folder, interventions=text)
    assert len(page.sidebar.error) == 1
    assert ends(page) == ["Clear it"]
    page.switch_page("views/routing.py").run()
    assert not page.exception
    page.sidebar.button(key="intervene_end").click().run()
    assert not page.sidebar.error
    assert words(page) == ""


def test_the_link_puts_it_in_force_and_it_holds_on_every_page(folder: Path) -> None:
    page = opened(folder, interventions="remove:sparse@1 top@2")
    assert written(parse(words(page))) == "remove:sparse@1 top@2"
    for name in ("routing", "attention", "write", "weights", "ablation", "overview"):
        page.switch_page(f"views/{name}.py").run()
        assert not page.exception, name
        assert words(page) == "remove:sparse@1 top@2", name
        assert "sparse is removed in block 1" in page.sidebar.warning[0].value, name


def test_it_waits_while_a_vanilla_checkpoint_is_looked_at(folder: Path) -> None:
    page = opened(folder, interventions="remove:sparse@2")
    page.sidebar.selectbox(key="checkpoint").select(str(folder / "vanilla")).run()
    assert not page.exception
    assert any("waits for a checkpoint" in caption.value for caption in page.sidebar.caption)
    assert not page.sidebar.warning
    page.sidebar.selectbox(key="checkpoint").select(str(folder / "routed")).run()
    assert "sparse is removed in block 2" in page.sidebar.warning[0].value


def test_a_model_without_a_pathway_is_not_offered_it(folder: Path, tiny: MakeModel) -> None:
    tiny(pathways=["dense"]).save_pretrained(folder / "alone")
    page = opened(folder, "alone")
    assert "Swap two pathways" not in page.sidebar.selectbox(key="intervene_action").options
    assert page.sidebar.selectbox(key="intervene_1").options == ["dense"]
    page.sidebar.text_input(key="interventions").set_value("remove:sparse").run()
    assert "lacks a pathway: sparse" in page.sidebar.error[0].value


def test_a_model_of_one_block_has_no_range_to_choose(folder: Path, tiny: MakeModel) -> None:
    tiny(n_blocks=1).save_pretrained(folder / "flat")
    page = opened(folder, "flat")
    page.sidebar.button(key="intervene_add").click().run()
    assert words(page) == "remove:local"
