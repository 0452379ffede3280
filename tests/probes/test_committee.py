import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from probes.__main__ import main
from probes.committee import MISS, OWN, SAVED, run
from probes.nextbyte import bits, distributions
from probes.resampling import paired
from probes.signals import parting
from probes.texts import text
from tests.conftest import MakeModel
from tilelli.data.corpus import Corpus
from tilelli.errors import InputError

SETTINGS = {"bytes": 600}
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def corpus(text_file: Path) -> Corpus:
    return text(str(text_file))


def test_the_committee_holds_likely_what_its_members_hold_on_average(tiny: MakeModel, corpus: Corpus) -> None:
    members = [tiny(), tiny("vanilla", seed=1), tiny(seed=2, context=32)]
    found = run([(str(n), member) for n, member in enumerate(members)], corpus, SETTINGS)
    read = [corpus.documents[0][:600]] if len(corpus.documents[0]) >= 600 else None
    assert read is not None
    p = [distributions(member, read) for member in members]
    came = np.frombuffer(read[0], dtype=np.uint8)
    own = bits(np.mean(p, axis=0), came)
    assert found.figures[("committee", "bpb")].value == pytest.approx(own.mean())
    assert found.figures[("committee", "accuracy")].value == pytest.approx(
        float((np.mean(p, axis=0).argmax(axis=1) == came).mean())
    )
    assert found.rows["disagreement"].to_numpy() == pytest.approx(parting(p), abs=1e-9)
    best = min((bits(each, came) for each in p), key=np.mean)
    assert asdict(found.figures[("committee", SAVED)]) == pytest.approx(asdict(paired(own, best).change))
    assert own.mean() <= np.mean([bits(each, came).mean() for each in p])  # Jensen
    sizes = found.tables["sizes"]
    assert sizes["parameters"].tolist() == np.cumsum([member.num_parameters() for member in members]).tolist()
    assert sizes["bpb"].iloc[-1] == pytest.approx(own.mean())
    assert "Members have contexts of different lengths" in " ".join(found.notes)


def test_a_model_alone_twice_saves_nothing_and_never_disagrees(tiny: MakeModel, corpus: Corpus) -> None:
    found = run([("a", tiny()), ("b", tiny())], corpus, SETTINGS)
    assert found.figures[("committee", SAVED)].value == pytest.approx(0, abs=1e-9)
    assert found.rows["disagreement"].max() < 1e-9
    assert next(verdict.word for verdict in found.verdicts) == "missed"
    assert "Some members are the same model" in " ".join(found.notes)
    assert found.figures[(MISS, OWN)].n == 600


def test_one_is_no_committee(tiny: MakeModel, corpus: Corpus) -> None:
    with pytest.raises(InputError, match="One is no committee"):
        run([("a", tiny())], corpus, SETTINGS)


def test_the_command_reads_prints_keeps_and_writes(
    tiny: MakeModel, tmp_path: Path, text_file: Path, capsys: Captured
) -> None:
    names = [str(tiny(seed=seed).save_pretrained(tmp_path / str(seed))) for seed in (0, 1)]
    asked = ["--checkpoint", names[0], "--checkpoint", names[1], "--text", str(text_file), "--bytes", "400"]
    assert main(["run", "committee", *asked, "--threads", "1", "--json", str(tmp_path / "o.json")]) == 0
    assert "bpb saved over the best member" in capsys.readouterr().out
    (content,) = json.loads((tmp_path / "o.json").read_text())["results"]
    assert content["provenance"]["settings"]["bytes"] == 400
    assert len(content["rows"]) == 400
    assert main(["history"]) == 0
    assert "committee" in capsys.readouterr().out
