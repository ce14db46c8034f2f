"""The command line, `python -m fcn`: one module for each command, `run(options)`, and what they share."""
