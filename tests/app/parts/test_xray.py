import contextlib
import io
import json
import shlex
import subprocess
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from probes.__main__ import main
from probes.xray import xray
from tilelli.base import ByteLM
from tilelli.checkpoint import load
from tilelli.interventions import parse

TEXT = b"The <b>cat</b> sat."


def opened(checkpoint: Path, text: bytes = TEXT, under: str | None = None, **link: object) -> AppTest:
    """A page with nothing but the panel, which the link opens."""

    def script(name: str, text: bytes, under: str | None) -> None:
        from app.parts.xray import panel

        panel(name, text, "here", interventions=under)

    page = AppTest.from_function(script, default_timeout=60, args=(str(checkpoint), text, under))
    for key, value in link.items():
        page.query_params[f"here_xray{key}"] = str(value)
    page.run()
    assert not page.exception
    return page


def said(page: AppTest) -> str:
    return "\n".join(element.proto.body for element in page.get("html"))


def test_a_closed_panel_computes_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("app.services.xray", never)
    page = opened(folder / "routed")
    assert len(page.get("plotly_chart")) == 0
    assert page.expander[0].label == "X-ray of one byte"


@pytest.mark.parametrize(("kind", "pictures"), [("routed", 5), ("vanilla", 3)])
def test_a_link_opens_the_panel_at_a_byte(folder: Path, kind: str, pictures: int) -> None:
    page = opened(folder / kind, **{"": "true", "_byte": 7})
    found = xray(load(folder / kind, ByteLM), list(TEXT), 7)
    assert page.slider(key="here_xray_byte").value == 7
    assert len(page.get("plotly_chart")) == pictures
    assert found.findings[0].split("(")[0].strip() in said(page)
    assert any("vanilla" in caption.value for caption in page.caption) is (kind == "vanilla")


def test_buttons_step_to_the_bytes_beside(folder: Path) -> None:
    page = opened(folder / "routed", **{"": "true"})
    last = len(TEXT) - 1
    assert page.slider(key="here_xray_byte").value == last
    assert page.button(key="here_xray_byte_1").disabled
    page.button(key="here_xray_byte_-1").click().run()
    assert page.slider(key="here_xray_byte").value == last - 1
    page.button(key="here_xray_byte_1").click().run()
    assert page.slider(key="here_xray_byte").value == last


def test_what_was_read_is_never_markup(folder: Path) -> None:
    for place in range(4, 8):
        assert "<b>" not in said(opened(folder / "routed", **{"": "true", "_byte": place}))


@pytest.mark.parametrize("text", [b"", b"x"])
def test_a_text_too_short_is_a_sentence(folder: Path, text: bytes) -> None:
    page = opened(folder / "routed", text, **{"": "true"})
    assert page.info[0].value.startswith("A byte is predicted from those before it")


@pytest.mark.parametrize("text", [b"xy", "🦊 كان".encode(), b"\xff\xfe\x00\x01", b"a" * 10_000])
def test_any_text_survives(folder: Path, text: bytes) -> None:
    page = opened(folder / "routed", text, **{"": "true"})
    assert not page.error
    assert len(page.get("plotly_chart")) == 5
    assert any("The model reads 16 bytes at once" in caption.value for caption in page.caption) is (len(text) > 17)


def test_interventions_given_are_those_used(folder: Path) -> None:
    changes = "remove:dense@1"
    page = opened(folder / "routed", under=changes, **{"": "true", "_byte": 9})
    found = xray(load(folder / "routed", ByteLM), list(TEXT), 9, parse(changes))
    assert found.findings[0] in said(page).replace("&lt;", "<")
    assert changes in page.code[1].value


def test_a_missing_checkpoint_is_a_sentence(folder: Path) -> None:
    page = opened(folder / "gone", **{"": "true"})
    assert "There is no such checkpoint" in page.error[0].value


@pytest.mark.parametrize("text", [TEXT, "it's\n🦊".encode(), b"100% \\n \xff\x00 of it"])
def test_the_python_and_the_command_give_the_same(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    page = opened(folder / "routed", text, "swap:local+sparse", **{"": "true", "_byte": 5})
    found = xray(load(folder / "routed", ByteLM), list(text), 5, parse("swap:local+sparse"))
    exec(page.code[0].value, {})
    assert capsys.readouterr().out.startswith("\n".join(found.findings))
    monkeypatch.chdir(tmp_path)
    write, command = page.code[1].value.split(" > text.txt\n")
    subprocess.run(["bash", "-c", f"{write} > text.txt"], check=True)
    assert (tmp_path / "text.txt").read_bytes() == text
    with contextlib.redirect_stdout(io.StringIO()):
        assert main([*shlex.split(command)[3:], "--threads=1"]) == 0
    assert json.loads((tmp_path / "xray.json").read_text())["findings"] == found.findings
