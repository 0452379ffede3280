"""The tables hold no duplicates and no contradictions, and every relation can be put in words."""

from collections import Counter, defaultdict
from random import Random

import pytest

from tilelli.data.dialogues.facts import Fact, entities, facts, guessable, normalise, plural, vocabulary, with_article
from tilelli.data.dialogues.names import Mint
from tilelli.data.dialogues.noise import roughen
from tilelli.data.dialogues.replies import is_right, says_unknown
from tilelli.data.dialogues.wordings import CLAIMS, SPLITS, fill, frames, relations

UNIQUE = ["countries.ending", "countries.calling", "states.letters", "states.nickname", "elements.symbol"]


def test_there_are_a_few_thousand_facts() -> None:
    assert 3000 < len(facts()) < 9000


def test_no_fact_stands_twice() -> None:
    counts = Counter((fact.relation, normalise(fact.entity)) for fact in facts())
    assert counts.most_common(1)[0][1] == 1


def test_no_answer_is_listed_twice_or_empty() -> None:
    for fact in facts():
        answers = [normalise(answer) for answer in fact.answers]
        assert all(answers)
        assert len(answers) == len(set(answers)), fact


@pytest.mark.parametrize("relation", UNIQUE)
def test_codes_and_symbols_belong_to_one_entity_each(relation: str) -> None:
    counts = Counter(normalise(fact.answers[0]) for fact in facts() if fact.relation == relation)
    assert [answer for answer, count in counts.items() if count > 1] == []


def test_atomic_numbers_count_from_1_to_118_in_the_order_of_the_elements() -> None:
    numbers = [int(fact.answers[0]) for fact in facts() if fact.relation == "elements.number"]
    assert numbers == list(range(1, 119))


def test_the_next_of_a_next_agrees_with_the_one_before() -> None:
    following = {fact.entity: fact.answers[0] for fact in facts() if fact.relation == "calendar.next"}
    before = {fact.entity: fact.answers[0] for fact in facts() if fact.relation == "calendar.before"}
    assert {after: name for name, after in following.items()} == before


def test_places_agree_across_tables() -> None:
    capitals = {fact.entity: fact.answers for fact in facts() if fact.relation == "countries.capital"}
    known = set(entities("countries")) | {"England", "Scotland", "Wales"}
    for fact in facts():
        if fact.column == "country":
            assert fact.answers[0] in known, fact
    assert not {answer for answers in capitals.values() for answer in answers[:1]} & set(entities("cities"))


def test_the_tables_are_plain_ascii() -> None:
    assert all("".join((fact.entity, *fact.answers)).isascii() for fact in facts())


def test_every_relation_of_the_tables_has_wordings_and_no_other_has() -> None:
    assert set(relations()) == {fact.relation for fact in facts()}


def test_no_wording_serves_two_splits() -> None:
    seen: dict[str, set[str]] = defaultdict(set)
    for relation in relations().values():
        for split in SPLITS:
            for wording in relation.wordings(split):
                seen[normalise(wording)].add(split)
    for split in SPLITS:
        for wording in (*CLAIMS[split], *frames()[split]):
            seen[normalise(wording)].add(split)
    assert [wording for wording, splits in seen.items() if len(splits) > 1] == []


def test_relations_have_several_training_wordings_and_a_test_wording_of_their_own() -> None:
    for relation in relations().values():
        assert len(relation.wordings("train")) >= 8
        assert relation.test


def test_an_answer_that_the_name_gives_away_can_be_guessed() -> None:
    assert guessable(Fact("countries", "capital", "Mexico", ("Mexico City",)))
    assert guessable(next(f for f in facts() if f.relation == "countries.continent" and f.entity == "Kenya"))
    assert not guessable(next(f for f in facts() if f.relation == "countries.capital" and f.entity == "Kenya"))


@pytest.mark.parametrize(
    ("name", "one", "many"),
    [
        ("owl", "an owl", "owls"),
        ("fox", "a fox", "foxes"),
        ("mouse", "a mouse", "mice"),
        ("butterfly", "a butterfly", "butterflies"),
    ],
)
def test_names_take_articles_and_plurals(name: str, one: str, many: str) -> None:
    assert (with_article(name), plural(name)) == (one, many)
    assert fill("{e}, {an}, {es}", name) == f"{name}, {one}, {many}"


def test_answers_are_compared_without_case_accents_articles_and_marks() -> None:
    assert normalise("The Rio de la Plata!") == normalise("río de la plata")
    assert normalise("C-A-T") == "c a t"
    assert normalise("A") == "a"


def test_a_reply_is_right_if_it_holds_a_whole_answer_and_does_not_decline() -> None:
    assert is_right("The capital of Peru is Lima.", ("lima",))
    assert not is_right("The capital of Peru is Limassol.", ("lima",))
    assert not is_right("I don't know whether it is Lima.", ("lima",))
    assert says_unknown("Sorry, I do not know.")
    assert says_unknown("I don't think that is right. It is Lima.")
    assert not says_unknown("Yes, that is right.")


def test_coined_names_are_new_and_belong_to_one_split() -> None:
    train, test = (Mint(Random(1), split) for split in ("train", "test"))
    coined = [train.word("countries").lower() for _ in range(300)]
    others = [test.word("countries").lower() for _ in range(100)]
    assert len(set(coined)) == 300
    assert not set(coined) & set(others)
    assert not (set(coined) | set(others)) & vocabulary()


def test_haste_leaves_names_and_numbers_alone() -> None:
    for seed in range(300):
        rough = roughen("What is the capital of Mauritania in 1960?", "Mauritania", Random(seed), share=1.0)
        assert "mauritania" in rough.lower()
        assert "1960" in rough
