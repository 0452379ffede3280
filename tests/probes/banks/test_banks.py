import json
from pathlib import Path

import pytest

from probes.banks import BUNDLED, Bank, bank, sample
from tilelli.data.dialogue import banks
from tilelli.errors import DataError, InputError


@pytest.fixture(scope="module")
def crux() -> Bank:
    return bank("dialogue-valid")


def write(path: Path, *rows: object) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def test_a_bundled_bank_is_the_general_split_and_the_two_that_words_cannot_solve(crux: Bank) -> None:
    made = banks(0)
    assert {part: len(numbers) for part, numbers in crux.parts.items()} == {
        name: len(made[name]) for name in ("valid", "valid-held-out-facts", "valid-premises")
    }
    assert list(crux.rows[: len(made["valid"])]) == made["valid"]


def test_a_bank_is_known_by_its_rows(crux: Bank) -> None:
    assert crux.sha256 == bank("dialogue-valid").sha256 != sample(crux, 10, 0).sha256
    assert len(crux.sha256) == 64


def test_the_card_holds_the_rule(crux: Bank) -> None:
    assert "valid: 1200 rows" in crux.card
    assert all(str(rule) in crux.card for rule in crux.rules)
    assert "valid: AUROC of abstain_p at least 0.92" in crux.card


def test_a_sample_takes_as_many_of_each_part_in_their_order(crux: Bank) -> None:
    part = sample(crux, 150, seed=3)
    assert [len(numbers) for numbers in part.parts.values()] == [150, 150, 150]
    place = {id(row): number for number, row in enumerate(crux.rows)}
    places = [place[id(row)] for row in part.rows]
    assert places == sorted(places)
    assert part.rows == sample(crux, 150, seed=3).rows != sample(crux, 150, seed=4).rows
    assert sample(crux, 10_000, 0).rows == crux.rows


def test_a_bank_of_ones_own_needs_a_question_and_whether_it_has_an_answer(tmp_path: Path) -> None:
    rows = [
        {"question": "What is the capital of  France?", "answerable": True, "answers": ["Paris", "the Paris"]},
        {"prompt": "USER: Hi\nTILELLI: Hello.\nUSER: Who?\nTILELLI:", "answerable": False, "split": "talk"},
    ]
    made = bank(write(tmp_path / "mine.jsonl", *rows))
    assert made.rows[0].prompt == "USER: What is the capital of France?\nTILELLI:"
    assert made.rows[0].answers == ("paris", "paris")
    assert (made.rows[1].turns, made.rows[1].question) == (2, "Who?")
    assert list(made.parts) == ["mine", "talk"]
    assert (made.rules, made.seed) == ((), None)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"question": "Q", "answerable": "yes"}, "answerable must be true or false"),
        ({"question": "Q", "answerable": True}, "an answerable question needs answers"),
        ({"question": "Q", "answerable": True, "answers": ["?"]}, "answers must be a list of texts with letters"),
        ({"question": "Q", "answerable": True, "answers": "Paris"}, "answers must be a list"),
        ({"answerable": False}, "it needs either a prompt or a question"),
        ({"question": " ", "answerable": False}, "the question must be a text"),
        ({"prompt": "Who?", "answerable": False}, "a prompt begins with 'USER: '"),
        ({"question": "Q", "answerabel": False}, "a field 'answerabel'; did you mean 'answerable'?"),
        ({"question": "Q", "answerable": False, "kind": 3}, "kind, category and split must be texts"),
        (["Q"], "it is no JSON object"),
    ],
)
def test_a_line_that_is_no_row_is_named(row: object, why: str, tmp_path: Path) -> None:
    path = write(tmp_path / "mine.jsonl", {"question": "Q", "answerable": False}, row)
    with pytest.raises(DataError, match=r"Line 2 of mine\.jsonl is not a row: ") as raised:
        bank(path)
    assert why in str(raised.value)


def test_a_line_that_is_no_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "mine.jsonl").write_text('\n{"question": \n')
    with pytest.raises(DataError, match=r"Line 2 of mine\.jsonl is not a row: Expecting value"):
        bank(str(tmp_path / "mine.jsonl"))


def test_a_file_that_is_no_text_or_holds_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "odd.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"odd\.jsonl cannot be read"):
        bank(str(tmp_path / "odd.jsonl"))
    with pytest.raises(DataError, match="The bank is empty"):
        bank(write(tmp_path / "empty.jsonl"))


def test_an_unknown_bank_is_refused_with_the_names_of_those_there_are() -> None:
    with pytest.raises(InputError, match=f"no such bank: dialog-test. Use {', '.join(BUNDLED)}"):
        bank("dialog-test")
