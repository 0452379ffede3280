"""From text to training windows: `source` opens it, `documents` streams it, `windows` and `stream` cut its bytes.

`dialogue` makes the chat corpus.
"""
