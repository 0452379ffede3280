"""What the bundled banks promise in their cards."""

import hashlib
import json
import re
import unicodedata
from collections import Counter, defaultdict

import pytest

from probes.banks import BUNDLED, CALIBRATION, QUICK, TEST, Bank, Question, bank, sample
from probes.banks.dialogues import from_dialogue
from probes.banks.make import pinned
from probes.banks.reading import DATA
from probes.verdict import PUBLISHED
from tilelli.chat import encode
from tilelli.data.dialogue import banks, generate
from tilelli.data.dialogues.facts import normalise
from tilelli.data.dialogues.replies import is_right, says_unknown
from tilelli.data.dialogues.skills import SMALL
from tilelli.errors import InputError

FILES = ("regimes", "near-miss", "calibration", "languages", "long")
CONTEXT = 256  # of the bundled models
NAMED = {"Japanese": ("HIRAGANA", "KATAKANA", "CJK"), "Han": ("CJK",), "Latin": ("LATIN", "MODIFIER LETTER TURNED")}


@pytest.fixture(scope="module")
def made() -> dict[str, Bank]:
    return {name: bank(name) for name in BUNDLED}


@pytest.fixture(scope="module")
def trained() -> list[str]:
    """Questions of training, normalised."""
    return [normalise(row.question) for row in generate(0, 30_000) if row.split == "train"]


def of(made: dict[str, Bank], name: str, part: str) -> list[Question]:
    return [made[name].rows[number] for number in made[name].parts[part]]


@pytest.mark.parametrize("name", BUNDLED)
def test_a_card_says_what_how_many_how_made_and_what_was_decided_and_pins_the_hash(
    name: str, made: dict[str, Bank]
) -> None:
    card = made[name].card
    assert card.endswith(pinned(made[name]))
    assert [head for head in ("What: ", "How made: ", "Licence: ", "Decided beforehand") if head not in card] == []
    assert all(f"\n  {rule}\n" in card for rule in made[name].rules)


@pytest.mark.parametrize("name", FILES)
def test_the_hash_of_a_bank_is_that_of_its_file(name: str, made: dict[str, Bank]) -> None:
    assert made[name].sha256 == hashlib.sha256((DATA / f"{name}.jsonl").read_bytes()).hexdigest()


@pytest.mark.parametrize("name", FILES)
def test_no_prompt_stands_twice(name: str, made: dict[str, Bank]) -> None:
    prompts = Counter(row.prompt for row in made[name].rows)
    assert [prompt for prompt, times in prompts.items() if times > 1] == []


@pytest.mark.parametrize("name", [name for name in FILES if name != "languages"])
def test_no_question_was_trained_on(name: str, made: dict[str, Bank], trained: list[str]) -> None:
    met = set(trained) - {""}
    assert [row.question for row in made[name].rows if normalise(row.question) in met] == []


@pytest.mark.parametrize("name", FILES)
def test_answers_are_normalised_and_right(name: str, made: dict[str, Bank]) -> None:
    for row in made[name].rows:
        assert bool(row.answers) or not row.answerable
        for answer in row.answers:
            assert answer == normalise(answer) != ""
            assert is_right(answer, row.answers)
            assert not says_unknown(answer)


@pytest.mark.parametrize("name", FILES)
def test_prompts_fit_into_the_context_where_length_is_not_the_matter(name: str, made: dict[str, Bank]) -> None:
    rows = [row for row in made[name].rows if "long" not in (name, row.part.split("_")[0])]
    assert max((len(encode(row.prompt)) for row in rows), default=0) <= CONTEXT


def test_the_regimes_are_those_of_the_published_protocol(made: dict[str, Bank]) -> None:
    regimes = made["regimes"]
    assert regimes.claim == PUBLISHED
    assert tuple(regimes.parts) == PUBLISHED.parts
    assert all(len(numbers) >= 100 for numbers in regimes.parts.values())
    quick = sample(regimes, QUICK, 0)
    assert [len(numbers) for numbers in quick.parts.values()] == [30] * 7


def test_the_card_of_the_regimes_writes_the_published_rule_out(made: dict[str, Bank]) -> None:
    card = " ".join(made["regimes"].card.split())
    assert f"at least {PUBLISHED.margin} above that of the best baseline ({', '.join(PUBLISHED.baselines)})" in card
    assert "the interval of the difference excludes zero" in card
    hard = "one of them gibberish, factual_misleading or neo_false_inability"
    assert f"at least {PUBLISHED.least} of the 7 regimes, {hard}" in card
    assert set(PUBLISHED.key) == {"gibberish", "factual_misleading", "neo_false_inability"}


def test_what_can_be_answered_is_one_thing_in_a_regime(made: dict[str, Bank]) -> None:
    can = {part: {row.answerable for row in of(made, "regimes", part)} for part in made["regimes"].parts}
    refuse = ("ood_topic", "factual_misleading", "gibberish")
    assert can == {part: {part not in refuse} for part in can}


def test_gibberish_has_no_answer_and_no_word(made: dict[str, Bank], trained: list[str]) -> None:
    words = {word for question in trained for word in question.split() if len(word) > 3}
    for row in of(made, "regimes", "gibberish"):
        assert row.answers == ()
        assert not set(normalise(row.question).split()) & words


def test_other_topics_keep_their_answers_and_their_wording_does_not_hold_them(made: dict[str, Bank]) -> None:
    for row in of(made, "regimes", "ood_topic"):
        assert row.answers
        assert not is_right(row.question, row.answers)


def test_about_half_of_the_long_inputs_do_not_fit(made: dict[str, Bank]) -> None:
    sizes = [len(encode(row.prompt)) for row in of(made, "regimes", "long_input")]
    assert 0.4 < sum(size > CONTEXT for size in sizes) / len(sizes) < 0.6


@pytest.mark.parametrize("name", ["regimes", "calibration"])
def test_sums_are_right(name: str, made: dict[str, Bank]) -> None:
    rows = [row for row in made[name].rows if "arithmetic" in row.kind]
    assert len(rows) > 30
    for row in rows:
        said = [word for word in normalise(row.question).split() if word.isdigit() or word in SMALL]
        one, other = (int(word) if word.isdigit() else SMALL.index(word) for word in said[-2:])
        result = {"plus": one + other, "minus": abs(one - other), "times": one * other}[row.kind.rsplit(".", 1)[1]]
        assert str(result) in row.answers


def test_near_misses_can_all_be_answered_and_look_like_every_reason_to_refuse(made: dict[str, Bank]) -> None:
    rows = made["near-miss"].rows
    assert len(rows) >= 200
    assert all(row.answerable for row in rows)
    looks = {"future", "realtime", "missing", "private", "unknowable", "invented", "crossed", "nonsense"}
    assert Counter(row.category for row in rows) == dict.fromkeys(looks, 28)


@pytest.mark.parametrize(
    ("kind", "result"),
    [
        ("future.5", lambda a, b: a + b),
        ("missing.1", lambda a, b: a + b),
        ("missing.5", lambda a, b: a - b),
        ("realtime.7", lambda a, b: a - b),
        ("private.6", lambda a, b: a + b),
        ("invented.5", lambda a, b: a * b),
        ("unknowable.7", max),
        ("nonsense.7", lambda a, b: a + b),
    ],
)
def test_what_is_to_be_worked_out_in_a_near_miss_is_right(kind: str, result: "object", made: dict[str, Bank]) -> None:
    rows = [row for row in made["near-miss"].rows if row.kind == kind]
    assert len(rows) == 4
    for row in rows:
        one, other = map(int, re.findall(r"\d+", row.question))
        assert str(result(one, other)) in row.answers  # type: ignore[operator]


def test_near_misses_that_tell_the_answer_hold_it(made: dict[str, Bank]) -> None:
    told = ("private.1", "private.2", "private.3", "private.4", "private.5", "private.7", "invented.1", "invented.4")
    for row in made["near-miss"].rows:
        if row.kind in told:
            assert is_right(row.question, row.answers)


def test_choices_come_in_fours_that_no_liking_wins(made: dict[str, Bank]) -> None:
    rows = of(made, "calibration", "choices")
    assert len(rows) >= 400
    for start in range(0, len(rows), 4):
        four = rows[start : start + 4]
        assert len({(row.split, row.kind.split("|")[0], frozenset(row.options)) for row in four}) == 1
        for option in four[0].options:
            right = [row.right == row.options.index(option) for row in four]
            places = [row.options.index(option) for row in four if row.right == row.options.index(option)]
            assert (sum(right), sorted(places)) == (2, [0, 1])
    assert all(f": {row.options[0]} or {row.options[1]}?" in row.question for row in rows)


def test_no_fact_stands_in_both_halves_of_the_calibration_bank(made: dict[str, Bank]) -> None:
    halves = {
        split: {row.kind for row in made["calibration"].half(split).rows if row.options}
        for split in (CALIBRATION, TEST)
    }
    assert not halves[CALIBRATION] & halves[TEST]
    assert [len(made["calibration"].half(split).rows) for split in (CALIBRATION, TEST)] == [500, 500]


def test_an_item_of_the_long_bank_is_the_same_at_every_length(made: dict[str, Bank]) -> None:
    for part in ("question", "told"):
        items: dict[str, list[Question]] = defaultdict(list)
        for row in of(made, "long", part):
            items[row.kind].append(row)
        assert len(items) == 20
        for rows in items.values():
            sizes = [len(row.prompt.encode()) for row in rows]
            assert sizes[1:] == [int(row.category.removesuffix(" bytes")) for row in rows[1:]]
            assert sizes == sorted(sizes)
            assert (sizes[0] < 100, sizes[-1]) == (True, 1024)
            ask = re.split(r"(?<=\.) (?=\w+ \w)", rows[0].question)[-1]
            assert all(row.question.endswith(ask) for row in rows)
            assert len({row.answers for row in rows}) == 1
            assert all(f" {normalise(row.question)} ".count(f" {row.answers[0]} ") <= 1 for row in rows)


def test_languages_are_many_and_written_in_their_script(made: dict[str, Bank]) -> None:
    rows = made["languages"].rows
    assert len({row.language for row in rows}) >= 70
    assert len(made["languages"].parts) >= 25
    assert {"Tifinagh", "Ethiopic", "Georgian", "Khmer", "Myanmar"} <= made["languages"].parts.keys()
    for row in rows:
        assert not row.asks
        assert unicodedata.is_normalized("NFC", row.prompt)
        names = [unicodedata.name(letter) for letter in row.prompt if unicodedata.category(letter)[0] == "L"]
        assert names
        assert all(name.startswith(NAMED.get(row.part, (row.part.upper(),))) for name in names), row


def test_a_language_has_one_code_one_name_and_three_sentences(made: dict[str, Bank]) -> None:
    rows = made["languages"].rows
    assert set(Counter(row.language for row in rows).values()) == {3}
    assert len({(row.language, row.category, row.part) for row in rows}) == len({row.language for row in rows})
    assert all(re.fullmatch("[a-z]{3}", row.language) for row in rows)


def test_the_dialogue_banks_are_what_training_holds_back(made: dict[str, Bank]) -> None:
    held = banks(0)
    for name in ("dialogue-test", "dialogue-valid"):
        rows = made[name].rows
        assert [(row.prompt, row.answers) for row in rows] == [
            (row.prompt, row.answers) for part in made[name].parts for row in held[part]
        ]
    assert from_dialogue(held["premises"][0]).part == "premises"


def test_the_abstain_bank_is_one_to_choose_on_and_one_to_read(made: dict[str, Bank]) -> None:
    chosen, read = made["abstain"].half(CALIBRATION), made["abstain"].half(TEST)
    assert [row.prompt for row in chosen.rows] == [row.prompt for row in made["dialogue-valid"].rows]
    assert read.rows == made["dialogue-test"].rows
    assert not {normalise(row.question) for row in chosen.rows} & {normalise(row.question) for row in read.rows} - {""}
    assert {rule.part for rule in read.rules} <= {*read.parts, "plain text"}


def test_the_data_folder_holds_nothing_else() -> None:
    assert {path.name for path in DATA.iterdir()} == {f"{name}.md" for name in BUNDLED} | {f"{n}.jsonl" for n in FILES}
    for name in FILES:
        assert all(json.loads(line) for line in (DATA / f"{name}.jsonl").read_text(encoding="utf-8").splitlines())


def test_an_unknown_bank_is_refused_with_the_names_of_those_there_are() -> None:
    with pytest.raises(InputError, match=f"no such bank: dialog-test. Use {', '.join(BUNDLED)}"):
        bank("dialog-test")
