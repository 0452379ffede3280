import json
from pathlib import Path

import pytest

from probes.banks import bank
from probes.banks.reading import LONGEST
from tilelli.errors import DataError

ROW = {"question": "Q", "answerable": False}


def write(path: Path, *rows: object) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def refused(path: Path, raw: bytes) -> str:
    path.write_bytes(raw)
    with pytest.raises(DataError) as raised:
        bank(str(path))
    return str(raised.value)


def test_a_bank_of_ones_own_needs_a_question_and_whether_it_has_an_answer(tmp_path: Path) -> None:
    rows = [
        {"question": "What is the capital of  France?", "answerable": True, "answers": ["Paris", "the Paris"]},
        {"prompt": "USER: Hi\nTILELLI: Hello.\nUSER: Who?\nTILELLI:", "answerable": False, "part": "talk"},
        {"text": "Azul fell-awen.", "part": "Latin", "language": "kab"},
        {"question": "A or B?", "answerable": True, "answers": ["b"], "options": ["A1", "B"], "split": "calibration"},
    ]
    made = bank(write(tmp_path / "mine.jsonl", *rows))
    assert made.rows[0].prompt == "USER: What is the capital of France?\nTILELLI:"
    assert made.rows[0].answers == ("paris",)
    assert made.rows[1].question == "Who?"
    assert (made.rows[2].asks, made.rows[2].language) == (False, "kab")
    assert (made.rows[3].right, made.rows[3].split, made.rows[0].split) == (1, "calibration", "test")
    assert list(made.parts) == ["mine", "talk", "Latin"]
    assert (made.rules, made.seed, made.claim) == ((), None, None)
    assert "mine.jsonl: 4 rows, 2 without an answer; no rule is attached.\n  mine: 2 rows" in made.card


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (ROW | {"answerable": "yes"}, "answerable must be true or false"),
        (ROW | {"answerable": True}, "an answerable question needs answers"),
        (ROW | {"answers": ["?"]}, "answers must be a list of texts with letters from a to z or digits"),
        (ROW | {"answers": "Paris"}, "answers must be a list"),
        ({"answerable": False}, "it needs either a question, a prompt or a text"),
        (ROW | {"text": "x"}, "it needs either a question, a prompt or a text"),
        (ROW | {"question": " "}, "the question must be a text"),
        (ROW | {"question": "Hi\nTILELLI: x\nUSER: y"}, "a question does not hold 'USER:'"),
        ({"prompt": "Who?", "answerable": False}, "a prompt begins with 'USER: '"),
        ({"text": "x", "answerable": True}, "a text asks nothing, so it has no answerable"),
        ({"text": "x\nTILELLI:"}, "a text that ends with 'TILELLI:' is a prompt"),
        ({"question": "Q", "answerabel": False}, "a field 'answerabel'; did you mean 'answerable'?"),
        (ROW | {"regime": "gibberish"}, "a field 'regime'; did you mean 'part'?"),
        (ROW | {"kind": 3}, "kind, category and part must be texts"),
        (ROW | {"split": "held-out-facts"}, "split must be 'calibration' or 'test'; a part is named by 'part'"),
        (ROW | {"language": "French"}, "language must be a code of ISO 639-3"),
        (ROW | {"options": ["a1", "b"]}, "just one of them an answer"),
        (ROW | {"options": ["b", "B"], "answers": ["b"]}, "options must be two or more that differ"),
        (ROW | {"options": ["b"], "answers": ["b"]}, "options must be two or more that differ"),
        (ROW | {"question": "\ud800"}, "half a character"),
        (["Q"], "it is no JSON object"),
    ],
)
def test_a_line_that_is_no_row_is_named(row: object, why: str, tmp_path: Path) -> None:
    path = write(tmp_path / "mine.jsonl", ROW, row)
    with pytest.raises(DataError, match=r"Line 2 of mine\.jsonl is not a row: ") as raised:
        bank(path)
    assert why in str(raised.value)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b'{"question": ', "Expecting value"),
        (b'{"question": "a", "answerable": false, "answerable": true}', "it has the field 'answerable' twice"),
        (b'{"question": "a\0", "answerable": false}', "it holds a NUL byte"),
        (b'{"question": "a", "answerable": NaN}', "NaN is no JSON"),
        (b"question,answerable", "this looks like CSV"),
        (b"[", "a list begins; JSONL has one object a line"),
        (b'[{"question": "a", "answerable": false},', "a list begins; JSONL has one object a line"),
        (b"[" * 99_000, "a list begins"),
        (b'{"a":' * 15_000, "recursion"),
    ],
)
def test_a_line_that_is_no_json_is_named(line: bytes, why: str, tmp_path: Path) -> None:
    message = refused(tmp_path / "mine.jsonl", b"\n" + line + b"\n")
    assert message.startswith("Line 2 of mine.jsonl is not a row: ")
    assert why in message


@pytest.mark.parametrize("head", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\n\n \r\n"])
def test_marks_of_other_editors_change_nothing(head: bytes, end: bytes, tmp_path: Path) -> None:
    lines = [json.dumps(ROW | {"question": text}).encode() for text in ("a", "b")]
    (tmp_path / "own.jsonl").write_bytes(head + end.join(lines))
    plain = bank(write(tmp_path / "plain.jsonl", *map(json.loads, lines)))
    assert [row.prompt for row in bank(str(tmp_path / "own.jsonl")).rows] == [row.prompt for row in plain.rows]


def test_a_separator_within_a_text_begins_no_line(tmp_path: Path) -> None:
    (tmp_path / "own.jsonl").write_text('{"text": "a\u2028b"}\n', encoding="utf-8")
    assert bank(str(tmp_path / "own.jsonl")).rows[0].prompt == "a\u2028b"


def test_a_file_that_is_no_text_is_refused_with_the_place(tmp_path: Path) -> None:
    good = json.dumps(ROW).encode() + b"\n"
    assert "odd.jsonl cannot be read as UTF-8: line 1, byte 1" in refused(tmp_path / "odd.jsonl", b"\xff\xfe{\x00")
    assert "line 2, byte 14 (invalid continuation byte)" in refused(
        tmp_path / "odd.jsonl", good + b'{"question":"\xe9x'
    )


def test_a_file_without_rows_is_refused(tmp_path: Path) -> None:
    for raw in (b"", b"\n \n", b"\xef\xbb\xbf\n"):
        assert refused(tmp_path / "none.jsonl", raw).startswith("The bank is empty: none.jsonl")


def test_a_line_without_an_end_is_not_read_to_it(tmp_path: Path) -> None:
    message = refused(tmp_path / "long.jsonl", b'{"question": "' + b"x" * LONGEST)
    assert message.startswith("The bank is too long: line 1 of long.jsonl")
