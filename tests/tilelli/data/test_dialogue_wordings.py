"""Every skill and every topic of talk is taught in many wordings, and none of them is one that a bank asks in."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tilelli.data.dialogues.facts import normalise
from tilelli.data.dialogues.talk import TOPICS, slots
from tilelli.data.dialogues.wordings import frames, read, relations

ALIKE = ("skills.toml", "unanswerable.toml", "unlisted.toml")  # tables with the wordings of each split
BRACES = r"\{(?!abstract)\w+\}"  # an abstract thing in place of a shape is what makes a question nonsense


def texts(found: Any) -> Iterator[str]:
    """Every text of a table, however deep it lies."""
    if isinstance(found, str):
        yield found
    else:
        for part in found.values() if isinstance(found, dict) else found:
            yield from texts(part)


def of_split(found: Any, split: str) -> Iterator[str]:
    """Every text below a key named after the split."""
    if isinstance(found, dict):
        for name, part in found.items():
            yield from texts(part) if name == split else of_split(part, split)


def asked(split: str) -> set[str]:
    """Normalised wordings of this split in all tables, with blank braces."""
    found = [text for name in ALIKE for text in of_split(read(name), split)]
    found += [text for topic in read("context.toml")[split].values() for text in texts([topic["told"], topic["ask"]])]
    for topic in TOPICS:
        found += texts([item["ask" if split == "train" else split] for item in read(f"talk/{topic}.toml")[topic]])
    found += [wording for relation in relations().values() for wording in relation.wordings(split)]
    found += frames()[split]
    return {normalise(re.sub(BRACES, "{x}", text)) for text in found}


@pytest.mark.parametrize("split", ["valid", "test"])
def test_no_training_wording_is_one_of_a_bank(split: str) -> None:
    assert asked("train") & asked(split) == set()


@pytest.mark.parametrize("topic", TOPICS)
def test_every_topic_of_talk_is_taught_in_many_wordings(topic: str) -> None:
    for item in read(f"talk/{topic}.toml")[topic]:
        assert len({normalise(wording) for wording in item["ask"]}) >= 13, item["ask"][0]


def test_no_training_wording_belongs_to_two_topics_of_talk() -> None:
    sets = [
        {normalise(asked) for asked in item["ask"]} for topic in TOPICS for item in read(f"talk/{topic}.toml")[topic]
    ]
    assert sum(map(len, sets)) == len(set().union(*sets))


def test_skills_are_taught_in_ten_wordings_or_more() -> None:
    for part in read("skills.toml").values():
        for name, wordings in part.items():
            assert len(wordings["train"]) >= 10, name


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_what_was_told_is_said_and_is_not_in_the_question(split: str) -> None:
    for name, topic in read("context.toml")[split].items():
        told = [topic["told"]] if isinstance(topic["told"], str) else topic["told"]
        assert all(topic["key"] in text for text in (*told, topic["say"])), name
        assert not [wording for wording in topic["ask"] if topic["key"] in wording], name
        assert set(re.findall(r"\{(\w+)\}", " ".join([*told, *topic["ask"]]))) <= slots().keys()
