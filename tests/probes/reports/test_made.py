"""A report from the store to three files, and every claim of it measured again: what was altered is named."""

import json
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from probes.__main__ import main
from probes.banks.named import recalled
from probes.registry import REGISTERED
from probes.reports.again import command, find
from probes.reports.claims import read
from probes.store.store import Store
from tests.probes.chats import bank_file, checkpoints
from tests.probes.results import abstained, coverage
from tilelli.checkpoint import weights_hash
from tilelli.header import bundled

ROOT = Path(__file__).parents[3]
Captured = pytest.CaptureFixture[str]


def run(*words: object) -> int:
    return main([str(word) for word in words])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two checkpoints that were asked the same questions, and a report on both."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TILELLI_DB", f"sqlite:///{folder}/results.db")
        for name in checkpoints(folder, 2):
            own = ("--checkpoint", name, "--bank", bank_file(folder), "--threads", 1)
            assert run("run", "abstain", *own, "--quick", "--threshold", 0.5) == 0
        assert run("report", "--out", folder / "report.html") == 0
    return folder


@pytest.fixture
def asked(made: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same folder, its database in use."""
    monkeypatch.setenv("TILELLI_DB", f"sqlite:///{made}/results.db")
    capsys.readouterr()
    return made


def altered(folder: Path, change: Callable[[Any], None]) -> Path:
    content = json.loads((folder / "report.json").read_text())
    change(content)
    (folder / "altered.json").write_text(json.dumps(content))
    return folder / "altered.json"


def reproduced(report: Path, capsys: Captured, *more: object) -> tuple[int, list[str], str]:
    """Exit code, lines, and what is said at the end."""
    code = run("reproduce", report, *more)
    out, message = capsys.readouterr()
    return code, out.splitlines(), message.split("InputError: ")[-1]


def test_every_claim_of_a_report_comes_back_though_nothing_is_stored_any_more(
    asked: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TILELLI_DB", f"sqlite:///{asked}/empty.db")
    code, lines, _ = reproduced(asked / "report.json", capsys)
    content = json.loads((asked / "report.json").read_text())
    claims = sum(len(each["figures"]) + len(each["verdicts"]) for each in content["results"])
    claims += sum(len(pair["figures"]) for pair in content["pairs"])
    assert (code, lines[-1]) == (0, f"All {claims} claims came back.")
    assert [line[:2] for line in lines[:-1]] == ["ok"] * claims
    assert content["pairs"][0]["figures"]
    assert not (asked / "empty.db").exists()


def test_it_really_is_measured_again(asked: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not read from the store: a model that says something else is found out."""
    from probes import answering

    own = answering._answers
    monkeypatch.setattr(answering, "_answers", lambda *given: [replace(a, abstain_p=0.9) for a in own(*given)])
    code, _, message = reproduced(asked / "report.json", capsys, "--quiet", "--only", 1)
    assert code == 2
    assert "own: AUROC of abstain_p" in message


@pytest.mark.parametrize("place", [0, 1])
def test_a_figure_that_was_altered_by_a_tenth_is_named(place: int, asked: Path, capsys: Captured) -> None:
    """Any figure of a result, or of a difference between two."""

    def alter(content: Any) -> None:
        owners = [content["results"][1]["figures"], content["pairs"][0]["figures"]]
        figure = next(figure for figure in owners[place] if figure["value"])
        figure["value"] *= 1.1
        named.append(f"{figure['part']}: {figure['figure']}")

    named: list[str] = []
    code, lines, message = reproduced(altered(asked, alter), capsys)
    assert code == 2
    (wrong,) = [line for line in lines if line.startswith("WRONG")]
    assert named[0] in wrong
    assert named[0] in message
    assert message.startswith("1 of ")


def test_a_verdict_that_was_altered_is_named(asked: Path, capsys: Captured) -> None:
    def alter(content: Any) -> None:
        content["results"][0]["verdicts"].append({"rule": "own: coverage at least 1", "word": "met"})

    code, lines, message = reproduced(altered(asked, alter), capsys, "--quiet", "--only", 1)
    assert (code, len(lines)) == (2, 1)
    assert lines[0].endswith("own: coverage at least 1: not judged any more, claimed met")
    assert "own: coverage at least 1" in message


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"probe": "other"}, "There is no such probe: other"),
        ({"weights": "f" * 64}, "holds other weights now: "),
        ({"checkpoint": "gone"}, "The checkpoint is not here: gone"),
        ({"bank": {"name": "near-miss", "sha256": "0" * 64}}, "The bank has changed: near-miss"),
    ],
)
def test_what_cannot_be_measured_again_is_named_and_the_rest_is(
    change: dict[str, Any], said: str, asked: Path, capsys: Captured
) -> None:
    report = altered(asked, lambda content: content["results"][0].update(change))
    code, lines, message = reproduced(report, capsys)
    assert code == 2
    assert said in lines[0]
    assert lines[1].startswith("ok ")
    assert "all of its " in message


def test_weights_that_lie_elsewhere_are_known_by_their_hash(asked: Path, capsys: Captured) -> None:
    report = altered(asked, lambda content: content["results"][0].update(checkpoint="gone"))
    there = json.loads((asked / "report.json").read_text())["results"][0]["checkpoint"]
    assert reproduced(report, capsys, "--only", 1, "--quiet")[0] == 2
    assert reproduced(report, capsys, "--only", 1, "--quiet", "--checkpoint", there)[0] == 0


def test_results_that_the_report_does_not_have_are_refused(asked: Path, capsys: Captured) -> None:
    assert reproduced(asked / "report.json", capsys, "--only", 3)[2].startswith("The report has no such result: 3.")
    assert reproduced(asked / "gone.json", capsys)[2].startswith("The report cannot be read: ")


def test_the_printed_command_gives_the_figures_of_the_result(asked: Path, capsys: Captured) -> None:
    content = json.loads((asked / "report.json").read_text())["results"][0]
    words = shlex.split(content["command"])[3:]
    assert words[-2:] == ["--threshold", "0.5"]
    assert run(*words, "--no-store", "--json", asked / "out.json") == 0
    rates = json.loads((asked / "out.json").read_text())["results"][0]["summary"]["own"]["rates"]
    own = {figure["figure"]: figure for figure in content["figures"]}
    for name, rate in rates.items():
        assert {end: own[name][end] for end in rate} == rate


def test_a_result_has_a_command_only_if_there_are_words_for_all_of_its_settings() -> None:
    result = replace(
        coverage(), provenance={**coverage().provenance, "settings": dict(REGISTERED["coverage"].settings)}
    )
    assert command(result) == "python -m probes run coverage --checkpoint runs/c0 --seed 0 --threads 1"
    odd = {**result.provenance["settings"], "written": 3}
    assert command(replace(result, provenance={**result.provenance, "settings": odd})) is None
    told = {**REGISTERED["coverage"].quickly().settings, "text": "a b.txt", "text_sha256": "c"}
    quick = command(replace(result, provenance={**result.provenance, "settings": told}))
    assert quick == "python -m probes run coverage --checkpoint runs/c0 --quick --seed 0 --threads 1 --text 'a b.txt'"
    assert command(replace(result, probe="other")) is None
    assert command(replace(abstained(), probe="routing")) is None


def test_a_report_is_of_the_results_that_were_meant(asked: Path, capsys: Captured) -> None:
    store = Store()
    entries = store.history()
    store.close()
    assert run("report", entries[0].id, "--out", asked / "one.html") == 0
    (only,) = json.loads((asked / "one.json").read_text())["results"]
    assert only["checkpoint"] == entries[0].checkpoint
    assert entries[0].checkpoint in (asked / "one.md").read_text().replace("\\", "")
    assert run("report", "--probe", "coverage", "--out", asked / "none.html") == 2
    assert "There is nothing to report" in capsys.readouterr().err
    assert run("report", 99, "--out", asked / "none.html") == 2
    assert not (asked / "none.html").exists()


def test_a_place_that_cannot_be_written_is_refused_first(asked: Path, capsys: Captured) -> None:
    (asked / "r.md").mkdir()
    assert run("report", "--out", asked / "r.html") == 2
    assert "The result cannot be written" in capsys.readouterr().err


def test_the_report_of_the_documentation_can_be_measured_again_on_a_fresh_clone() -> None:
    """Its checkpoints and banks are bundled and as they were; to measure it takes `reproduce`, and a minute."""
    sources, pairs = read(ROOT / "docs" / "report.json")
    assert pairs
    for source in sources:
        assert source.probe in REGISTERED
        assert source.checkpoint in bundled()
        assert weights_hash(find(source)) == source.weights
        assert recalled(source.bank["name"], source.bank["sha256"], source.seed).rows
        assert "/" not in str(source.settings)
