import math

import pytest
import torch

from tilelli.data.chats import Chats, Mixed, Row, of_dialogues
from tilelli.data.dialogues.rows import Dialogue
from tilelli.data.windows import Windows
from tilelli.errors import DataError


def asked(number: int, category: str = "facts") -> Dialogue:
    prompt, reply = f"USER: What is the number of thing {number}?\nTILELLI:", f"It is {number}."
    return Dialogue(prompt, reply, True, "things.number", category, (str(number),), "train", 1, "", f"number|{number}")


ROWS = [asked(number) for number in range(40)]


def replies(chats: Chats, step: int) -> dict[str, str]:
    """Reply by prompt, as a batch has them."""
    texts = [bytes(row.tolist()).rstrip(b"\0")[1:].decode() for row in chats.batch(step).ids]
    return dict(text.split("\nTILELLI: ") for text in texts)


def test_only_the_reply_counts_and_the_head_reads_at_the_end_of_the_prompt() -> None:
    batch = of_dialogues([Row("USER: Hi\nTILELLI:", "Ho", False), Row("USER: What?\nTILELLI:", "I don't know.", True)])
    for row, reply in enumerate((b"Ho\n", b"I don't know.\n")):
        targets = batch.ids[row, 1:][batch.counted[row]]
        assert bytes(targets.tolist()) == reply
        place = int(batch.counted[row].nonzero()[0])
        assert batch.ids[row, place] == ord(" ")
        assert batch.abstain[row].isfinite().nonzero().flatten().tolist() == [place]
    assert batch.abstain[batch.abstain.isfinite()].tolist() == [0, 1]


def test_a_row_counts_as_much_as_any_other_however_long() -> None:
    batch = of_dialogues([Row("USER: a\nTILELLI:", "b", False), Row("USER: a\nTILELLI:", "b" * 50, False)])
    losses = torch.ones_like(batch.abstain)
    losses[0] = 3.0
    assert float(batch.nats(losses)) == 2.0


def test_an_epoch_reads_every_dialogue_once() -> None:
    chats = Chats(ROWS, 256, 8, seed=3)
    for epoch in (0, 1):
        seen = [prompt for step in range(5) for prompt in replies(chats, 5 * epoch + step)]
        assert sorted(seen) == sorted(row.prompt.removesuffix("\nTILELLI:") for row in ROWS)


def test_a_batch_is_a_function_of_seed_and_step() -> None:
    one, other = (Chats(ROWS, 256, 8, seed=3) for _ in range(2))
    for step in (17, 0, 9):
        assert torch.equal(one.batch(step).ids, other.batch(step).ids)
    assert not torch.equal(one.batch(0).ids, Chats(ROWS, 256, 8, seed=4).batch(0).ids)


def test_too_few_dialogues_are_refused() -> None:
    with pytest.raises(DataError, match="There are too few dialogues: 0 of 40 fit into 32 bytes, for batches of 8"):
        Chats(ROWS, 32, 8, seed=0)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5])
def test_plain_text_takes_its_share_of_the_steps_and_skips_no_dialogue(share: float) -> None:
    chats, text = Chats(ROWS, 256, 8, seed=0), Windows([b"plain text " * 90], 64, 4, seed=0)
    mixed = Mixed(chats, text, share)
    batches = [mixed.batch(step) for step in range(20)]
    plain = [batch for batch in batches if batch.abstain.isnan().all()]
    spoken = [batch for batch in batches if not batch.abstain.isnan().all()]
    assert len(plain) == math.floor(20 * share)
    assert all(torch.equal(batch.ids, text.batch(n).ids) for n, batch in enumerate(plain))
    assert all(torch.equal(batch.ids, chats.batch(n).ids) for n, batch in enumerate(spoken))
