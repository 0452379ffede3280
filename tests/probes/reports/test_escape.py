"""Whatever a user typed or a model wrote can be read in a report and does nothing there."""

import html.parser
import re

from hypothesis import example, given
from hypothesis import strategies as st

from probes.reports.escape import in_html, in_markdown, visible

ANY = st.text(st.characters(codec=None, exclude_categories=()), max_size=40)


class Reader(html.parser.HTMLParser):
    """Collects tags and text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags, self.text = list[str](), ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@given(ANY)
@example("<script>alert(1)</script>")
@example('" onclick="x')
@example("\x00\x1b[31m\u202e\ud800&lt;")
def test_no_text_becomes_a_tag_and_none_is_lost(text: str) -> None:
    read = Reader(f'<p title="{in_html(text)}">{in_html(text)}</p>')
    assert (read.tags, read.text) == (["p"], visible(text))


@given(ANY)
def test_what_is_shown_is_one_line_that_a_file_can_hold(text: str) -> None:
    shown = visible(text)
    shown.encode()
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)


@given(ANY)
@example("a | b")
def test_a_cell_of_markdown_holds_no_bare_mark(text: str) -> None:
    assert not re.search(r"(?<!\\)(\\\\)*[|*_`<\[]", in_markdown(text))


def test_values_are_shown_as_a_person_reads_them() -> None:
    assert [visible(value) for value in (None, float("nan"), 0.123456789, 3, True)] == [
        "–",
        "–",
        "0.123457",
        "3",
        "True",
    ]
    assert visible("a\nb\tc\x00") == "a↵b␉c␀"
    assert in_markdown("- 2 * 3 | x_y") == r"\- 2 \* 3 \| x\_y"
