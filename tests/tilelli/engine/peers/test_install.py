from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tilelli.engine.peers import APART, install


@pytest.fixture
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], dict[str, str]]]:
    """What would have been run, in an empty folder."""
    told: list[tuple[list[str], dict[str, str]]] = []

    def run(command: list[str], env: dict[str, str] | None = None, **_: Any) -> SimpleNamespace:
        told.append((command, env or {}))
        return SimpleNamespace(returncode=0, stdout=f"{tmp_path}\n")

    monkeypatch.setattr(install, "FOLDER", tmp_path / "peers")
    monkeypatch.setattr(install.subprocess, "run", run)
    monkeypatch.setattr(install, "interpreter", lambda name: tmp_path / "python")
    (tmp_path / "peers" / "hf").mkdir(parents=True)
    (tmp_path / "peers" / "llama.cpp").mkdir(parents=True)
    monkeypatch.setattr(install, "rmtree", lambda *_, **__: None)
    return told


def test_an_environment_is_complete_once_it_holds_what_was_asked_for(ran: list[Any], tmp_path: Path) -> None:
    assert "make it: python -m tilelli.engine.peers.install hf" in install.missing("hf")
    assert install.main(["hf"]) == 0
    assert install.missing("hf") == ""
    (tmp_path / "peers" / "hf" / install.PINNED).write_text("transformers==1.0\n")
    assert install.missing("hf")  # another version was asked for since


def test_llama_cpp_is_built_from_its_source_for_this_processor(ran: list[Any]) -> None:
    install.install("llama.cpp")
    command, environment = ran[-1]
    assert command[command.index("--no-binary") + 1] == "llama-cpp-python"
    assert "-DGGML_NATIVE=ON" in environment["CMAKE_ARGS"]


def test_what_is_here_already_is_not_installed_twice(ran: list[Any], tmp_path: Path) -> None:
    import numpy

    install.install("hf")
    assert Path((tmp_path / "shared.pth").read_text()) in Path(numpy.__file__).parents


def test_a_build_that_fails_is_a_sentence(
    ran: list[Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(install.subprocess, "run", lambda *_, **__: SimpleNamespace(returncode=1, stdout=""))
    assert install.main(["hf"]) == 2
    assert "The environment cannot be made: -m venv" in capsys.readouterr().err
    assert install.missing("hf")


def test_an_unknown_peer_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert install.main(["llamacpp"]) == 2
    assert "Did you mean 'llama.cpp'?" in capsys.readouterr().err


def test_every_peer_apart_can_be_installed() -> None:
    assert set(install.NEEDS) == set(APART)
