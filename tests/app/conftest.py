"""A folder with two tiny checkpoints, and a user's data folder that starts empty."""

from pathlib import Path

import pytest
import streamlit as st

import app
from tests.conftest import MakeModel
from tilelli.engine.compiler import MACHINE

APP = Path(app.__file__).parent


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """No machine code is made in the background."""
    monkeypatch.setattr(MACHINE, "begin", lambda: None)


@pytest.fixture
def folder(tmp_path: Path, tiny: MakeModel, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Checkpoints `routed` and `vanilla` in the folder that the dashboard looks into."""
    st.cache_resource.clear()
    runs = tmp_path / "runs"
    for kind in ("routed", "vanilla"):
        tiny(kind).save_pretrained(runs / kind)
    monkeypatch.setenv("TILELLI_CHECKPOINTS", str(runs))
    monkeypatch.setenv("TILELLI_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("TILELLI_READ_ONLY", raising=False)
    return runs
