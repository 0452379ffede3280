from collections.abc import Callable

import pytest

from tests.conftest import MakeModel
from tests.tilelli.engine.conftest import IDS
from tilelli.engine import pace
from tilelli.engine.loaded import compiled


def test_each_threshold_is_timed_in_each_round_and_writes_what_it_should(
    tiny: MakeModel, machine_code: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, stream = list[tuple[float, int]](), pace.stream

    def watched(model, prompt, sampling):  # type: ignore[no-untyped-def]
        written = list(stream(model, prompt, sampling))
        seen.append((float(model.weights.thresholds.max()), len(written)))
        return iter(written)

    monkeypatch.setattr(pace, "stream", watched)
    found = pace.paces(compiled(tiny()), [0.0, 0.25], IDS, rounds=3, number=9)
    assert [len(speeds) for speeds in found] == [3, 3]
    assert all(speed > 0 for speeds in found for speed in speeds)
    assert seen == [(0.0, 9), (0.25, 9)] * 4
