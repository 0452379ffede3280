import json
from dataclasses import replace

import numpy as np
import pytest

from probes import report
from probes.abstain import GATED, NOTHING, WORDED, Part, declines, judge_row, run, summarise
from probes.answering import Answer, answer
from probes.banks import ABSTAIN_P, HALLUCINATION, INABILITY, LOSS, RIGHT, TEXT, Bank, Question, bank
from probes.banks.dialogues import from_dialogue
from probes.metrics import Measured
from probes.surface import Floor
from probes.verdict import Rule
from tests.conftest import MakeModel
from tilelli.data.dialogue import Dialogue, banks
from tilelli.data.dialogues.replies import DENIALS
from tilelli.data.dialogues.split import plan
from tilelli.errors import InputError

FRANCE = Question("USER: Capital of France?\nTILELLI:", True, ("paris",), "test", "facts")
BURCE = replace(FRANCE, prompt="USER: Capital of Burce?\nTILELLI:", answerable=False, category="invented", answers=())
CLAIM = replace(FRANCE, prompt="USER: Is Paris in France?\nTILELLI:", category="premise", answers=("yes",))
FALSE = replace(CLAIM, prompt="USER: Is Paris in Peru?\nTILELLI:", answerable=False, answers=("france",))
NO_FLOOR = Floor({}, "no floor")


def says(reply: str, p: float | None = 0.1) -> Answer:
    return Answer(reply, True, p, 0.9, 0.5)


@pytest.mark.parametrize(
    ("row", "reply", "p", "outcome"),
    [
        (FRANCE, "It is Paris.", 0.1, "right"),
        (FRANCE, "It is Rome.", 0.1, "wrong"),
        (FRANCE, "It is Paris.", 0.5, GATED),
        (FRANCE, "It is Paris.", None, "right"),
        (FRANCE, "I don't know.", 0.1, WORDED),
        (FRANCE, "", 0.1, NOTHING),
        (FRANCE, "", 0.9, GATED),
        (BURCE, "It is Rome.", 0.1, "answered"),
        (BURCE, "I have never heard of Burce.", 0.1, WORDED),
        (BURCE, "I don't know. " * 4, 0.1, NOTHING),
        (CLAIM, "Yes, I think so.", 0.1, "right"),
        (CLAIM, "I don't think so.", 0.1, WORDED),
        (CLAIM, "No.", 0.1, WORDED),
        (CLAIM, "Paris.", 0.1, "wrong"),
        (FALSE, "Yes, that is right.", 0.1, "answered"),
        (FALSE, "Yes. Paris is in France, I don't know.", 0.1, "answered"),
        (FALSE, "No, it is in Spain.", 0.1, WORDED),
        (FALSE, "Paris is in France.", 0.1, WORDED),
        (FALSE, "Paris is in Peru.", 0.1, "answered"),
    ],
)
def test_what_a_reply_counts_as(row: Question, reply: str, p: float | None, outcome: str) -> None:
    assert judge_row(row, says(reply, p), gate=0.5).outcome == outcome


@pytest.mark.parametrize("denial", DENIALS)
def test_every_denial_of_the_corpus_denies(denial: str) -> None:
    assert declines(FALSE, f"{denial} Paris is in France.")
    assert declines(CLAIM, denial)


def test_without_a_gate_the_head_keeps_nothing_back() -> None:
    assert judge_row(FRANCE, says("Paris", p=1.0), gate=None).outcome == "right"


def by_hand() -> Part:
    """Four answerable, three not: two right, one wrong, one declined; one answered, one gated, one empty."""
    rows = [FRANCE, FRANCE, replace(FRANCE, category="science"), FRANCE, BURCE, BURCE, BURCE]
    said = [says("Paris"), says("Rome"), says("Paris"), says("I don't know", 0.4)]
    said += [says("Rome", 0.3), says("Rome", 0.8), says("", 0.4)]
    (part,) = summarise(Bank("b", tuple(rows), ""), said, NO_FLOOR, gate=0.5)
    return part


def test_the_first_table_and_its_rates_worked_by_hand() -> None:
    part = by_hand()
    assert part.table == {
        True: {"right": 2, "wrong": 1, GATED: 0, WORDED: 1, NOTHING: 0},
        False: {"answered": 1, GATED: 1, WORDED: 0, NOTHING: 1},
    }
    shares = {name: rate.value for name, rate in part.rates.items()}
    assert shares == pytest.approx(
        {HALLUCINATION: 1 / 3, INABILITY: 1 / 4, "coverage": 4 / 7, "selective accuracy": 2 / 4, RIGHT: 1 / 3}
    )


def test_auroc_of_the_signals_worked_by_hand() -> None:
    part = by_hand()  # answerable 0.1 0.1 0.1 0.4, unanswerable 0.3 0.8 0.4
    assert part.signals["abstain_p"].value == pytest.approx((3 + 4 + 3.5) / 12)
    assert part.signals["declines in words"].value == pytest.approx(3 / 8)
    assert part.signals["entropy_mean"].value == 0.5
    assert (part.surface, part.advantage.value) == ({}, None)


@pytest.fixture(scope="module")
def dialogues() -> list[Dialogue]:
    made = banks(0)
    return [*made["valid-held-out-facts"], *made["valid-premises"]]


@pytest.fixture(scope="module")
def crux(dialogues: list[Dialogue]) -> Bank:
    rows = tuple(map(from_dialogue, dialogues))
    rules = (Rule("valid-premises", ABSTAIN_P, "at least", 0.7), Rule(TEXT, LOSS, "at most", 1.03))
    return Bank("crux", rows, "", rules, 0)


def test_an_oracle_makes_no_mistake(crux: Bank, dialogues: list[Dialogue]) -> None:
    said = [says(row.reply, 0.1 if row.answerable else 0.9) for row in dialogues]
    for part in summarise(crux, said, NO_FLOOR, gate=0.5):
        assert (part.signals["abstain_p"].value, part.signals["abstain_p"].high) == (1, 1)
        assert [part.rates[name].value for name in (HALLUCINATION, INABILITY, "selective accuracy")] == [0, 0, 1]


def test_what_the_replies_of_the_corpus_count_as_is_right_without_a_gate_too(
    crux: Bank, dialogues: list[Dialogue]
) -> None:
    for part in summarise(crux, [says(row.reply, None) for row in dialogues], NO_FLOOR, gate=None):
        assert {judged.outcome for judged in part.rows} == {"right", WORDED}
        assert part.signals["declines in words"].value == 1
        assert part.signals["abstain_p"].value is None


def test_the_advantage_is_that_over_the_better_baseline(crux: Bank, dialogues: list[Dialogue]) -> None:
    label = np.array([not row.answerable for row in crux.rows])
    noise = np.random.default_rng(0).random(len(label))
    floor = Floor({"words": noise, "letters": noise + 0.5 * label}, "made up")
    said = [says(row.reply, 0.9 if is_ else 0.2) for row, is_ in zip(dialogues, label, strict=True)]
    for part in summarise(crux, said, floor, gate=0.5):
        better = part.surface["letters"].value
        assert better is not None
        assert better > (part.surface["words"].value or 0)
        assert part.advantage.value == pytest.approx(1 - better)
        assert part.advantage.low is not None
        assert part.advantage.low > 0


def few(crux: Bank) -> Bank:
    return replace(crux, rows=(*crux.rows[:6], *crux.rows[-6:]))


def test_a_run_says_where_its_threshold_comes_from(tiny: MakeModel, crux: Bank) -> None:
    model, bank = tiny(abstain=True, context=128), few(crux)
    assert run(model, "m", bank, NO_FLOOR, max_new=2).provenance["threshold_from"].startswith("the default")
    model.provenance = {"figures": {"threshold": 0.25}, "tuning": {"data_seed": 0}}
    own = run(model, "m", bank, NO_FLOOR, max_new=2)
    assert (own.provenance["threshold"], own.provenance["threshold_from"]) == (0.25, "the checkpoint's own")
    assert run(model, "m", bank, NO_FLOOR, 0.0, max_new=2).parts[0].rates["coverage"].value == 0
    with pytest.raises(InputError, match=r"A threshold is a probability: 1\.5"):
        run(model, "m", bank, NO_FLOOR, 1.5)


def test_a_run_holds_every_row_once_and_becomes_json(tiny: MakeModel, crux: Bank) -> None:
    model, bank = tiny(abstain=True, context=128), few(crux)
    found = run(model, "m", bank, NO_FLOOR, loss=Measured(1.01, 1.0, 1.02, 9), max_new=4)
    content = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    expected = answer(model, [row.prompt for row in bank.rows], 4)
    assert [row["reply"] for row in content["rows"]] == [said.reply for said in expected]
    assert content["provenance"]["bank"]["sha256"] == bank.sha256
    assert content["verdicts"][1]["rule"] == "plain text: bpb over the base's at most 1.03"
    assert [verdict["word"] for verdict in content["verdicts"]][1] == "met"
    assert set(content["summary"]) == {"valid-held-out-facts", "valid-premises"}


def test_a_checkpoint_without_a_head_is_judged_by_its_words(tiny: MakeModel, crux: Bank) -> None:
    found = run(tiny(context=128), "m", few(crux), NO_FLOOR, gate=0.1, max_new=4)
    assert found.provenance["threshold"] is None
    assert "no abstain head" in found.notes[0]
    assert found.verdicts[0].word == "undefined"
    assert found.parts[0].signals["entropy_mean"].value is not None


def test_what_a_reader_must_know_is_called_out(tiny: MakeModel, crux: Bank) -> None:
    model = tiny(abstain=True, context=48)
    model.provenance = {"tuning": {"data_seed": 7}, "steps": 14, "held_out": [[5, 2.5], [10, 2.25]]}
    notes = " ".join(run(model, "m", few(crux), NO_FLOOR, max_new=1).notes)
    assert "It was taught from seed 7, the bank is of seed 0" in notes
    assert "its own threshold was chosen at step 10, its weights are of step 14" in notes
    assert "longer than its context of 48 bytes" in notes


@pytest.mark.parametrize(("told", "said"), [({}, 0), ({"plan": plan(0).sha256}, 0), ({"plan": "0" * 64}, 1)])
def test_a_model_that_was_taught_other_facts_than_the_bank_takes_it_for_is_called_out(
    tiny: MakeModel, crux: Bank, told: dict[str, str], said: int
) -> None:
    model = tiny(abstain=True, context=128)
    model.provenance = {"tuning": {"data_seed": 0, **told}}
    notes = " ".join(run(model, "m", few(crux), NO_FLOOR, max_new=1).notes)
    assert notes.count("by plan 00000000, the bank is of plan") == said
    assert notes.count("it may know held-out facts") == said


def test_the_report_fits_on_a_screen_and_says_every_figure(tiny: MakeModel, crux: Bank) -> None:
    model, bank = tiny(abstain=True, context=128), few(crux)
    floor = Floor({"words": np.linspace(0, 1, 12), "letters": np.linspace(1, 0, 12)}, "made up")
    found = run(model, "somebody/model", bank, floor, max_new=2)
    text = report.abstain(found)
    assert len(text.splitlines()) <= 40
    for part in found.parts:
        for figure in (*part.rates.values(), *part.signals.values(), part.advantage):
            assert figure.n == 0 or report.number(figure) in text
    assert "undefined plain text: bpb over the base's at most 1.03 not measured" in " ".join(text.split())
    both = report.over_checkpoints([found, found])
    assert both.startswith("Over 2 checkpoints: mean, lowest to highest")


def test_numbers_are_written_with_their_interval() -> None:
    assert report.number(Measured(0.9312, 0.92, 0.94, 9)) == "0.931 [0.920, 0.940]"
    assert report.number(Measured(1.5, None, None, 1)) == "1.500"
    assert report.number(Measured(None, None, None, 9)) == "undefined"
    assert report.number(None) == "not measured"


def test_a_bank_of_texts_is_refused(tiny: MakeModel) -> None:
    with pytest.raises(InputError, match="The bank asks nothing: languages holds texts"):
        run(tiny(), "tiny", bank("languages"), NO_FLOOR)
