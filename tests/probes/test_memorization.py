"""A model that repeats its training text is found out, one that knows nothing of it is not accused."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from probes import memorization, stages
from probes.__main__ import main
from probes.copying import EXTRACTED, HELD, TRAIN, alike, follows
from probes.memorization import apart, probe, run
from probes.metrics import wilson
from probes.registry import MEMORIZATION_QUICK, REGISTERED
from probes.stages import Continuation, Start
from probes.store.keeper import Keeper, keeping
from probes.texts import text
from tests.conftest import MakeModel
from tests.probes.store.conftest import assert_equal
from tilelli.base import ByteLM, build
from tilelli.data.corpus import Corpus
from tilelli.errors import InputError

Captured = pytest.CaptureFixture[str]
FEW = {"documents": 10, "bytes": 100, "written": 8, "prefix": 16, "max_new": 64, "next": 8}
SETTINGS = {**REGISTERED["memorization"].settings, **FEW}
MANY = {**SETTINGS, "written": 80}
WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def spelt(number: int) -> bytes:
    """A document of its own, of more than a hundred bytes: a number in words, and its powers."""
    powers = (" ".join(WORDS[int(digit)] for digit in str(number**n)) for n in (9, 8, 7))
    return f"{number} to the ninth: {chr(46).join(powers)}".encode()


CORPUS = Corpus("train", [spelt(number) for number in range(100, 220)], 0)
OTHER = Corpus("held out", [spelt(number) for number in range(300, 420)], 0)


@pytest.fixture
def untrained(tiny: MakeModel) -> ByteLM:
    return build(tiny().config).eval()


def writes(monkeypatch: pytest.MonkeyPatch, says: dict[bytes, bytes]) -> None:
    """Models write what `says` has for a prompt, and dashes for any other."""

    def write(model: ByteLM, starts: list[Start], max_new: int) -> list[Continuation]:
        texts = [(says.get(start.prompt, b"") + b"-" * max_new)[:max_new] for start in starts]
        return [Continuation(own.hex(), [1.0] * max_new) for own in texts]

    monkeypatch.setattr(stages, "write_on", write)


def words(found: memorization.ProbeResult) -> dict[str, str]:
    return {str(verdict.rule).split(":")[0]: verdict.word for verdict in found.verdicts}


def test_one_that_goes_on_as_training_documents_do_is_found_out(
    monkeypatch: pytest.MonkeyPatch, untrained: ByteLM
) -> None:
    writes(monkeypatch, {document[:16]: document[16:] for document in CORPUS.documents})
    found = run(untrained, "m", apart(CORPUS, OTHER), MANY, 0, Keeper(wanted=False))
    assert words(found)["extraction"] == "loses"
    assert found.figures[EXTRACTED.part, f"share word for word, {TRAIN}"] == wilson(80, 80)
    assert found.figures[EXTRACTED.part, f"share word for word, {HELD}"] == wilson(0, 80)


def test_one_that_writes_training_lines_is_found_out(monkeypatch: pytest.MonkeyPatch, untrained: ByteLM) -> None:
    copied = CORPUS.documents[7][:64]
    writes(monkeypatch, {document[:16]: copied for document in OTHER.documents})
    found = run(untrained, "m", apart(CORPUS, OTHER), MANY, 0, Keeper(wanted=False))
    assert words(found)["generations"] == "loses"
    own = found.rows[found.rows["part"] == "generations"]
    assert (own["copied"] == 64).all()
    assert (own["copied_text"] == copied.decode()).all()
    assert (own["held_out_copied"] < 64).all()
    assert "It repeats lines of its training text." in found.tables["findings"]["finding"][0]


def test_one_that_is_untrained_gets_no_verdict_better_than_a_tie(untrained: ByteLM) -> None:
    found = run(untrained, "m", apart(CORPUS, OTHER), MANY, 0, Keeper(wanted=False))
    assert words(found) == {"generations": "tie", "extraction": "tie"}
    difference = found.figures["bits per byte", "held-out less training"]
    assert difference.low is not None
    assert difference.low < 0 < (difference.high or 0)


def test_a_text_is_as_long_as_what_it_is_compared_with() -> None:
    assert alike(b"abcd", b"xy") == (b"ab", b"xy")
    assert (follows(b"abcd", b"abxd"), follows(b"ab", b"ab"), follows(b"x", b"a")) == (2, 2, 0)


def test_held_out_documents_that_are_trained_on_are_left_out_and_it_is_said() -> None:
    texts = apart(CORPUS, replace(OTHER, documents=[*OTHER.documents, CORPUS.documents[3]]))
    assert texts.held_out == OTHER.documents
    assert any("1 held-out documents are trained on too" in note for note in texts.notes)
    with pytest.raises(InputError, match="There is no held-out text: all 120 held-out"):
        apart(CORPUS, CORPUS)


def test_without_a_held_out_text_it_is_what_training_holds_out() -> None:
    one = Corpus("one", [b"word " * 200], 0)
    texts = apart(one, None)
    assert (len(texts.train[0]), len(texts.held_out[0])) == (900, 100)
    with pytest.raises(InputError, match="There is no training text"):
        apart(Corpus("one", [b"x"], 0), None)


def test_documents_too_short_to_begin_with_are_refused(untrained: ByteLM) -> None:
    texts = apart(CORPUS, Corpus("other", [b"short"], 0))
    with pytest.raises(InputError, match="the longest of the held-out documents has 5 bytes"):
        run(untrained, "m", texts, SETTINGS, 0, Keeper(wanted=False))


def test_it_says_whether_the_checkpoint_was_trained_on_this_text(untrained: ByteLM) -> None:
    texts = apart(CORPUS, OTHER)
    for known, said in (
        ({}, "does not say what it was trained on"),
        ({"data": {"sha256": "0"}}, "trained on another text"),
        ({"data": {"sha256": CORPUS.sha256}}, None),
    ):
        untrained.provenance = known
        notes = " ".join(run(untrained, "m", texts, SETTINGS, 0, Keeper(wanted=False)).notes)
        assert (said in notes) if said else ("The checkpoint" not in notes)


def test_a_part_of_the_text_that_was_not_searched_is_told(untrained: ByteLM) -> None:
    found = run(untrained, "m", apart(CORPUS, OTHER), {**SETTINGS, "index_bytes": 500}, 0, Keeper(wanted=False))
    assert found.provenance["searched"] == 500
    assert any("500 of" in note for note in found.notes)
    assert any("may be longer than is said here" in note for note in found.notes)


def test_without_a_text_nothing_is_known_and_it_says_so(untrained: ByteLM) -> None:
    found = probe(untrained, "m", None, REGISTERED["memorization"].settings, 0, Keeper(wanted=False))
    assert words(found) == {"generations": "undefined", "extraction": "undefined"}
    assert "No training text was named" in found.tables["findings"]["finding"][0]


def written(folder: Path, corpus: Corpus) -> str:
    path = folder / f"{corpus.source}.jsonl"
    path.write_text("".join(json.dumps({"text": document.decode()}) + "\n" for document in corpus.documents))
    return str(path)


def test_asked_by_name_it_reads_the_texts_and_comes_back_from_the_store(tmp_path: Path, untrained: ByteLM) -> None:
    files = {"train": written(tmp_path, CORPUS), "held_out": written(tmp_path, OTHER)}
    settings = {**SETTINGS, **files, "train_sha256": text(files["train"]).sha256}
    with keeping() as keeper:
        found = probe(untrained, "m", None, settings, 2, keeper)
        assert_equal(probe(untrained, "m", None, settings, 2, keeper), found)
        assert (found.provenance["settings"], found.provenance["seed"]) == (settings, 2)
        direct = run(untrained, "m", apart(CORPUS, OTHER), settings, 2, Keeper(wanted=False))
    assert direct.figures == found.figures


def test_a_run_that_was_stopped_goes_on_where_it_was_and_ends_as_if_it_had_not_been(
    tmp_path: Path, tiny: MakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny(context=64).save_pretrained(tmp_path / "m")
    files = ["--train", written(tmp_path, CORPUS), "--held-out", written(tmp_path, OTHER)]
    call = ["run", "memorization", "--checkpoint", str(tmp_path / "m"), *files, "--quick", "--threads", "1"]
    for name, value in FEW.items():
        monkeypatch.setitem(MEMORIZATION_QUICK, name, value)
    made, own = list[int](), stages._written

    def write(*given: Any) -> Any:
        made.append(1)
        if len(made) == 2:
            raise KeyboardInterrupt
        return own(*given)

    monkeypatch.setattr(stages, "_written", write)
    assert main(call) == 130
    assert main([*call, "--json", str(tmp_path / "resumed.json")]) == 0
    assert len(made) == 2 + 2  # the first of three was kept
    assert main([*call, "--json", str(tmp_path / "whole.json"), "--no-store"]) == 0
    assert len(made) == 2 + 2 + 3
    assert (tmp_path / "resumed.json").read_bytes() == (tmp_path / "whole.json").read_bytes()


@pytest.mark.parametrize(
    ("train", "held_out", "said"),
    [
        (b"", b"some text", "DataError: No text is in it: "),
        (b"x", b"some text", "DataError: No text is in it: "),
        (b"xy", b"zx", "InputError: The documents are too short to begin with: "),
        (b"the same", b"the same", "InputError: There is no held-out text: "),
        (b"xy", None, "InputError: The documents are too short to begin with: "),
        (None, b"x", "DataError: "),
    ],
)
def test_what_cannot_be_measured_is_refused_in_a_line(
    train: bytes | None, held_out: bytes | None, said: str, tmp_path: Path, tiny: MakeModel, capsys: Captured
) -> None:
    tiny().save_pretrained(tmp_path / "m")
    files = {"--train": train, "--held-out": held_out}
    asked = []
    for option, raw in files.items():
        path = tmp_path / f"{option[2:]}.txt"
        if raw is not None:
            path.write_bytes(raw)
        if raw is not None or option == "--train":
            asked += [option, str(path)]
    assert main(["run", "memorization", "--checkpoint", str(tmp_path / "m"), *asked, "--threads", "1"]) == 2
    assert capsys.readouterr().err.strip().splitlines()[-1].startswith(said)
