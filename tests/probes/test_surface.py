import sys
from random import Random

import numpy as np
import pytest

pytest.importorskip("sklearn")

from probes.banks import Bank, Question, bank, sample
from probes.metrics import auroc
from probes.surface import BASELINES, baseline, floor
from tilelli.errors import InputError


def asked(question: str, answerable: bool) -> Question:
    return Question(f"USER: {question}\nTILELLI:", answerable, ("yes",) if answerable else (), "own")


def of(rows: list[Question]) -> Bank:
    return Bank("own", tuple(rows), "")


def told_by_a_word(n: int, rng: Random) -> list[Question]:
    """Questions of which a word says whether there is an answer."""
    some = [rng.choice(("red", "green", "blue", "grey")) for _ in range(n)]
    return [asked(f"Is {colour} {'old' if i % 2 else 'new'} today", bool(i % 2)) for i, colour in enumerate(some)]


def test_a_wording_that_tells_everything_is_seen_by_both() -> None:
    rows = told_by_a_word(100, Random(0))
    found = floor(of(rows))
    assert found.how == "learned from the other rows of the bank, 5 folds"
    for name in BASELINES:
        assert auroc(found.scores[name], [not row.answerable for row in rows]).value == 1


def test_no_row_is_judged_by_what_it_taught() -> None:
    rng = Random(1)
    rows = [asked(f"w{i} x{i} y{i}", rng.random() < 0.5) for i in range(200)]  # only learning by heart would help
    label = [not row.answerable for row in rows]
    fitted = baseline("words").fit([row.prompt for row in rows], label)
    by_heart = auroc(fitted.predict_proba([row.prompt for row in rows])[:, 1], label).value or 0
    crossed = auroc(floor(of(rows)).scores["words"], label).value or 1
    assert by_heart > 0.95
    assert crossed < 0.65


def test_too_few_rows_have_no_floor_and_the_reason_is_given() -> None:
    found = floor(of(told_by_a_word(40, Random(0))))
    assert found.scores == {}
    assert found.how == "no surface floor: a class has 20 rows, and 25 are needed to learn from"


def test_a_bundled_bank_learns_from_training_dialogues() -> None:
    chosen = sample(bank("dialogue-valid"), 150, seed=0)
    seen: list[tuple[int, int]] = []
    found = floor(chosen, training=1000, progress=lambda done, total: seen.append((done, total)))
    assert found.how == "learned from 1,000 training dialogues"
    assert seen == [(1, 2), (2, 2)]
    assert np.array_equal(found.scores["words"], floor(chosen, training=1000).scores["words"])
    label = np.array([not row.answerable for row in chosen.rows])
    for part, low, high in (("valid", 0.52, 0.9), ("valid-held-out-facts", 0.35, 0.65), ("valid-premises", 0.35, 0.65)):
        value = auroc(found.scores["words"][chosen.parts[part]], label[chosen.parts[part]]).value
        assert value is not None
        assert low < value < high


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    with pytest.raises(InputError, match="pip install scikit-learn"):
        baseline("words")
