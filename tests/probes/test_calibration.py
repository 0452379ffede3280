import json
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit, logit

from probes.__main__ import main
from probes.banks import bank, sample
from probes.calibration import OPTION, TOP, Stated, measure, run
from probes.metrics import brier_split, ece
from probes.nextbyte import distributions
from probes.routing import byte_class
from probes.store.keeper import Keeper
from probes.texts import text
from tests.conftest import MakeModel
from tests.probes.chats import bank as own_bank
from tests.probes.metrics.known import answered

SETTINGS = {"max_new": 2, "samples": 0, "temperature": 1.0, "committee": {}, "bytes": 700}
Captured = pytest.CaptureFixture[str]


def stated(seed: int = 0, n: int = 600, over: float = 1.0, times: int = 1) -> Stated:
    """Confidences that exaggerate the log odds `over` times, half of them to choose on; each answer several times."""
    c, y = (np.repeat(values, times) for values in answered(seed, n))
    group = np.repeat(np.arange(n), times) if times > 1 else None
    kind = np.where(np.arange(len(c)) % 3 == 0, "a", "b")
    return Stated("p", "s", expit(over * logit(c)), y, np.arange(len(c)) < len(c) / 2, kind, group)


def test_figures_are_those_of_the_measures_on_the_rows_to_read() -> None:
    each = stated()
    read = each.only(~each.learn)
    figures, tables = measure([each])
    assert figures[("p", "ECE of s")] == ece(read.sure, read.right).figure
    assert figures[("p", "accuracy of s")].value == read.right.mean()
    split = brier_split(read.sure, read.right)
    row = tables["measures"].iloc[0]
    assert row["brier"] == pytest.approx(split.score.value)
    assert row["brier"] == pytest.approx(row["miscalibration"] - row["discrimination"] + row["uncertainty"])
    assert (row["ece_p"], row["ece_band"]) == (ece(read.sure, read.right).p, ece(read.sure, read.right).band)
    assert tables["measures"]["kind"].tolist() == ["all", *tables["measures"]["kind"][1:]]
    assert set(tables["measures"]["kind"]) == {"all", "a", "b"}
    assert tables["reliability"].groupby("equal")["n"].sum().tolist() == [300, 300]
    assert tables["line"]["y"].is_monotonic_increasing


def test_an_exaggeration_is_found_and_the_temperature_takes_it_away() -> None:
    figures, tables = measure([stated(over=2.5, n=2000)])
    row = tables["measures"].iloc[0]
    assert row["temperature"] == pytest.approx(2.5, rel=0.15)
    assert row["ece_p"] < 0.01
    assert row["ece_after_p"] > 0.05
    assert (figures[("p", "ECE after temperature of s")].value or 1) < (figures[("p", "ECE of s")].value or 0) / 2


def test_rows_to_read_have_no_part_in_the_temperature() -> None:
    each = stated(over=2.5)
    right = np.where(each.learn, each.right, ~each.right)
    other = Stated("p", "s", each.sure, right, each.learn, each.kind)
    assert measure([each])[1]["measures"]["temperature"][0] == measure([other])[1]["measures"]["temperature"][0]


def test_answers_that_hang_together_get_no_band_that_would_be_too_narrow() -> None:
    figures, tables = measure([stated(n=150, times=4)])
    alone = measure([stated(n=600)])[0]
    assert tables["reliability"]["band_low"].isna().all()
    assert np.isnan(tables["measures"]["miscalibration_p"][0] or np.nan)

    def width(found: dict) -> float:  # type: ignore[type-arg]
        figure = found[("p", "accuracy of s")]
        return float((figure.high or 0) - (figure.low or 0))

    assert width(figures) > 1.6 * width(alone)


def test_without_wrong_answers_there_is_no_temperature_and_no_auroc() -> None:
    each = stated()
    figures, tables = measure([Stated("p", "s", each.sure, np.ones(600, dtype=bool), each.learn, each.kind)])
    assert figures[("p", "AUROC of s")].value is None
    assert tables["measures"]["temperature"].isna().all()


def test_replies_choices_and_next_bytes_of_a_tiny_model(tiny: MakeModel, text_file: Path) -> None:
    model, few, corpus = tiny(context=64, abstain=True), sample(bank("calibration"), 40, 0), text(str(text_file))
    settings = SETTINGS | {"text": str(text_file), "text_sha256": corpus.sha256}
    found = run(model, "m", few, corpus, settings, 0, Keeper(wanted=False))
    measures = found.tables["measures"].set_index(["part", "signal", "kind"]).sort_index()
    assert {("questions", "reply_p", "all"), ("choices", OPTION, "all"), ("text", TOP, "all")} <= set(measures.index)
    assert (measures.xs("choices")["confidence"] >= 0.5).all()
    came = np.frombuffer(corpus.documents[0][:700], dtype=np.uint8)
    p = distributions(model, [corpus.documents[0][:700]])
    top, half = p.argmax(axis=1), measures.loc[("text", TOP, "all"), "rows"]
    read = np.arange(700) >= 700 - half
    assert 300 < half < 400
    assert measures.loc[("text", TOP, "all"), "accuracy"] == pytest.approx((top == came)[read].mean())
    kinds = np.array([byte_class(int(byte)) for byte in top])
    for kind in measures.loc[("text", TOP)].index.drop("all"):
        rows = read & (kinds == kind)
        assert measures.loc[("text", TOP, kind), "confidence"] == pytest.approx(p.max(axis=1)[rows].mean())
    assert found.provenance["text"]["sha256"] == corpus.sha256
    assert json.dumps(found.to_dict(), allow_nan=False)


def test_a_bank_without_rows_to_choose_on_has_no_temperature(tiny: MakeModel) -> None:
    found = run(tiny(context=64), "m", own_bank(), None, SETTINGS, 0, Keeper(wanted=False))
    assert found.tables["measures"]["temperature"].isna().all()
    assert "no temperature was fitted" in " ".join(found.notes)
    assert "No text was given" in " ".join(found.notes)


def test_the_command_prints_a_row_a_confidence(
    tiny: MakeModel, tmp_path: Path, text_file: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from probes.registry import REGISTERED

    cheap = replace(REGISTERED["calibration"], quick=SETTINGS, quick_rows=30)
    monkeypatch.setitem(REGISTERED, "calibration", cheap)
    folder = str(tiny(context=64, abstain=True).save_pretrained(tmp_path / "m"))
    asked = ["--checkpoint", folder, "--text", str(text_file), "--quick", "--threads", "1"]
    assert main(["run", "calibration", *asked, "--json", str(tmp_path / "o.json")]) == 0
    out = capsys.readouterr().out
    assert "top byte" in out
    assert "option_p" in out
    (content,) = json.loads((tmp_path / "o.json").read_text())["results"]
    assert len(content["rows"]) == 60
