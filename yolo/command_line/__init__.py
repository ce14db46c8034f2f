"""The command line, `python -m yolo`: one module for each command, `run(options)`, and what they share."""
