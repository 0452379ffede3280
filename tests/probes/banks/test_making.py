"""How the bundled files were made: again, they come out the same, from facts that every seed teaches."""

from pathlib import Path
from random import Random

import pytest

from probes.banks import BUNDLED
from probes.banks.make import MADE, main
from probes.banks.making.filler import filler
from probes.banks.making.knowledge import CLEAR, known, pairs
from probes.banks.reading import DATA
from tilelli.data.dialogues.rows import accepted
from tilelli.data.dialogues.split import plan


def test_making_the_banks_again_gives_the_same_files_and_cards(tmp_path: Path) -> None:
    main(tmp_path)
    written = {path.name for path in tmp_path.iterdir()}
    assert written == {f"{name}.jsonl" for name in MADE} | {f"{name}.md" for name in BUNDLED}
    assert [name for name in sorted(written) if (tmp_path / name).read_bytes() != (DATA / name).read_bytes()] == []


@pytest.mark.parametrize("seed", range(4))
def test_no_seed_withholds_what_the_banks_ask(seed: int) -> None:
    assert len(known()) > 2000
    assert not set(known()) & set(plan(seed).withheld)


@pytest.mark.parametrize("seed", range(4))
def test_the_answer_of_one_fact_of_a_pair_is_wrong_for_the_other(seed: int) -> None:
    found = pairs(Random(seed))
    assert len({fact for pair in found for fact in pair}) == 2 * len(found) > 240
    for one, other in found:
        assert one.relation == other.relation
        assert one.relation in CLEAR
        assert not set(accepted(one)) & set(accepted(other))


def test_filler_is_as_long_as_asked_and_holds_no_answer() -> None:
    for length in (60, 101, 480):
        text = filler(length, Random(0), ("long", "quiet"))
        assert len(text.encode()) == length
        assert not {"long", "quiet"} & set(text.replace(".", " ").split())
    with pytest.raises(AssertionError, match="no sentences make 7 bytes"):
        filler(7, Random(0))
