"""A conversation in a real browser: ten turns, stopping, typing into a reply, and texts that nobody expects."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Visitor, dashboard
from tests.browser.test_walk import choose
from tests.conftest import random_model

LINK = "/chat?chat_new={new}&chat_temperature={temperature}&checkpoint=tilelli%2F{model}"
SAID = '[data-testid="stChatMessage"] [data-testid="stHtml"] div[dir="auto"]'


def opened(visitor: Visitor, new: int = 12, temperature: float = 0.0, model: str = "mini") -> Page:
    visitor.open(LINK.format(new=new, temperature=temperature, model=model))
    return visitor.page


def say(page: Page, message: str) -> None:
    box = page.get_by_test_id("stChatInputTextArea")
    box.fill(message)
    box.press("Enter")


def replies(page: Page, count: int) -> None:
    """Wait until so many replies have ended."""
    expect(page.get_by_text(re.compile(r": (done|stopped), [0-9]+ bytes"))).to_have_count(count, timeout=60_000)


def test_ten_turns_can_be_chatted(visitor: Visitor) -> None:
    page = opened(visitor)
    page.get_by_role("button", name="Who are you?").click()
    for count in range(1, 10):
        replies(page, count)
        say(page, f"question number {count}")
    replies(page, 10)
    expect(page.get_by_text("turns are forgotten")).to_be_visible()
    visitor.assert_all_is_well()


def test_typing_into_a_reply_stops_it_and_so_does_stop(browser: Browser, tmp_path: Path) -> None:
    slow = random_model(abstain=True, context=256, n_blocks=40, d_model=64)
    slow.save_pretrained(tmp_path / "runs" / "slow")
    with dashboard(tmp_path) as address:
        visitor = Visitor(browser.new_page(), address)
        visitor.open("/chat?chat_new=256&chat_temperature=0.0&chat_gate=false&engine=torch")
        page = visitor.page
        choose(page, str(tmp_path / "runs" / "slow"))
        say(page, "Two")
        expect(page.get_by_text(re.compile("writing, [1-9]"))).to_be_visible()
        say(page, "Hello")
        replies(page, 1)
        page.get_by_role("button", name="Stop").click()
        replies(page, 2)
        expect(page.get_by_text(re.compile("stopped, [0-9]+ bytes"))).to_have_count(2)
        visitor.assert_all_is_well()


def test_a_reply_can_go_on_otherwise_and_be_switched_back(visitor: Visitor) -> None:
    page = opened(visitor)
    say(page, "Hello")
    replies(page, 1)
    first = page.locator(SAID).last.inner_text()
    page.get_by_role("button", name="Go on otherwise").click()
    page.get_by_role("button", name="Go on from there").click()
    expect(page.get_by_text("2/2")).to_be_visible()
    expect(page.get_by_text(re.compile("led on from byte"))).to_be_visible()
    replies(page, 1)
    page.get_by_role("button", name="‹").click()
    expect(page.get_by_text("1/2")).to_be_visible()
    assert page.locator(SAID).last.inner_text() == first
    visitor.assert_all_is_well()


@pytest.mark.parametrize("message", ["🦊🌍", "a" * 10_000, "كيف حالك؟", "<script>alert(1)</script>", "`*_[x](y) $z$"])
def test_any_message_stands_there_as_it_was_typed(second_visitor: Visitor, message: str) -> None:
    page = opened(second_visitor, model="mini-vanilla")
    say(page, message)
    replies(page, 1)
    assert page.locator(SAID).first.inner_text() == message
    second_visitor.assert_all_is_well()


def test_lines_and_blanks_are_no_trouble(visitor: Visitor) -> None:
    page = opened(visitor)
    say(page, "   ")
    box = page.get_by_test_id("stChatInputTextArea")
    box.fill("two\nlines")
    box.press("Enter")
    replies(page, 1)
    assert page.locator(SAID).first.inner_text() == "two\nlines"
    visitor.assert_all_is_well()
