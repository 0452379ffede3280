from pathlib import Path

import pytest

from tilelli.engine.processor import machine


def test_the_processor_is_named_with_what_matters_of_its_abilities(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = "model name\t: Some CPU\nflags\t\t: fpu avx2 avx512_vnni\n\nmodel name\t: Another\n"
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: told)
    found = machine()
    assert (found["processor"], found["instructions"]) == ("Some CPU", ["avx2", "avx512_vnni"])


def test_where_nothing_is_told_the_architecture_has_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object, **__: object) -> str:
        raise OSError

    monkeypatch.setattr(Path, "read_text", gone)
    assert machine()["processor"]
    assert machine()["instructions"] == []
