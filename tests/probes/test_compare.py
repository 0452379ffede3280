import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from probes.__main__ import main
from probes.compare import Comparison, Reading, compare, facts, read, settings
from probes.resampling import paired
from tests.conftest import TEXT, MakeModel
from tilelli.checkpoint import load, save_checkpoint
from tilelli.errors import InputError
from tilelli.evaluation import evaluate
from tilelli.header import read_header
from tilelli.model import TilelliLM

LONG = TEXT.encode() * 4


def reading(bits: list[float], name: str = "x") -> Reading:
    return Reading(name, "", np.array(bits))


def noisy(shift: float, seed: int) -> Comparison:
    """B needs `shift` bits a byte more than A, give or take, on 400 bytes."""
    random = np.random.default_rng(seed)
    a = random.gamma(2, 1, 400)
    return compare(bytes(400), [reading(a.tolist()), reading((a + shift + random.normal(0, 0.5, 400)).tolist())])


@pytest.fixture
def folders(tiny: MakeModel, tmp_path: Path) -> dict[str, str]:
    """Two twins with an abstain head in one, a vanilla model, and a routed one of another shape."""
    models = {
        "one": tiny(seed=1),
        "twin": tiny(seed=2, abstain=True),
        "vanilla": tiny("vanilla"),
        "deep": tiny(n_blocks=3),
    }
    return {name: str(save_checkpoint(model, tmp_path / name)) for name, model in models.items()}


def test_a_comparison_of_three_bytes_by_hand() -> None:
    result = compare(b"abc", [reading([1, 2, 3]), reading([2, 2, 1]), reading([0, 5, 1])])
    assert result.letters == "ABC"
    assert result.table["bpb"].tolist() == pytest.approx([2, 5 / 3, 2])
    assert result.table["difference"].tolist()[1:] == pytest.approx([-1 / 3, 0])
    assert math.isnan(result.table["difference"][0])
    assert result.rows["best"].tolist() == ["C", "", ""]  # the last two are ties of two
    assert result.best.tolist() == [2, 0, 1]
    assert result.readings[0].probabilities.tolist() == [0.5, 0.25, 0.125]


def test_too_few_bytes_get_no_interval_and_the_reason() -> None:
    result = compare(b"abc", [reading([1, 2, 3]), reading([2, 2, 1])])
    assert result.differences[0].low is None
    assert result.table["low"].isna().all()
    assert result.findings == (
        "B needs 0.333 bits per byte less than A on this text, but 3 bytes are too few to say whether that is chance: "
        "give at least 160.",
    )


def test_a_true_difference_is_named_with_its_interval() -> None:
    result = noisy(0.4, seed=0)
    d = result.differences[0]
    assert d.low is not None
    assert d.high is not None
    assert d.low < 0.4 < d.high
    assert result.findings[0] == f"B needs {d.value:.3f} bits per byte more than A [{d.low:.3f}, {d.high:.3f}]."


def test_models_that_differ_by_chance_only_are_not_told_apart_more_often_than_promised() -> None:
    told = sum(not noisy(0.0, seed).findings[0].startswith("No difference between A and B") for seed in range(60))
    assert told <= 8  # 5 % of 60 are 3; more than 8 would happen once in 300 times


def test_no_difference_says_what_would_have_been_found() -> None:
    result = noisy(0.0, seed=1)
    assert f"One of {result.differences[0].findable:.3f} would have been found" in result.findings[0]


def test_the_same_reading_twice_is_the_same_everywhere() -> None:
    result = compare(bytes(200), [reading([1.0] * 200), reading([1.0] * 200)])
    assert result.findings == ("A and B find every byte of this text equally likely.",)
    assert set(result.rows["best"]) == {""}


def test_the_order_decides_the_sign_and_nothing_else() -> None:
    forth = noisy(0.2, seed=3)
    back = compare(forth.text, forth.readings[::-1])
    one, other = forth.differences[0], back.differences[0]
    assert (one.value, one.low, one.high) == pytest.approx((-other.value, -other.high, -other.low))


def test_the_interval_is_that_of_every_other_page() -> None:
    result = noisy(0.2, seed=4)
    assert result.differences[0] == paired(result.readings[0].bits, result.readings[1].bits).change


@pytest.mark.parametrize("count", [1, 5])
def test_two_to_four_can_be_compared(count: int) -> None:
    with pytest.raises(InputError, match=f"Two to four can be compared: {count}"):
        compare(b"a", [reading([1.0])] * count)


def test_readings_have_to_be_of_this_text() -> None:
    with pytest.raises(InputError, match="reading of another text: 1 of 2 bytes"):
        compare(b"ab", [reading([1.0, 1.0]), reading([1.0])])
    with pytest.raises(InputError, match="nothing to read"):
        compare(b"", [reading([]), reading([])])


def test_a_window_keeps_the_differences_of_the_whole_text() -> None:
    result = noisy(0.4, seed=0)
    part = result.window(100, 50)
    assert (len(part.text), part.first, part.differences) == (50, 100, result.differences)
    assert part.rows["position"].tolist() == list(range(100, 150))
    assert part.bits.tolist() == result.bits[:, 100:150].tolist()


def test_a_checkpoint_reads_as_the_evaluation_does(folders: dict[str, str]) -> None:
    score = evaluate(load(folders["one"], TilelliLM), [LONG])
    assert read(folders["one"], LONG).bpb == pytest.approx(score.bits_per_byte, rel=1e-6)
    assert read(folders["one"], LONG, "remove:sparse").bpb != pytest.approx(score.bits_per_byte)


def test_only_settings_that_differ_are_listed(folders: dict[str, str]) -> None:
    table = settings([read_header(folders[name]) for name in ("one", "twin", "deep")])
    assert dict(zip(table["setting"], table.drop(columns="setting").to_numpy().tolist(), strict=True)) == {
        "n_blocks": ["2", "2", "3"],
        "abstain": ["False", "True", "False"],
    }


def test_a_checkpoint_is_believed_as_far_as_it_says_something(folders: dict[str, str]) -> None:
    trained = {"bytes_seen": 1000, "held_out": [[10, 3.0], [20, 2.5]]}
    header = read_header(folders["one"])
    odd = [replace(header, provenance=p) for p in (trained, {}, {"held_out": "?", "bytes_seen": "many"})]
    name = f"{folders['one']}::router::{folders['twin']}"
    table = facts(["a", "b", "c", name], [*odd, replace(read_header(name), provenance=trained | {"splice": {}})])
    assert table["bytes_seen"].tolist()[0] == 1000
    assert table["held_out_bpb"].tolist()[0] == 2.5
    assert table[["bytes_seen", "held_out_bpb"]][1:].isna().all(axis=None)
    assert table["file_bytes"].isna().tolist() == [False, False, False, True]


def test_the_command_gives_the_same_figures(
    folders: dict[str, str], text_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.json"
    checkpoints = [part for name in ("one", "twin", "vanilla") for part in ("--checkpoint", folders[name])]
    arguments = ["--text", str(text_file), "--intervene", "remove:local", "--also-unchanged", "--json", str(out)]
    assert main(["run", "compare", "--threads", "1", *checkpoints, *arguments]) == 0
    content = json.loads(out.read_text())
    text = text_file.read_bytes()
    sides = [("one", "remove:local"), ("one", ""), ("twin", "remove:local"), ("vanilla", "")]
    result = compare(text, [read(folders[name], text, under) for name, under in sides])
    assert content["tables"]["readings"] == json.loads(result.table.to_json(orient="records"))
    assert content["findings"][:3] == list(result.findings)
    assert len(content["tables"]["bytes"]) == len(text)
    assert "attention, A and C" in content["tables"]
    assert "A and D: not of one shape (kind), so their insides are not compared." in content["findings"]
    assert len(set(content["provenance"]["weights"])) == 3
    assert "readings" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["one"], "Two to four"),
        (["one"] * 5, "Two to four"),
        (["one", "vanilla", "--intervene", "remove:sparse@9"], "no router to intervene in"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_a_line(
    folders: dict[str, str],
    text_file: Path,
    arguments: list[str],
    problem: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if problem == "Two to four":
        monkeypatch.setattr("tilelli.checkpoint.load", lambda *_: pytest.fail("a model was loaded"))
    names = [part for name in arguments if name in folders for part in ("--checkpoint", folders[name])]
    rest = [part for part in arguments if part not in folders]
    assert main(["run", "compare", *names, *rest, "--text", str(text_file)]) == 2
    assert problem in capsys.readouterr().err
