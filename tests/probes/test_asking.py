import math
from dataclasses import replace

import pytest

from probes.abstain import judge_row
from probes.asking import ask, was_right
from probes.store.keeper import Keeper, keeping
from tests.conftest import MakeModel
from tests.probes.chats import bank
from tests.probes.test_abstain import BURCE, CLAIM, FALSE, FRANCE, says
from tilelli.checkpoint import save_checkpoint, weights_hash
from tilelli.errors import InputError

SETTINGS = {"max_new": 4, "samples": 2, "temperature": 1.0, "committee": {}}
KNOWN = replace(BURCE, answers=("paris",))  # not taught, but there is an answer


@pytest.mark.parametrize(
    ("row", "reply", "right"),
    [
        (FRANCE, "It is Paris.", 1),
        (FRANCE, "It is Rome.", 0),
        (FRANCE, "", 0),
        (FRANCE, "I don't know.", None),
        (KNOWN, "Paris.", 1),
        (KNOWN, "Rome.", 0),
        (BURCE, "I don't know.", None),
        (FALSE, "Yes, that is right.", 0),
        (FALSE, "Yes. Paris is in France.", 0),
        (FALSE, "No, it is in France.", 1),
        (FALSE, "No.", None),
        (CLAIM, "Yes.", 1),
        (CLAIM, "No.", None),
    ],
)
def test_what_counts_as_right(row: object, reply: str, right: float | None) -> None:
    found = was_right(judge_row(row, says(reply), None))  # type: ignore[arg-type]
    assert math.isnan(found) if right is None else found == right


def test_everything_is_asked_once_and_kept(tiny: MakeModel) -> None:
    model = tiny(abstain=True, context=64)
    with keeping() as keeper:
        first = ask(model, bank(), SETTINGS, 0, keeper)
        again = ask(model, bank(), SETTINGS, 0, keeper)
    assert first.signals.equals(again.signals)
    assert first.signals.equals(ask(model, bank(), SETTINGS, 0, Keeper(wanted=False)).signals)
    assert first.rows["prompt"].tolist() == [row.prompt for row in bank().rows]


def test_without_draws_nobody_agrees_and_a_committee_is_known_by_its_weights(tiny: MakeModel, tmp_path: object) -> None:
    model, other = tiny(context=64), tiny(seed=1, context=64)
    folder = str(save_checkpoint(other, f"{tmp_path}/other"))
    alone = ask(model, bank(), SETTINGS | {"samples": 0}, 0, Keeper(wanted=False))
    assert alone.signals["self_agreement"].isna().all()
    committee = {"samples": 0, "committee": {folder: weights_hash(other)}}
    both = ask(model, bank(), SETTINGS | committee, 0, Keeper(wanted=False))
    assert (both.signals["committee_disagreement"] > 0).all()
    with pytest.raises(InputError, match="A checkpoint of the committee has changed"):
        ask(model, bank(), SETTINGS | {"committee": {folder: "0"}}, 0, Keeper(wanted=False))


def test_notes_say_what_a_checkpoint_is_and_lacks(tiny: MakeModel) -> None:
    model = tiny("vanilla", context=64)
    model.provenance = {"splice": {"base": {"name": "a"}, "donor": {"name": "b"}, "parts": "abstain"}}
    notes = " ".join(ask(model, bank(), SETTINGS, 0, Keeper(wanted=False)).notes)
    assert "This is a splice: abstain of b in a." in notes
    assert "It has no routers" in notes
    assert "It has no abstain head" in notes
