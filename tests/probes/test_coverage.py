"""Coverage from costs that are known, and end to end."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from probes import stages
from probes.__main__ import main
from probes.banks import Bank, Question, bank
from probes.coverage import CAPITALS, CASES, capitals, classes, english, findings, probe, run
from probes.metrics import Measured
from probes.registry import COVERAGE_QUICK, REGISTERED
from probes.stages import Cost
from probes.store.keeper import Keeper, keeping
from probes.verdict import judge
from tests.conftest import MakeModel
from tests.probes.store.conftest import assert_equal
from tilelli.base import ByteLM, build
from tilelli.data.corpus import Corpus
from tilelli.errors import InputError

SETTINGS = {**REGISTERED["coverage"].settings, "temperatures": [0.5, 1.0], "written": 3, "max_new": 8}
Captured = pytest.CaptureFixture[str]
FORGET = Keeper(wanted=False)
TEXTS = [f"{word} Is Here, {word}!".encode() for word in ("one", "two", "three", "four", "five", "six")]


def few() -> Bank:
    """Twelve sentences of two scripts."""
    return Bank("few", tuple(row for row in bank("languages").rows if row.language in ("eng", "fra", "rus", "ell")), "")


@pytest.fixture
def untrained(tiny: MakeModel) -> ByteLM:
    return build(tiny().config).eval()


def knows(monkeypatch: pytest.MonkeyPatch, small: float, capital: float) -> None:
    """Every small letter costs `small` bits, every capital `capital`, and everything else 2."""

    def cost(model: ByteLM, texts: list[bytes]) -> list[Cost]:
        prices = [[(small if byte > 96 else capital) if chr(byte).isalpha() else 2.0 for byte in own] for own in texts]
        return [Cost(row) for row in prices]

    monkeypatch.setattr(stages, "costs", cost)


@pytest.mark.parametrize(
    ("capital", "word", "said"),
    [
        (6.0, "loses", "capital letters act as unknown"),
        (2.1, "tie", "Capitals cost it no more"),
        (1.0, "tie", "no more"),
    ],
)
def test_what_capitals_cost_decides(
    capital: float, word: str, said: str, monkeypatch: pytest.MonkeyPatch, untrained: ByteLM
) -> None:
    knows(monkeypatch, 2.0, capital)
    found = run(untrained, "m", few(), Corpus("t", TEXTS, 0), SETTINGS, 0, FORGET)
    assert [verdict.word for verdict in found.verdicts] == [word]
    assert said in found.tables["findings"]["finding"][0]
    assert found.figures[CAPITALS.part, "bits a letter, capital"].value == pytest.approx(capital)
    assert found.figures[CAPITALS.part, CAPITALS.figure].value == pytest.approx(2 - capital)


def test_turning_letters_round_leaves_all_else_where_it_was() -> None:
    text = "Straße, naïve: 3 x 4".encode()
    small, capital = (turn(text) for turn in CASES.values())
    assert len(small) == len(capital) == len(text)
    assert small == "straße, naïve: 3 x 4".encode()
    assert capital == "STRAßE, NAïVE: 3 X 4".encode()


def test_only_ascii_letters_are_compared() -> None:
    text = "aé1 b".encode()
    low, high = np.array([1.0, 9, 9, 9, 9, 2]), np.array([3.0, 9, 9, 9, 9, 5])
    found = capitals([text], [low], [high], 0)
    assert (found[CAPITALS.part, CAPITALS.figure].value, found[CAPITALS.part, CAPITALS.figure].n) == (-2.5, 2)
    none = capitals([b"123"], [np.ones(3)], [np.ones(3)], 0)
    assert none[CAPITALS.part, CAPITALS.figure] == Measured(None, None, None, 0)


def test_without_letters_nothing_is_said_of_capitals() -> None:
    figures = capitals([b"123"], [np.ones(3)], [np.ones(3)], 0)
    said = findings(figures, few_languages(), judge((CAPITALS,), figures))
    assert said[0] == "There are no letters to compare."


def few_languages() -> pd.DataFrame:
    return pd.DataFrame()


def test_classes_are_means_over_their_bytes() -> None:
    found = classes([b"ab 1", b"c\n"], [np.array([1.0, 2, 5, 7]), np.array([3.0, 4])], 0)
    values = {name: (figure.value, figure.n) for (_, name), figure in found.items()}
    assert values == {"letter": (2, 3), "space": (5, 1), "digit": (7, 1), "newline": (4, 1)}


def test_the_english_of_the_bank_is_each_sentence_once() -> None:
    assert len(english(bank("languages").rows)) == len(set(english(bank("languages").rows))) == 91
    assert english([Question("Plain text.", False)]) == [b"Plain text."]


def test_one_that_is_untrained_finds_everything_equally_hard(untrained: ByteLM) -> None:
    found = run(untrained, "m", few(), None, SETTINGS, 0, FORGET)
    assert [verdict.word for verdict in found.verdicts] == ["tie"]
    assert "small and capital letters act as unknown" in found.tables["findings"]["finding"][0]
    assert found.rows["text"].tolist() == [row.prompt for row in few().rows]
    assert found.tables["languages"]["language"].tolist() == ["English", "French", "Russian", "Greek"]


def test_it_comes_back_from_the_store_and_needs_none(tiny: MakeModel) -> None:
    with keeping() as keeper:
        found = probe(tiny(), "m", few(), SETTINGS, 3, keeper)
        assert_equal(probe(tiny(), "m", few(), SETTINGS, 3, keeper), found)
    assert_equal(probe(tiny(), "m", few(), SETTINGS, 3, FORGET), found)


def test_an_empty_bank_is_refused(untrained: ByteLM) -> None:
    with pytest.raises(InputError, match="the bank none is empty"):
        run(untrained, "m", Bank("none", (), ""), None, SETTINGS, 0, FORGET)


def test_on_the_command_line_a_text_of_one_s_own_is_read(
    tmp_path: Path,
    text_file: Path,
    tiny: MakeModel,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {"written": 2, "max_new": 4, "bytes": 600}.items():
        monkeypatch.setitem(COVERAGE_QUICK, name, value)
    tiny().save_pretrained(tmp_path / "m")
    (tmp_path / "bank.jsonl").write_text('{"text": "Bonjour.", "language": "fra"}\n')
    own = ["--checkpoint", str(tmp_path / "m"), "--bank", str(tmp_path / "bank.jsonl"), "--quick", "--threads", "1"]
    assert main(["run", "coverage", *own, "--text", str(text_file), "--no-store"]) == 0
    out = capsys.readouterr().out
    assert "were tried on" in out
    assert "2 texts of 600 bytes" in out
    (tmp_path / "empty").write_bytes(b"")
    for wrong, said in ((tmp_path / "empty", "No text is in it"), (tmp_path / "no.txt", "DataError")):
        assert main(["run", "coverage", *own, "--text", str(wrong)]) == 2
        assert said in capsys.readouterr().err
