"""The command line of the probes, one probe a module, built like that of `tilelli.commands`.

A module here has `TEXT` and `EXAMPLE` for the help, `add(parser)` for its options and `run(options)`. None imports
anything heavy before it runs.
"""
