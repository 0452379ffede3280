import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.banks.bank import CALIBRATION, TEST, Bank, Question, asked, counts, sample
from probes.banks.reading import _parsed, _row
from tilelli.errors import InputError

PARIS = Question(asked("Capital of France?"), True, ("paris",), "places", "facts", "capital")
WORDS = st.text("abz 09éж", min_size=1, max_size=12).filter(str.strip)


def of(*parts: str) -> Bank:
    return Bank("own", tuple(Question(asked(f"{part} {n}?"), False, part=part) for n, part in enumerate(parts)), "")


def test_a_row_is_written_as_short_as_it_can_be() -> None:
    assert json.loads(PARIS.line()) == {
        "question": "Capital of France?",
        "answerable": True,
        "answers": ["paris"],
        "part": "places",
        "category": "facts",
        "kind": "capital",
    }
    turns = Question("USER: Hi\nTILELLI: Hello.\nUSER: Who?\nTILELLI:", False)
    assert json.loads(turns.line())["prompt"] == turns.prompt
    assert turns.question == "Who?"
    text = Question("Il pleut.", False, language="fra")
    assert json.loads(text.line()) == {"text": "Il pleut.", "language": "fra"}
    assert (text.asks, text.question) == (False, "Il pleut.")


@given(WORDS, st.booleans(), WORDS, st.sampled_from((CALIBRATION, TEST)), st.sampled_from(("", "kab")))
def test_a_row_that_is_written_is_read_as_it_was(text: str, asks: bool, part: str, split: str, language: str) -> None:
    prompt = asked(text) if asks else text
    row = Question(prompt, asks, ("x",) if asks else (), part, "c", "k", split, ("X", "y") if asks else (), language)
    assert _row(_parsed(row.line()), "other") == row


def test_of_a_choice_one_option_is_right() -> None:
    choice = Question(asked("Paris or Rome?"), True, ("rome",), options=("Paris", "Rome"))
    assert (choice.right, PARIS.right) == (1, None)


def test_a_bank_is_known_by_its_rows_and_their_order() -> None:
    one, same, other = of("a", "b"), of("a", "b"), of("b", "a")
    assert one.sha256 == same.sha256 != other.sha256
    assert len(one.sha256) == 64


def test_a_sample_takes_as_many_of_each_part_in_their_order() -> None:
    whole = of(*"ab" * 20, "c")
    part = sample(whole, 5, seed=3)
    assert [len(numbers) for numbers in part.parts.values()] == [5, 5, 1]
    places = [whole.rows.index(row) for row in part.rows]
    assert places == sorted(places)
    assert part.rows == sample(whole, 5, seed=3).rows != sample(whole, 5, seed=4).rows
    assert sample(whole, 100, 0).rows == whole.rows
    assert part.card.endswith("at most 5 rows a part, drawn with seed 3")


def test_a_half_holds_the_rows_of_its_split_and_says_so() -> None:
    rows = (PARIS, Question(asked("b?"), False, split=CALIBRATION), Question(asked("c?"), False))
    whole = Bank("own", rows, "card")
    assert whole.half(CALIBRATION).rows == rows[1:2]
    assert whole.half(TEST).rows == (rows[0], rows[2])
    assert whole.half(TEST).card == "card\nOnly its test rows."


def test_a_bank_of_texts_asks_nothing() -> None:
    of("a").check_asks()
    with pytest.raises(InputError, match="The bank asks nothing: own holds texts"):
        Bank("own", (PARIS, Question("Il pleut.", False)), "").check_asks()


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([PARIS, PARIS], "  places: 2 rows, 0 without an answer, 1 different prompts"),
        ([Question(asked("b?"), False, split=CALIBRATION)], "  : 1 rows, 1 without an answer, 1 different prompts, 1"),
        ([Question("x", False, language="kab"), Question("y", False)], "  : 2 rows, 2 languages"),
    ],
)
def test_a_bank_is_counted_part_by_part(rows: list[Question], said: str) -> None:
    assert counts(rows).startswith(said)
