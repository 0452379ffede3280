"""The Diagnostics page: three probes, each asked as the command line asks it, each figure with the rows behind it."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app import services
from probes import registry
from probes.__main__ import main
from probes.banks import BUNDLED, Bank, bank, sample
from probes.result import plain
from tests.app.conftest import APP
from tests.app.views.following import follow
from tests.conftest import TEXT, MakeModel

FEW: dict[str, dict[str, Any]] = {
    "MEMORIZATION_QUICK": {"documents": 10, "bytes": 100, "written": 8, "max_new": 24},
    "COVERAGE_QUICK": {"bytes": 500, "written": 3, "max_new": 8, "temperatures": [0.5, 1.0]},
    "CONTEXT_QUICK": {"windows": 12, "distances": [40, 72], "pairs": 5, "reply": 4, "written": 6},
}
HEADINGS = {
    "memorization": "What does it repeat of its training text?",
    "coverage": "Which letters, scripts and languages was it taught?",
    "context": "What does it make of the bytes before, and past its context?",
}


@pytest.fixture
def name(folder: Path, tiny: MakeModel, monkeypatch: pytest.MonkeyPatch) -> str:
    """A tiny model, and looks that are quicker than quick."""
    for settings, few in FEW.items():
        for key, value in few.items():
            monkeypatch.setitem(getattr(registry, settings), key, value)
    short = {
        "languages": Bank("languages", tuple(r for r in bank("languages").rows if r.language in ("eng", "rus")), ""),
        "long": sample(bank("long"), 3, 0),
    }
    for own, made in short.items():
        monkeypatch.setitem(BUNDLED, own, lambda made=made: made)  # type: ignore[misc]
    return str(tiny(context=64).save_pretrained(folder / "model"))


@pytest.fixture
def texts(folder: Path) -> dict[str, str]:
    """A training text and a held-out one."""
    for own, word in (("train", "seven"), ("held_out", "eight")):
        rows = [{"text": f"{word} times {number} is {number * 7}; {TEXT * 2}"} for number in range(20)]
        (folder / f"{own}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return {own: str(folder / f"{own}.jsonl") for own in ("train", "held_out")}


def opened(name: str, look: str, **state: Any) -> AppTest:
    page = AppTest.from_file(APP / "views" / "diagnostics.py", default_timeout=60)
    page.session_state["checkpoint"], page.session_state["diagnostics_look"] = name, look
    for key, value in state.items():
        page.session_state[f"diagnostics_{look}_{key}"] = value
    page.run()
    assert not page.exception
    return page


def asked(page: AppTest, look: str) -> AppTest:
    """Press Ask, wait, and let the page see that it is done."""
    page.button(key=f"diagnostics_{look}_start").click().run()
    page.session_state["probe_run"].job.wait()
    page.run()
    assert not page.exception
    assert not page.error
    return page


def told(page: AppTest, out: Path) -> dict[str, Any]:
    """What the page's command gives as JSON."""
    assert main([*page.code[-1].value.split()[3:], "--json", str(out), "--threads", "1"]) == 0
    (found,) = json.loads(out.read_text())["results"]
    return found  # type: ignore[no-any-return]


@pytest.mark.parametrize("look", HEADINGS)
def test_the_page_asks_a_question_and_waits_for_a_click(name: str, look: str) -> None:
    page = opened(name, look)
    assert page.subheader[0].value == HEADINGS[look]
    assert not page.dataframe
    assert "Ask" not in [button.label for button in page.button] or look != "memorization"


def test_without_a_training_text_it_says_what_cannot_be_told(name: str) -> None:
    assert "nothing can be told here" in opened(name, "memorization").info[0].value


@pytest.mark.parametrize("look", HEADINGS)
def test_the_page_shows_what_the_command_line_finds(
    name: str, look: str, texts: dict[str, str], tmp_path: Path
) -> None:
    page = asked(opened(name, look, **(texts if look == "memorization" else {})), look)
    found = told(page, tmp_path / "out.json")
    figures = {(row["part"], row["figure"]): row for row in found["summary"]}
    shown = [row for frame in page.dataframe if "figure" in frame.value for row in plain(frame.value)]
    assert len(shown) >= 6
    for row in shown:
        assert row == pytest.approx(figures[row["part"], row["figure"]], abs=1e-12)
    said = page.markdown[2].value if look == "memorization" else "\n".join(text.value for text in page.markdown)
    assert all(row["finding"].split()[0] in said for row in found["tables"]["findings"])


@pytest.mark.parametrize("look", HEADINGS)
def test_the_python_on_the_page_runs_as_it_is(name: str, look: str, texts: dict[str, str]) -> None:
    page = asked(opened(name, look, **(texts if look == "memorization" else {})), look)
    said = follow(page.code[-2].value)
    shown = [row for frame in page.dataframe if "figure" in frame.value for row in plain(frame.value)]
    assert all(row["value"] is None or f"{row['value']:.4f}" in said for row in shown)


@pytest.mark.parametrize(("look", "line", "count"), [("context", 0, 5), ("coverage", 0, 6)])
def test_every_figure_opens_its_own_rows(name: str, look: str, line: int, count: int) -> None:
    from app.parts import diagnosed

    page = asked(opened(name, look), look)
    result = page.session_state["probe_run"].job.items()[-1]
    if look == "context":
        rows, place = result.tables["planted"], ("planted name", "bits saved, 40 bytes back")
        assert diagnosed._at_distance(rows, place).sum() == 5
    else:
        rows, place = result.tables["writing"], ("temperature 0.5", "valid UTF-8 from nothing")
        assert diagnosed._wrote(rows, place).sum() == result.figures[place].n == 3
        letters = result.tables["capitals"]
        figure = result.figures["capitals", "bits a letter, capital"]
        assert figure.n == letters["letters"].sum()
        assert figure.value == pytest.approx(letters["bits_capital"].sum() / letters["letters"].sum())


def test_a_text_that_is_named_is_read_instead_of_the_bank(name: str, texts: dict[str, str]) -> None:
    page = asked(opened(name, "coverage", text=texts["train"]), "coverage")
    assert f"--text {texts['train']}" in page.code[-1].value
    assert any("Capitals and classes of bytes were tried on" in said.value for said in page.caption)


@pytest.mark.parametrize(
    ("content", "said"), [(None, "There is no such file"), (b"", "No text is in it"), (b"\xff\xfe\x00", "")]
)
def test_a_text_that_cannot_be_read_is_a_sentence(name: str, folder: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        (folder / "odd.txt").write_bytes(content)
    page = opened(name, "memorization", train=str(folder / "odd.txt"))
    assert len(page.error) == 1
    assert "\n" not in page.error[0].value


def test_a_changed_text_is_another_question(name: str, texts: dict[str, str]) -> None:
    asked(opened(name, "memorization", **texts), "memorization")
    assert opened(name, "memorization", **texts).button(key="diagnostics_memorization_start").disabled
    with Path(texts["train"]).open("a") as file:
        file.write(json.dumps({"text": f"something else {TEXT}"}) + "\n")
    assert not opened(name, "memorization", **texts).button(key="diagnostics_memorization_start").disabled


def test_visitors_of_a_shared_dashboard_name_no_file(
    name: str, texts: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TILELLI_READ_ONLY", "1")
    page = opened(name, "memorization", **texts)
    assert not page.text_input
    assert "nothing can be told here" in page.info[0].value


def test_an_uploaded_text_is_kept_by_its_content_under_its_own_name_alone(folder: Path) -> None:
    first = services.add_text(io.BytesIO(b"one"), "../../a.txt")
    assert Path(first).read_bytes() == b"one"
    assert Path(first).parents[1] == services.home() / "texts"
    assert services.add_text(io.BytesIO(b"one"), "a.txt") == first
    assert services.add_text(io.BytesIO(b"two"), "a.txt") != first
    assert services.add_text(io.BytesIO(b"three"), "..").endswith("/text.txt")
