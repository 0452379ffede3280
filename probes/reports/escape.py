"""Text of users and models where it may be read but must do nothing: in HTML and in Markdown.

Rows hold whatever was typed or written: tags, control characters, halves of characters. Controls are shown as their
symbols, so that none is lost and none acts; half a character, which no file can hold, as its number.
"""

import html
import math
import re
from typing import Any

CONTROLS = {code: 0x2400 + code for code in range(0x20)} | {0x7F: 0x2421} | dict.fromkeys(range(128, 160), 65533)
TURNING = "[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]"  # would turn round the text after them
MARKS = re.compile(r"([\\`*_\[\]#|<>~&]|^[-+])")


def visible(value: Any, digits: int = 6) -> str:
    """A value on one line, every sign of it visible; what is missing is a dash."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    text = f"{value:.{digits}g}" if isinstance(value, float) else str(value)
    text = text.replace("\r\n", "\n").replace("\n", "↵").translate(CONTROLS)
    return re.sub(TURNING, lambda sign: f"<{ord(sign[0]):04X}>", text).encode("utf-8", "backslashreplace").decode()


def in_html(value: Any, digits: int = 6) -> str:
    """The same as HTML, for an element or a quoted attribute."""
    return html.escape(visible(value, digits))


def in_markdown(value: Any, digits: int = 6) -> str:
    """The same as Markdown, for a cell of a table too."""
    return MARKS.sub(r"\\\1", visible(value, digits))
