"""The command line, one command a module: its words, its options, and what it does.

None imports anything heavy before it runs, so that `--help` and a misspelt option answer at once.
"""
