"""The chat corpus keeps its promises: sizes, shares, what no split may see, and crux banks that words cannot solve."""

import json
import random
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from tilelli.data import dialogue
from tilelli.data.dialogue import Dialogue, banks, card, generate, main, meetings, read, write
from tilelli.data.dialogues.facts import facts, normalise
from tilelli.data.dialogues.replies import is_right, says_unknown
from tilelli.data.dialogues.rows import key
from tilelli.data.dialogues.split import plan
from tilelli.errors import DataError, InputError

PAIRS = 50_000
CRUX = ("held-out-facts", "premises", "valid-held-out-facts", "valid-premises")


@pytest.fixture(scope="module")
def rows() -> list[Dialogue]:
    return generate(seed=0, pairs=PAIRS)


@pytest.fixture(scope="module")
def by_split(rows: list[Dialogue]) -> dict[str, list[Dialogue]]:
    found: dict[str, list[Dialogue]] = defaultdict(list)
    for row in rows:
        found[row.split].append(row)
    return found


def test_the_same_seed_gives_the_same_dialogues_and_another_seed_others() -> None:
    assert generate(3, 1500) == generate(3, 1500)
    assert generate(3, 1500) != generate(4, 1500)


def test_the_banks_do_not_depend_on_how_much_is_trained_on(by_split: dict[str, list[Dialogue]]) -> None:
    assert banks(0) == {split: found for split, found in by_split.items() if split != "train"}


def test_there_are_as_many_training_pairs_as_asked_for(by_split: dict[str, list[Dialogue]]) -> None:
    assert len(by_split["train"]) == PAIRS
    assert len({row.prompt for row in by_split["train"]}) > 0.75 * PAIRS


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_a_quarter_to_two_fifths_cannot_be_answered(by_split: dict[str, list[Dialogue]], split: str) -> None:
    share = sum(not row.answerable for row in by_split[split]) / len(by_split[split])
    assert 0.25 <= share <= 0.40


@pytest.mark.parametrize("split", ["train", "test"])
def test_unanswerable_questions_are_of_many_kinds(by_split: dict[str, list[Dialogue]], split: str) -> None:
    kinds = {row.category for row in by_split[split] if not row.answerable}
    assert kinds >= {"invented", "crossed", "unlisted", "private", "future", "missing", "nonsense", "realtime"}
    assert "premise" in kinds or split == "test"


def test_every_row_has_the_format_and_fits_the_context(rows: list[Dialogue]) -> None:
    turn = r"USER: [^\n]+\nTILELLI: [^\n]+\n"
    for row in rows:
        assert re.fullmatch(f"(?:{turn}){{{row.turns}}}", row.text)
        assert row.prompt.endswith("\nTILELLI:")
        assert len(row.text.encode("utf-8")) <= 241  # with the newline at its end
        assert row.text.count("USER:") == row.text.count("TILELLI:") == row.turns
        assert "{" not in row.prompt.replace("{}", "")


def test_there_are_dialogues_of_two_three_and_four_turns(by_split: dict[str, list[Dialogue]]) -> None:
    turns = Counter(row.turns for row in by_split["train"])
    assert turns[2] > 5000
    assert turns[3] > 500
    assert turns[4] > 20
    assert max(turns) <= 5


def test_no_test_or_valid_wording_is_trained_on(by_split: dict[str, list[Dialogue]]) -> None:
    trained = {normalise(row.wording) for row in by_split["train"] if row.wording[0] != "<"}
    for split in ("valid", "test", *CRUX):
        assert not trained & {normalise(row.wording) for row in by_split[split] if row.wording[0] != "<"}


def test_no_question_of_a_bank_is_trained_on(by_split: dict[str, list[Dialogue]]) -> None:
    trained = {normalise(row.question) for row in by_split["train"]}
    for split in ("valid", "test", *CRUX):
        assert not trained & {normalise(row.question) for row in by_split[split]}


def test_unanswerable_kinds_of_the_test_are_never_trained_on(by_split: dict[str, list[Dialogue]]) -> None:
    trained = {row.kind.removeprefix("sure.") for row in by_split["train"]}
    tested = {row.kind.removeprefix("sure.") for row in by_split["test"] if not row.answerable}
    assert not trained & tested


def test_no_invented_name_of_the_test_is_trained_on(by_split: dict[str, list[Dialogue]]) -> None:
    trained = set(" ".join(normalise(row.text) for row in by_split["train"]).split())
    coined = [row for row in by_split["test"] if row.category == "invented" and not row.kind.startswith("sure.")]
    assert len(coined) > 150
    assert [row.question for row in coined if set(normalise(row.question).split()) <= trained] == []


def test_answerable_test_questions_about_facts_ask_what_was_taught(by_split: dict[str, list[Dialogue]]) -> None:
    taught = {row.fact for row in by_split["train"] if row.category == "facts" and row.answerable}
    asked = [row for row in by_split["test"] if row.category == "facts"]
    asked += [row for row in by_split["held-out-facts"] if row.answerable]
    assert len(asked) > 1000
    assert {row.fact for row in asked} <= taught


def test_every_fact_that_counts_as_taught_is_taught_several_times(by_split: dict[str, list[Dialogue]]) -> None:
    times = Counter(row.fact for row in by_split["train"] if row.category == "facts")
    assert {f"{fact.relation}|{fact.entity}" for fact in plan(0).taught} == set(times)
    assert sum(count >= 3 for count in times.values()) > 0.97 * len(times)


def test_no_withheld_fact_can_be_read_in_training(by_split: dict[str, list[Dialogue]]) -> None:
    texts = [f" {normalise(row.text)} " for row in by_split["train"]]
    where: dict[str, set[int]] = defaultdict(set)
    for place, text in enumerate(texts):
        for word in set(text.split()):
            where[word].add(place)
    for fact in plan(0).withheld:
        name = normalise(fact.entity)
        found = [texts[i] for i in set.intersection(*(where[word] for word in name.split())) if f" {name} " in texts[i]]
        for answer in map(normalise, fact.answers):
            assert not [text for text in found if f" {answer} " in text], fact


def test_most_held_out_entities_are_asked_about_otherwise(by_split: dict[str, list[Dialogue]]) -> None:
    known = {row.fact.split("|")[1] for row in by_split["train"] if row.category == "facts"}
    held = {row.fact.split("|")[1] for row in by_split["held-out-facts"] if not row.answerable}
    assert held <= known


@pytest.mark.parametrize("bank", CRUX)
def test_crux_banks_have_as_many_rows_of_each_class(by_split: dict[str, list[Dialogue]], bank: str) -> None:
    counts = Counter(row.answerable for row in by_split[bank])
    assert counts[True] == counts[False] >= (80 if bank.startswith("valid") else 300)


@pytest.mark.parametrize("bank", CRUX)
def test_both_classes_of_a_crux_bank_hold_the_same_words_and_lengths(
    by_split: dict[str, list[Dialogue]], bank: str
) -> None:
    words = {side: Counter[str]() for side in (True, False)}
    for row in by_split[bank]:
        words[row.answerable].update(normalise(row.question).split())
    assert words[True] == words[False]


@pytest.mark.parametrize("bank", ["held-out-facts", "valid-held-out-facts"])
def test_the_classes_of_held_out_facts_share_wordings_relations_and_entities(
    by_split: dict[str, list[Dialogue]], bank: str
) -> None:
    sides = {side: [row for row in by_split[bank] if row.answerable is side] for side in (True, False)}
    for part in (lambda r: (r.kind, r.wording), lambda r: r.fact.split("|")[1]):
        assert Counter(map(part, sides[True])) == Counter(map(part, sides[False]))


def test_each_premise_is_claimed_once_with_its_own_answer_and_once_with_a_wrong_one(
    by_split: dict[str, list[Dialogue]],
) -> None:
    pairs: dict[str, list[Dialogue]] = defaultdict(list)
    for row in by_split["premises"]:
        pairs[row.fact].append(row)
    for pair in pairs.values():
        true, false = sorted(pair, key=lambda row: not row.answerable)
        assert (true.answerable, false.answerable) == (True, False)
        assert true.wording == false.wording
        assert true.prompt != false.prompt
        assert not set(false.answers) & set(normalise(false.question).split(" is ")[-1:])


def test_the_reply_to_a_claim_says_the_truth_first_and_then_whether_the_claim_agrees(
    by_split: dict[str, list[Dialogue]],
) -> None:
    truth = {key(fact): {normalise(answer) for answer in fact.answers} for fact in facts()}
    claims = [row for row in by_split["train"] if row.kind.startswith("premise.")] + by_split["premises"]
    for row in claims:
        said = normalise(row.reply)
        first = max((answer for answer in truth[row.fact] if said.startswith(f"{answer} ")), key=len)
        verdict = said.removeprefix(first).strip()
        assert says_unknown(verdict) != row.answerable
        assert verdict.startswith("yes") == row.answerable


def test_premises_of_the_crux_are_of_taught_facts_never_claimed_in_training(
    by_split: dict[str, list[Dialogue]],
) -> None:
    taught = {row.fact for row in by_split["train"] if row.category == "facts"}
    claimed = {row.fact for row in by_split["train"] if row.category == "premise"}
    tested = {row.fact for row in by_split["premises"]}
    assert tested <= taught
    assert not tested & claimed


def test_replies_admit_not_knowing_just_where_there_is_no_answer(rows: list[Dialogue]) -> None:
    wrong = [row for row in rows if says_unknown(row.reply) == row.answerable]
    assert wrong == []


def test_every_answerable_reply_is_right_and_no_other_is(rows: list[Dialogue]) -> None:
    assert [row for row in rows if is_right(row.reply, row.answers) != row.answerable] == []


def test_ways_of_not_knowing_vary(by_split: dict[str, list[Dialogue]]) -> None:
    counts = Counter(row.reply for row in by_split["train"] if not row.answerable)
    assert len(counts) > 500
    assert counts.most_common(1)[0][1] < 0.12 * sum(counts.values())


def test_sums_are_right(by_split: dict[str, list[Dialogue]]) -> None:
    sums = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b}
    for row in by_split["train"]:
        found = re.fullmatch(r"(\d+) ?([-+*]) ?(\d+)(?: = \?| =)?", row.question)
        if found and row.turns == 1:
            assert row.reply == f"{sums[found[2]](int(found[1]), int(found[3]))}."


def test_spelling_is_right(by_split: dict[str, list[Dialogue]]) -> None:
    spelled = [row for row in by_split["train"] if row.kind == "spelling.word" and row.wording == "Spell {w}."]
    for row in spelled:
        assert row.reply.rstrip(".").replace("-", "") in row.question.lower()


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    some = banks(0)["valid"][:50]
    for name in ("rows.jsonl", "rows.jsonl.xz"):
        write(some, tmp_path / name)
        assert read(tmp_path / name) == some
    assert [file.name for file in tmp_path.iterdir() if "part" in file.name] == []


def test_a_file_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be written"):
        write([], tmp_path / "nowhere" / "rows.jsonl")


def test_too_few_pairs_are_refused() -> None:
    with pytest.raises(InputError, match="too small to mix: 10 pairs"):
        generate(0, 10)


def test_the_command_writes_rows_and_prints_the_card(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "rows.jsonl"
    assert main(["--out", str(out), "--pairs", "1200"]) == 0
    row = json.loads(out.read_text(encoding="utf-8").splitlines()[0])
    assert {"prompt", "reply", "answerable", "kind", "category", "answers", "split", "turns"} <= row.keys()
    assert "| train | 1200 |" in capsys.readouterr().out
    assert main(["--out", str(out), "--pairs", "3"]) == 2


def test_the_card_states_what_was_held_out(rows: list[Dialogue]) -> None:
    text = card(rows)
    assert "held-out-facts: 320 facts" in text
    assert "no test wording is in train" in text


def test_meetings_counts_documents_that_hold_entity_and_answer() -> None:
    bank = banks(0)["held-out-facts"]
    fact = next(row for row in bank if not row.answerable)
    text = f"About {fact.fact.split('|')[1]}, which has to do with {fact.answers[0]}."
    counted = meetings(bank, [text.encode(), b"Nothing of the kind.", text.upper().encode()])
    assert counted.held[fact.fact] == 2
    assert (counted.documents, len(counted.held), len(counted.taught)) == (3, 320, 320)
    assert "of 3" in str(counted)


def test_generating_leaves_the_global_random_state_alone() -> None:
    random.seed(5)
    before = random.getstate()
    dialogue.banks(1)
    assert random.getstate() == before
