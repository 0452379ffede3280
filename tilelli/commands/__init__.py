"""The command line, one command a module: its words, its options, and what it does.

A module here has `TEXT` and `EXAMPLE` for the help, `add(parser)` for its options and `run(options)`. None imports
anything heavy before it runs, so that `--help` and a misspelt option answer at once.
"""
