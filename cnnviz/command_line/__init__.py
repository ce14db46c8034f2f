"""The command line, `python -m cnnviz`: what it reads, what it does, what it writes."""
