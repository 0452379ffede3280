"""The surface floor: what words and letters alone can tell, learned on the same training questions.

The crux banks must leave them at chance. On the general test they may find something; how much is printed and bounded.
"""

import pytest

pytest.importorskip("sklearn")
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import Pipeline, make_pipeline

from tilelli.data.dialogue import Dialogue, generate

PAIRS = 20_000
FLOORS = {"held-out-facts": 0.65, "premises": 0.58, "valid-held-out-facts": 0.65, "valid-premises": 0.58, "test": 0.85}


@pytest.fixture(scope="module")
def rows() -> list[Dialogue]:
    return generate(seed=0, pairs=PAIRS)


@pytest.fixture(scope="module", params=["words", "letters"])
def floor(request: pytest.FixtureRequest, rows: list[Dialogue]) -> Pipeline:
    """Naive Bayes over words, or logistic regression over four letters in a row."""
    words = make_pipeline(CountVectorizer(token_pattern=r"\b\w+\b"), MultinomialNB())
    letters = make_pipeline(
        CountVectorizer(analyzer="char", ngram_range=(4, 4), min_df=2),
        LogisticRegression(solver="saga", tol=0.03, max_iter=200),
    )
    train = [row for row in rows if row.split == "train"]
    return {"words": words, "letters": letters}[request.param].fit(
        [row.prompt for row in train], [not row.answerable for row in train]
    )


@pytest.mark.parametrize("bank", FLOORS)
def test_the_surface_tells_little(floor: Pipeline, rows: list[Dialogue], bank: str) -> None:
    asked = [row for row in rows if row.split == bank]
    scores = floor.predict_proba([row.prompt for row in asked])[:, 1]
    auroc = roc_auc_score([not row.answerable for row in asked], scores)
    print(f"{bank}: surface AUROC {auroc:.3f}")
    assert 1 - FLOORS[bank] <= auroc <= FLOORS[bank]
