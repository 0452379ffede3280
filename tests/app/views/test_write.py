import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.app.conftest import APP
from tilelli import ByteTokenizer
from tilelli.base import ByteLM
from tilelli.checkpoint import load

PAGE = APP / "views" / "write.py"


def opened(folder: Path, kind: str = "routed") -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=30)
    page.session_state["checkpoint"] = str(folder / kind)
    return page.run()


def written(page: AppTest) -> str:
    """Press Write and wait for the text."""
    page.button(key="write_start").click().run()
    job, prompt, _ = page.session_state["write_job"]
    return ByteTokenizer().decode([*prompt, *(item.byte for item in job.wait())])


def test_the_page_waits_for_a_click(folder: Path) -> None:
    page = opened(folder)
    assert not page.exception
    assert page.info[0].value.startswith("The text appears here")


@pytest.mark.parametrize("kind", ["routed", "vanilla"])
def test_the_text_is_that_of_the_library(folder: Path, kind: str) -> None:
    page = opened(folder, kind)
    page.text_area(key="prompt").set_value("The cat").run()
    tok = ByteTokenizer()
    lm = load(folder / kind, ByteLM)
    expected = lm.generate(tok.encode("The cat"), max_new=300, temperature=0.8, top_p=1.0, seed=1)
    assert written(page) == tok.decode(expected)
    assert not page.exception


@pytest.mark.parametrize("engine", ["auto", "torch", "numpy"])
def test_the_engine_stands_in_the_link_and_under_the_text(folder: Path, engine: str) -> None:
    page = AppTest.from_file(PAGE, default_timeout=30)
    page.session_state["checkpoint"], page.query_params["engine"] = str(folder / "routed"), engine
    page.run()
    assert page.segmented_control(key="engine").value == engine
    page.number_input(key="new").set_value(20).run()
    first = written(page)
    page.run()
    speaks = {"auto": "num", "torch": "torch", "numpy": "numpy"}[engine]
    assert f", engine: {speaks}" in page.caption[0].value
    assert f"--engine {engine}" in page.code[1].value
    page.session_state["interventions"] = "remove:sparse"
    page.run()
    assert written(page) != first
    assert "engine: torch" in page.run().caption[0].value
    assert "--engine torch" in page.code[1].value


@pytest.mark.parametrize("prompt", ["", "🦊", "كان يا ما كان", "a" * 10_000, "<script>alert(1)</script>"])
def test_any_beginning_survives(folder: Path, prompt: str) -> None:
    page = opened(folder)
    page.text_area(key="prompt").set_value(prompt).run()
    assert written(page).startswith(prompt)
    assert not page.run().exception
    assert not page.error


def test_a_new_text_stops_the_one_before(folder: Path) -> None:
    page = opened(folder)
    page.number_input(key="new").set_value(2000).run()
    page.button(key="write_start").click().run()
    first = page.session_state["write_job"][0]
    page.button(key="write_start").click().run()
    first.wait()
    assert first.stopped
    page.session_state["write_job"][0].stop()


def test_the_python_that_the_page_shows_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = opened(folder)
    page.text_area(key="prompt").set_value('He said "no"').run()
    exec(page.code[0].value, {})
    assert capsys.readouterr().out.startswith('He said "no"')


def test_a_missing_checkpoint_is_a_sentence(folder: Path) -> None:
    page = opened(folder, "gone")
    page.button(key="write_start").click().run()
    assert not page.exception
    assert "There is no such checkpoint" in page.error[0].value


def test_stop_ends_the_job(folder: Path) -> None:
    page = opened(folder)
    page.number_input(key="new").set_value(2000).run()
    page.button(key="write_start").click().run()
    job = page.session_state["write_job"][0]
    if job.running:
        page.button(key="write_stop").click().run()
    deadline = time.monotonic() + 10
    while job.running and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not job.running


def test_a_byte_of_the_text_can_be_put_under_the_x_ray(folder: Path) -> None:
    page = opened(folder)
    page.session_state["interventions"] = "remove:sparse"
    page.number_input(key="new").set_value(5).run()
    written(page)
    page.run()
    page.session_state["interventions"] = ""  # what holds is what the text was written under
    page.query_params["write_xray"] = "true"
    page.run()
    assert not page.exception
    assert page.slider(key="write_xray_byte").max == len("Once upon a time") + 4
    assert "parse('remove:sparse')" in page.code[0].value
