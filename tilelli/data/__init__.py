"""From files to training windows: `corpus` reads documents, `windows` cuts their bytes.

`dialogue` makes the chat corpus.
"""
