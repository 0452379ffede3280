"""The context probe end to end, and what it counts as repeating."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes import stages
from probes.__main__ import main
from probes.banks import Bank, bank, sample
from probes.context import LOOPING, WRITING, probe, repeated, run
from probes.registry import CONTEXT_QUICK, REGISTERED
from probes.sliding import SLIDING
from probes.stages import Continuation, Start
from probes.store.keeper import Keeper, keeping
from tests.conftest import TEXT, MakeModel
from tests.probes.store.conftest import assert_equal
from tilelli.base import ByteLM, build
from tilelli.data.corpus import Corpus

FEW = {"windows": 12, "distances": [40, 72], "pairs": 5, "reply": 4, "written": 6}
SETTINGS = {**REGISTERED["context"].settings, **FEW}
Captured = pytest.CaptureFixture[str]
FORGET = Keeper(wanted=False)
CORPUS = Corpus("own", [(TEXT * 30).encode()], 0)


def few() -> Bank:
    return sample(bank("long"), 3, 0)


def test_a_piece_that_says_one_thing_over_and_over_is_repeated() -> None:
    assert repeated(b"abcdefgh" * 20) == pytest.approx(1 - 8 / 153)
    assert repeated(bytes(range(200))) == 0
    assert repeated(b"abcdefgh" * 2) == pytest.approx(1 / 9)
    assert repeated(b"short") == 0


@given(st.binary(max_size=60))
def test_a_share_repeated_is_a_share(piece: bytes) -> None:
    assert 0 <= repeated(piece) < 1
    assert repeated(piece + piece) >= repeated(piece)


def writes(monkeypatch: pytest.MonkeyPatch, before: bytes, past: bytes) -> None:
    """Models write `before` until the context is full and `past` after that."""

    def write(model: ByteLM, starts: list[Start], max_new: int) -> list[Continuation]:
        half = max_new // 2
        raw = (before * half)[:half] + (past * half)[:half]
        return [Continuation(raw.hex(), [1.0] * half + [0.25] * half) for _ in starts]

    monkeypatch.setattr(stages, "write_on", write)


def test_a_writer_that_loops_past_the_context_is_found_out(monkeypatch: pytest.MonkeyPatch, tiny: MakeModel) -> None:
    writes(monkeypatch, bytes(range(32, 127)), b"again and ")
    found = run(tiny(context=64), "m", few(), CORPUS, SETTINGS, 0, FORGET)
    words = {str(verdict.rule): verdict.word for verdict in found.verdicts}
    assert words[str(LOOPING)] == "loses"
    assert "Its writing suffers." in found.tables["findings"]["finding"][1]
    assert found.figures[WRITING, "repeated before"].value == 0
    assert found.figures[WRITING, "bits per byte of its own, before less past"].value == 0.75


def test_a_writer_that_breaks_its_characters_past_the_context_is_seen(
    monkeypatch: pytest.MonkeyPatch, tiny: MakeModel
) -> None:
    writes(monkeypatch, "żółty ".encode(), b"\xff\xfe")
    found = run(tiny(context=64), "m", few(), CORPUS, SETTINGS, 0, FORGET)
    assert found.figures[WRITING, "valid UTF-8, before"].value == 1
    assert found.figures[WRITING, "valid UTF-8, past"].value == 0


@pytest.mark.parametrize("kind", ["routed", "vanilla"])
def test_one_that_is_untrained_gets_no_verdict_better_than_a_tie(kind: str, tiny: MakeModel) -> None:
    found = run(build(tiny(kind, context=64).config).eval(), "m", few(), CORPUS, SETTINGS, 0, FORGET)
    assert {str(verdict.rule): verdict.word for verdict in found.verdicts}[str(SLIDING)] == "tie"
    assert all(verdict.word in ("tie", "under-powered", "loses") for verdict in found.verdicts)
    assert "does not help it" in found.tables["findings"]["finding"][2]
    assert len(found.rows) == 12


def test_questions_are_counted_by_whether_they_fit(tiny: MakeModel) -> None:
    found = run(tiny(context=128), "m", bank("long"), CORPUS, {**SETTINGS, "reply": 1}, 0, FORGET)
    fits, longer = (
        found.figures["bank, told", f"right, {where} the context"].n for where in ("fits into", "is longer than")
    )
    short = sum(len(row.prompt.encode()) < 128 for row in bank("long").rows if row.part == "told")
    assert (fits, fits + longer) == (short, 220)
    assert found.tables["replies"]["bytes"].max() == 1024


def test_a_text_that_does_not_fill_a_window_is_told(tiny: MakeModel) -> None:
    found = run(tiny(), "m", few(), Corpus("own", [b"x"], 0), SETTINGS, 0, FORGET)
    assert found.verdicts[0].word == "undefined"
    assert "Its reading was not measured." in found.tables["findings"]["finding"][0]
    assert any("No text is longer than its context of 16 bytes" in note for note in found.notes)


def test_it_comes_back_from_the_store_and_needs_none(tiny: MakeModel) -> None:
    with keeping() as keeper:
        found = probe(tiny(), "m", few(), SETTINGS, 3, keeper)
        assert_equal(probe(tiny(), "m", few(), SETTINGS, 3, keeper), found)
    assert_equal(probe(tiny(), "m", few(), SETTINGS, 3, FORGET), found)


def test_on_the_command_line(
    tmp_path: Path, text_file: Path, tiny: MakeModel, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in FEW.items():
        monkeypatch.setitem(CONTEXT_QUICK, name, value)
    tiny().save_pretrained(tmp_path / "m")
    own = ["run", "context", "--checkpoint", str(tmp_path / "m"), "--quick", "--threads", "1", "--no-store"]
    assert main([*own, "--text", str(text_file)]) == 0
    assert "Past its 16 bytes the window slides" in capsys.readouterr().out
    assert main([*own, "--seed", "-1"]) == 2
    assert capsys.readouterr().err.startswith("InputError: There is no such seed: -1")
