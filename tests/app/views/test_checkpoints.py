from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app import services
from tests.app.conftest import APP

PAGE = APP / "views" / "checkpoints.py"


def opened(name: str) -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=30)
    page.session_state["checkpoint"] = name
    return page.run()


def test_size_identity_and_shape_are_shown(folder: Path) -> None:
    name = str(folder / "routed")
    page = opened(name)
    assert not page.exception
    assert {metric.label: metric.value for metric in page.metric}["Context"] == "16 bytes"
    assert any(services.identity(name) in text.value for text in page.markdown)


def test_a_checkpoint_without_provenance_says_so(folder: Path) -> None:
    assert any("no provenance" in info.value for info in opened(str(folder / "routed")).info)


def test_broken_files_are_named(folder: Path) -> None:
    (folder / "broken").mkdir()
    (folder / "broken" / "model.safetensors").write_bytes(b"PK\x03\x04")
    page = opened(str(folder / "routed"))
    assert not page.exception
    assert "pickle" in page.warning[0].value


def test_a_good_upload_is_added(folder: Path) -> None:
    page = opened(str(folder / "routed"))
    content = (folder / "vanilla" / "model.safetensors").read_bytes()
    page.file_uploader(key="checkpoints_upload").upload("vanilla.safetensors", content).run()
    page.button(key="checkpoints_add").click().run()
    assert not page.exception
    assert page.success[0].value.startswith("Added and checked")


def test_a_bad_upload_is_refused_in_a_sentence(folder: Path) -> None:
    page = opened(str(folder / "routed"))
    page.file_uploader(key="checkpoints_upload").upload("x.safetensors", b"garbage").run()
    page.button(key="checkpoints_add").click().run()
    assert not page.exception
    assert "not a whole safetensors file" in page.error[0].value


def test_a_hub_name_without_a_network_names_what_is_here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tilelli.hub._reachable", lambda endpoint: False)
    page = opened(str(folder / "routed"))
    page.text_input(key="checkpoints_hub").set_value("someone/model").run()
    page.button(key="checkpoints_add").click().run()
    assert "Bundled, and always there" in page.error[0].value


def test_a_shared_dashboard_can_be_read_only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILELLI_READ_ONLY", "1")
    page = opened(str(folder / "routed"))
    assert not page.button
    assert any("shared for reading" in info.value for info in page.info)
