import json
from dataclasses import replace
from pathlib import Path

import pytest

from tilelli.engine.bench import Measured
from tilelli.engine.benchmark import OPENING, Run, keep, put_into, record, rows, section, text
from tilelli.engine.limits import Rates, Work
from tilelli.errors import InputError

FAST = Measured("numba", 1.5, (20.0, 80.0, 60.0), (0.01, 0.02, 0.04), 100 * 2**20, (65, 66), 3_000_000)
SLOW = Measured("numpy", 0.25, (10.0, 20.0, 40.0), (0.1, 0.2, 0.3), 0, (65, 99), 3_000_000)
OTHER = replace(SLOW, name="llama.cpp", model="Llama 512 x 4, TQ2_0")
RATES = tuple(Rates(near, 1e9, 1e9, 1e9) for near in (1e5, 2e5, 1e5))  # the memory of this one is slow
RUN = Run("python -m tilelli bench", "tilelli/mini", "routed", 4, 2, 1, [FAST, SLOW, OTHER], Work(2000, 125), RATES)


def test_shares_and_speeds_are_medians_of_what_each_round_gave() -> None:
    fast, slow, other = rows(RUN)
    assert fast.share == pytest.approx(0.4)  # limits of 100, 200 and 100 bytes/s: 0.2, 0.4 and 0.6
    assert (fast.speed, slow.ratio, fast.prefill) == (60, 2.0, 200)
    assert (slow.differing, other.differing) == (1, None)


def test_the_table_says_all_of_it() -> None:
    lines = [" ".join(line.split()) for line in text(replace(RUN, absent={"hf": "it is not there"}))]
    assert lines[lines.index("") + 1 :] == [
        "engine bytes/s numba is of the limit first byte prefill/s start memory file text",
        "numba 60 1.00 x 40.0 % 20.0 ms 200 1.50 s 100 MiB 3.0 MB the same",
        "numpy 20 2.00 x 10.0 % 200.0 ms 20 0.25 s – 3.0 MB 1 byte differs",
        "llama.cpp 20 2.00 x 10.0 % 200.0 ms 20 0.25 s – 3.0 MB another model",
        "- Stand-ins are other models of as many parameters, with random weights: their texts are not compared.",
        "- llama.cpp: Llama 512 x 4, TQ2_0.",
        "- not run: hf, it is not there",
    ]
    assert any(line.startswith("limit by memory: 0.00 MB of weights a byte") for line in lines)


def test_without_numba_there_is_no_limit_and_it_is_said() -> None:
    alone = replace(RUN, told=[SLOW], rates=())
    assert rows(alone)[0].share is None
    assert "limit: not measured, numba is not installed" in text(alone)
    assert "All engines ran the same model." in section(alone, "2026-01-01")


def test_a_section_takes_the_place_of_the_same_one_and_leaves_all_else(tmp_path: Path) -> None:
    path = tmp_path / "BENCHMARKS.md"
    put_into(path, RUN)
    assert path.read_text().startswith(OPENING)
    path.write_text("before\n" + path.read_text() + "after\n")
    put_into(path, replace(RUN, threads=2))
    put_into(path, replace(RUN, told=[FAST, replace(SLOW, name="renamed")]))
    written = path.read_text()
    assert written.startswith("before\n")
    assert "after\n" in written
    assert written.count("| renamed |") == written.count("| llama.cpp |") == 1
    assert written.count("## tilelli/mini: 4 bytes read, 2 written, 1 thread\n") == 1
    assert written.count("## tilelli/mini: 4 bytes read, 2 written, 2 threads\n") == 1


def test_every_figure_of_every_round_is_kept(tmp_path: Path) -> None:
    keep(tmp_path / "run.json", RUN)
    kept = json.loads((tmp_path / "run.json").read_text())
    assert kept["told"][0]["speeds"] == [20.0, 80.0, 60.0]
    assert [limits["memory"] for limits in kept["limits"]] == [100, 200, 100]
    assert kept["rates"][0]["near"] == 1e5
    assert {"processor", "cores"} <= kept["machine"].keys()
    assert kept["versions"]["llama-cpp-python"]
    assert record(RUN)["command"] == kept["command"]


def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"figures cannot be written: .*Change --json"):
        keep(tmp_path / "gone" / "run.json", RUN)
    with pytest.raises(InputError, match=r"report cannot be written: .*Change --write"):
        put_into(tmp_path, RUN)
