import contextlib
import io
import json
import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.parts import runs
from tests.app.conftest import APP
from tests.conftest import TEXT
from tilelli.training.run import METRICS, RunFolder

PAGE = APP / "views" / "training.py"
SAMPLE = "<script>alert(1)</script> and\x00 *so* on ⵜⵉⵍⵍⵍⵉ"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TILELLI_CHECKPOINTS", str(tmp_path / "runs"))
    monkeypatch.setenv("TILELLI_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("TILELLI_READ_ONLY", raising=False)
    return tmp_path / "runs"


def record(folder: Path, **changes: object) -> RunFolder:
    """A run of two logged steps and an evaluation, as the loop writes them."""
    run = RunFolder(folder)
    run.claim(resume=True)
    for step in (5, 10):
        shares = {"shares": [[0.2, 0.3, 0.5], [0.1, 0.1, 0.8]]}
        run.log({"step": step, "bpb": 5.0, "grad_norm": 1.0, **shares, "lr": 0.1, "bytes_per_second": 900} | changes)
    run.log({"step": 10, "held_out_bpb": 4.0, "bytes": 5120, "zeros": 0.3, "flips": 0.01, "sample": SAMPLE})
    return run


def opened(**parameters: str) -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=60)
    for key, value in parameters.items():
        page.query_params[key] = value
    page.run()
    assert not page.exception
    return page


def drawn(page: AppTest) -> int:
    """How many of the figures show data; an empty one has no traces."""
    return sum(bool(json.loads(figure.proto.spec)["data"]) for figure in page.get("plotly_chart"))


def test_an_empty_folder_says_what_will_appear(root: Path) -> None:
    page = opened()
    assert page.title[0].value == "Is it learning?"
    assert page.info[0].value.startswith("No run here yet.")
    assert page.button(key="training_start")
    assert not page.get("plotly_chart")


def test_a_recorded_run_is_drawn(root: Path) -> None:
    record(root / "mine")
    page = opened()
    assert page.selectbox(key="training_run").value == "mine"
    assert drawn(page) == len(page.get("plotly_chart")) == 4
    assert page.caption[0].value.startswith("All is well")
    assert not page.warning
    assert not page.error


def test_the_link_names_the_run(root: Path) -> None:
    for name in ("one", "two"):
        record(root / name)
    assert opened(training_run="two").selectbox(key="training_run").value == "two"
    page = opened(training_run="gone")
    assert page.selectbox(key="training_run").value is None
    assert not page.get("plotly_chart")


def test_alarms_are_said(root: Path) -> None:
    record(root / "ill", shares=[[0.001, 0.3, 0.699]])
    assert opened().warning[0].value == "The local pathway of block 1 is dying: 0.1 % of the mix."


def test_a_sample_is_shown_as_it_is_and_never_as_html(root: Path) -> None:
    record(root / "mine")
    page = opened()
    assert page.code[1].value == SAMPLE
    assert not any("<script" in text.value for text in page.markdown)
    assert not page.get("html")


def test_an_old_run_lacks_what_was_not_logged_then(root: Path) -> None:
    run = RunFolder(root / "old")
    run.claim(resume=False)
    run.log({"step": 10, "bpb": 5.0, "shares": [], "lr": 0.1})
    run.log({"step": 10, "held_out_bpb": 4.0})
    page = opened()
    assert not page.error
    assert (drawn(page), len(page.get("plotly_chart"))) == (1, 4)


def test_broken_lines_change_nothing(root: Path) -> None:
    run = record(root / "mine")
    with (run.path / METRICS).open("a") as file:
        file.write('null\n"x"\n{"step": 15, "bp')
    page = opened()
    assert drawn(page) == 4
    assert not page.error


def test_records_that_are_no_text_are_none(root: Path) -> None:
    run = record(root / "mine")
    (run.path / METRICS).write_bytes(b"\xff\xfe")
    assert not opened().exception


def test_a_shared_dashboard_only_watches(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILELLI_READ_ONLY", "1")
    record(root / "mine")
    page = opened()
    assert [button.key for button in page.button] == ["training_stop", "training_resume"]
    assert all(button.disabled for button in page.button)
    assert "shared for reading" in page.info[0].value
    assert drawn(page) == 4


def test_what_is_wrong_with_an_order_is_said_and_nothing_is_made(root: Path) -> None:
    page = opened()
    page.button(key="training_start").click().run()
    assert page.error[0].value.startswith("There is nothing to train on")
    page.text_input(key="training_data").set_value("text.txt").run()
    page.text_input(key="training_name_nano").set_value("../out").run()
    page.button(key="training_start").click().run()
    assert page.error[0].value.startswith("This is no name for a run")
    assert not page.exception
    assert not root.exists()


def test_a_run_is_started_stopped_and_seen_to_end(root: Path, tmp_path: Path) -> None:
    (tmp_path / "cats.txt").write_text(TEXT * 50)
    page = opened()
    page.text_input(key="training_data").set_value(str(tmp_path / "cats.txt")).run()
    page.number_input(key="training_steps_nano").set_value(5000).run()
    assert "--steps=5000" in page.code[0].value
    page.button(key="training_start").click().run()
    assert page.selectbox(key="training_run").value == "nano-1"
    assert page.button(key="training_resume").disabled
    deadline = time.monotonic() + 90
    while not runs.look("nano-1").records and time.monotonic() < deadline:
        time.sleep(0.1)
    page.button(key="training_stop").click().run()
    while runs.look("nano-1").alive and time.monotonic() < deadline:
        time.sleep(0.1)
    page.run()
    assert not page.exception
    assert page.button(key="training_stop").disabled
    assert not page.button(key="training_resume").disabled
    assert drawn(page) >= 3


def test_the_python_on_the_page_runs_as_it_is(root: Path) -> None:
    record(root / "it's")
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(opened().code[-1].value, {})
    assert said.getvalue().startswith("3 records")


def test_widget_keys_do_not_collide(root: Path) -> None:
    page = opened()
    keys = [w.key for kind in (page.selectbox, page.text_input, page.number_input, page.button) for w in kind]
    assert all(key and key.startswith("training_") for key in keys)
