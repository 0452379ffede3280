import os

import pytest
import torch

from tilelli.engine.bench import measure
from tilelli.engine.peers.transformers import Heard


def test_the_prompt_is_not_taken_for_what_was_written() -> None:
    said = list[int]()
    heard = Heard(said.append)
    for ids in (torch.tensor([1, 2, 3]), torch.tensor([4]), torch.tensor([5])):
        heard.put(ids)
    heard.end()
    assert said == [4, 5]


@pytest.mark.skipif("TILELLI_TEST_HF" not in os.environ, reason="it takes half a minute; set TILELLI_TEST_HF=1")
def test_generate_writes_every_byte_that_is_asked_for() -> None:
    (found,) = measure(["hf"], "tilelli/mini", b"The cat", 12, rounds=1)
    assert len(found.text) == 12
    assert found.model.endswith("float32")
    assert found.file > 4 * 1_400_000
