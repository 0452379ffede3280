from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.app.conftest import APP
from tests.app.views.following import follow
from tests.conftest import TEXT, MakeModel
from tilelli.base import ByteLM
from tilelli.checkpoint import load, weights_hash
from tilelli.evaluation import evaluate
from tilelli.header import read_header

PAGE = APP / "views" / "splice.py"


@pytest.fixture
def runs(folder: Path, tiny: MakeModel) -> Path:
    """`routed`, `vanilla`, and a `twin` of the first with other weights and an abstain head."""
    tiny(seed=5, abstain=True).save_pretrained(folder / "twin")
    return folder


def opened(runs: Path, donor: str = "twin", base: str = "routed", text: str = TEXT * 2, **state: object) -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=60)
    page.session_state["checkpoint"] = base if "::" in base else str(runs / base)
    page.session_state["text"] = text
    page.session_state["splice_donor"] = str(runs / donor)
    for key, value in state.items():
        page.session_state[key] = value
    page.run()
    assert not page.exception
    return page


def words(page: AppTest) -> str:
    return "\n".join(element.value for element in (*page.markdown, *page.caption, *page.info, *page.warning))


def test_a_part_is_taken_and_measured(runs: Path) -> None:
    page = opened(runs, splice_parts=["dense"])
    assert page.title[0].value == "What sits in which part?"
    assert not page.error
    names = [f"{runs / 'routed'}", f"{runs / 'routed'}::dense::{runs / 'twin'}", f"{runs / 'twin'}"]
    for metric, name in zip(page.metric, names, strict=True):
        assert metric.value == f"{evaluate(load(name, ByteLM), [(TEXT * 2).encode()]).bits_per_byte:.3f}"
    taken = sum(p.numel() for key, p in load(names[0], ByteLM).named_parameters() if ".dense." in key)
    assert f"{taken:,} of" in words(page)
    assert "\n- B needs" in words(page) or "No difference between A and B" in words(page)


def test_parts_are_offered_as_far_as_they_fit_and_the_others_say_why(runs: Path) -> None:
    page = opened(runs, "vanilla")
    table = page.dataframe[0].value.set_index("part")["does it fit?"]
    assert set(table) == {"no"}
    assert "**router** does not fit. The donor lacks this part: router." in words(page)
    assert "The part block means something else: kind is routed here and vanilla there." in words(page)
    assert "Nothing of this checkpoint fits" in page.info[0].value
    assert not page.metric
    table = opened(runs, splice_parts=[]).dataframe[0].value.set_index("part")["does it fit?"]
    assert set(table) == {"yes"}


def test_blocks_can_be_chosen(runs: Path) -> None:
    page = opened(runs, splice_parts=["dense", "abstain"], splice_blocks_2=(2, 2))
    assert "`dense@2+abstain` of" in words(page)


def test_the_first_visit_begins_with_a_donor_that_fits(runs: Path) -> None:
    page = AppTest.from_file(PAGE, default_timeout=60)
    page.session_state["checkpoint"] = str(runs / "routed")
    page.run()
    assert not page.exception
    assert page.selectbox(key="splice_donor").value == str(runs / "twin")
    assert page.query_params["splice_donor"] in (str(runs / "twin"), [str(runs / "twin")])
    assert "`router` of" in words(page)


def test_using_it_puts_it_into_the_sidebar_where_it_can_be_the_base_again(runs: Path) -> None:
    page = opened(runs, splice_parts=["router"])
    page.button(key="splice_use").click().run()
    name = f"{runs / 'routed'}::router::{runs / 'twin'}"
    assert page.session_state["checkpoint"] == name
    assert page.session_state["splices"] == [name]
    assert "The base is a splice itself" in page.info[0].value
    assert "A and B find every byte of this text equally likely." in words(page)
    page.button(key="splice_back").click().run()
    assert page.session_state["checkpoint"] == str(runs / "routed")
    assert not page.exception


def test_saving_writes_a_checkpoint_with_its_ancestry_and_never_overwrites(runs: Path) -> None:
    page = opened(runs, splice_parts=["router"])
    page.text_input(key="splice_name").set_value("kept").run()
    page.button(key="splice_save").click().run()
    assert f"Saved as `{runs / 'kept'}`" in page.success[0].value
    name = f"{runs / 'routed'}::router::{runs / 'twin'}"
    assert weights_hash(load(runs / "kept", ByteLM)) == weights_hash(load(name, ByteLM))
    assert read_header(runs / "kept").provenance["splice"]["donor"]["name"] == str(runs / "twin")
    page.button(key="splice_save").click().run()
    assert "something of this name already" in page.error[0].value
    assert page.metric  # the rest of the page goes on


@pytest.mark.parametrize("name", ["", "../out", ".hidden", "a/b", "a b"])
def test_a_name_that_leads_elsewhere_is_refused(runs: Path, name: str) -> None:
    page = opened(runs, splice_parts=["router"])
    before = sorted(runs.rglob("*"))
    page.text_input(key="splice_name").set_value(name).run()
    page.button(key="splice_save").click().run()
    assert "cannot be the name of a folder" in page.error[0].value
    assert sorted(runs.rglob("*")) == before


def test_a_dashboard_for_reading_saves_nothing(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILELLI_READ_ONLY", "1")
    page = opened(runs, splice_parts=["router"])
    assert "splices can be used here, but not saved" in words(page)
    assert "splice_save" not in [button.key for button in page.button]


def test_a_donor_that_becomes_the_base_is_replaced(runs: Path) -> None:
    page = opened(runs, splice_parts=["router"])
    page.session_state["checkpoint"] = str(runs / "twin")
    page.run()
    assert not page.exception
    assert page.selectbox(key="splice_donor").value == str(runs / "routed")


@pytest.mark.parametrize(
    "text", ["", "x", "👩‍🚀 🌍", "a\x00\u202eb", "<script>alert(1)</script>", "hello " * 1700], ids=ascii
)
def test_any_text_survives(runs: Path, text: str) -> None:
    page = opened(runs, splice_parts=["router"], text=text)
    assert not page.error
    assert not any("<script" in element.proto.body for element in page.get("html"))


def test_interventions_hold_here_too(runs: Path) -> None:
    plain, under = (opened(runs, splice_parts=["router"], interventions=i).metric for i in ("", "force:dense"))
    assert plain[0].value != under[0].value
    assert plain[1].value != plain[0].value
    assert under[1].value == under[0].value  # a router that is overruled cannot matter


def test_the_same_elsewhere_runs_and_gives_the_figures_of_the_page(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = opened(runs, splice_parts=["router"], text='It\'s "so" سلام. ' * 20)
    findings = [line.removeprefix("- ") for line in words(page).splitlines() if line.startswith("- ")]
    monkeypatch.chdir(tmp_path)
    python, command = (follow(page.code[number].value) for number in (0, 1))
    assert findings
    for finding in findings:
        assert finding in python
        assert finding in command
    assert (tmp_path / "runs" / "my-splice" / "model.safetensors").is_file()
