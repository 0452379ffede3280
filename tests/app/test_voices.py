from pathlib import Path

import pytest

from app import services
from app.voices import Speaker, able, by_torch, writing
from tests.conftest import MakeModel
from tilelli.base import ByteLM
from tilelli.checkpoint import load
from tilelli.engine.choice import ENGINES, Voice
from tilelli.generation import stream
from tilelli.interventions import parse
from tilelli.sampling import Sampling, Written

SAMPLING = Sampling(max_new=40, temperature=1, seed=5, stop_at_end=False)


def text(steps: list[Written]) -> bytes:
    return bytes(step.byte for step in steps)


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_gives_a_page_the_same_text_and_the_same_figures(
    folder: Path, tiny: MakeModel, engine: str
) -> None:
    if engine == "numba":
        pytest.importorskip("numba")
    name = str(folder / "headed")
    tiny(abstain=True).save_pretrained(name)
    found = writing(services.speaker(name, engine), b"The cat", SAMPLING).wait()
    expected = list(stream(load(name, ByteLM), list(b"The cat"), SAMPLING))
    assert text(found) == text(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.probability == pytest.approx(other.probability, abs=1e-5)
        assert one.entropy == pytest.approx(other.entropy, abs=1e-4)
        assert one.pathways == pytest.approx(other.pathways, abs=1e-5)
        assert one.abstain == pytest.approx(other.abstain, abs=1e-5)


@pytest.mark.parametrize("engine", ENGINES)
def test_what_only_torch_can_do_torch_does(folder: Path, tiny: MakeModel, engine: str) -> None:
    name = str(folder / "routed")
    under = services.speaker(name, engine, "remove:local")
    found = text(writing(under, b"The cat", SAMPLING).wait())
    changed = stream(load(name, ByteLM), list(b"The cat"), SAMPLING, interventions=parse("remove:local"))
    assert found == text(list(changed)) != text(list(stream(load(name, ByteLM), list(b"The cat"), SAMPLING)))
    assert under.said() == "torch"
    tiny(seed=1).save_pretrained(folder / "other")
    splice = services.speaker(f"{name}::router::{folder / 'other'}", engine)
    assert writing(splice, b"The cat", SAMPLING).wait()
    assert splice.said() == "torch"
    assert able(engine, name, "") == engine


def test_each_text_says_who_wrote_it_and_not_who_wrote_the_one_before() -> None:
    names = iter([[("numpy", 0), ("numba", 7)], [("numba", 0)]])
    speaker = Speaker(lambda: Voice(lambda ids, sampling: iter(()), next(names)))
    assert speaker.said() == ""
    list(speaker.write(b"", SAMPLING))
    assert speaker.said() == "numpy, numba from byte 7 on"
    list(speaker.write(b"", SAMPLING))
    assert speaker.said() == "numba"


@pytest.mark.parametrize("engine", ["torch", "numpy"])
def test_stop_ends_a_text(folder: Path, engine: str) -> None:
    endless = Sampling(max_new=1_000_000, temperature=1, stop_at_end=False)
    job = writing(services.speaker(str(folder / "routed"), engine), b"The cat", endless)
    while not job.items():
        pass
    job.stop()
    assert 0 < len(job.wait()) < 1_000_000


def test_what_an_engine_cannot_read_is_a_sentence(folder: Path, routed: ByteLM) -> None:
    job = writing(services.speaker(str(folder / "gone"), "numpy"), b"The cat", SAMPLING)
    assert job.wait() == []
    assert job.error is not None
    assert "There is no such checkpoint" in job.error
    assert writing(by_torch(routed), b"", SAMPLING).wait()
