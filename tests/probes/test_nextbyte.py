import numpy as np
import pytest

from probes.nextbyte import bits, distributions
from tests.conftest import TEXT, MakeModel
from tilelli.evaluation import evaluate, surprise


@pytest.mark.parametrize("kind", ["routed", "vanilla"])
def test_the_bits_of_the_bytes_that_came_are_those_of_an_evaluation(tiny: MakeModel, kind: str) -> None:
    model, documents = tiny(kind), [TEXT.encode(), b"a", b"Another one.", TEXT.encode()[:40]]
    p = distributions(model, documents)
    assert p.sum(axis=1) == pytest.approx(np.ones(len(p)))
    own = bits(p, np.frombuffer(b"".join(documents), dtype=np.uint8))
    assert own == pytest.approx(np.concatenate([surprise(model, document) for document in documents]), abs=1e-4)
    assert own.sum() == pytest.approx(evaluate(model, documents).bits.sum(), abs=1e-2)
